/**
 * Calls over one stream that wait for their replies, which come in any order and are matched by number. A server takes so
 * many at once and stops reading then: the rest wait here in order.
 */
import { abortable } from '../ssh/abortable.js';

interface Pending<Reply> {
    readonly id: number;
    readonly what: string;
    readonly message: string | Uint8Array;
    readonly resolve: (reply: Reply) => void;
    readonly reject: (error: Error) => void;
}

/** A call whose reply has come. */
export type Answered<Reply> = Pick<Pending<Reply>, 'what' | 'resolve' | 'reject'>;

export class PendingCalls<Reply> {
    readonly #write: (message: string | Uint8Array) => void;
    readonly #atOnce: number;
    readonly #onWire = new Map<number, Pending<Reply>>();
    readonly #queue: Pending<Reply>[] = [];
    #lastId = 0;

    constructor(write: (message: string | Uint8Array) => void, atOnce: number) {
        this.#write = write;
        this.#atOnce = atOnce;
    }

    /** Some have been sent, and are not answered yet. */
    get someOnWire(): boolean {
        return this.#onWire.size > 0;
    }

    /** Makes a call; `what` names it. Aborting gives up the wait, or the place in the queue: what is sent is sent. */
    async make(what: string, message: (id: number) => string | Uint8Array, signal: AbortSignal): Promise<Reply> {
        const id = ++this.#lastId;
        const { promise, resolve, reject } = Promise.withResolvers<Reply>();
        this.#queue.push({ id, what, message: message(id), resolve, reject });
        this.#send();
        const leaveQueue = (): void => {
            const at = this.#queue.findIndex((waiting) => waiting.id === id);
            if (at >= 0) this.#queue.splice(at, 1);
        };
        signal.addEventListener('abort', leaveQueue, { once: true });
        try {
            return await abortable(promise, signal);
        } finally {
            signal.removeEventListener('abort', leaveQueue);
        }
    }

    /** The call that a reply answers: it is off the wire, and the next one goes out. Undefined: no such call waits. */
    answered(id: number | undefined): Answered<Reply> | undefined {
        const call = id === undefined ? undefined : this.#onWire.get(id);
        if (!call) return undefined;
        this.#onWire.delete(call.id);
        this.#send();
        return call;
    }

    /** No reply comes any more: all that wait fail, each with its own error. */
    fail(errorOf: (what: string) => Error): void {
        const waiting = [...this.#onWire.values(), ...this.#queue.splice(0)];
        this.#onWire.clear();
        for (const { what, reject } of waiting) reject(errorOf(what));
    }

    #send(): void {
        while (this.#onWire.size < this.#atOnce) {
            const next = this.#queue.shift();
            if (next === undefined) return;
            this.#onWire.set(next.id, next);
            this.#write(next.message);
        }
    }
}
