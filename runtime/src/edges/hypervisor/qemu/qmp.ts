/**
 * QMP, QEMU's protocol for programs, over one stream (QEMU: docs/interop/qmp-spec).
 *
 *   server                                     client
 *   {"QMP": {"version": …}}        ──▶          (greeting; comes only when no other client is served)
 *                                  ◀──          {"execute": "qmp_capabilities", "id": 1}
 *   {"return": {}, "id": 1}        ──▶
 *   {"event": "STOP", "timestamp": …}           (at any time, between replies too)
 *
 * Commands carry an id, by which replies are matched. QEMU takes eight commands at once and stops reading then: at most
 * four are on the wire, the rest wait here in order.
 */
import type { Duplex } from 'node:stream';
import { abortable, asError } from '../../ssh/abortable.js';
import { HypervisorError } from '../errors.js';
import { PendingCalls } from '../pending-calls.js';
import type { HostLost } from '../port.js';
import { NotJsonObjects, ObjectReader } from './json-objects.js';
import { type MonitorName, monitorBusy, monitorLost, noAnswer, notQmp, QmpRefusal } from './qmp-errors.js';
import { isRecord, Reply } from './reply.js';

export interface QmpEvent {
    readonly name: string;
    readonly data: Reply;
    /** Milliseconds since the epoch on the host's clock. */
    readonly at: number;
}

export interface QmpOptions {
    /** A server that has not greeted by then serves somebody else. */
    readonly greetingWithinMs?: number;
    /** A command that is not answered by then has failed. */
    readonly answerWithinMs?: number;
}

const defaults = { greetingWithinMs: 5_000, answerWithinMs: 30_000 } as const;
const maxInFlight = 4;
/** How long the server gets to close its end. */
const closeTimeoutMs = 500;

export class QmpConnection implements AsyncDisposable {
    readonly name: MonitorName;
    /** Settles when the connection breaks, which it does when QEMU ends; never by our own disposal. */
    readonly lost: Promise<HostLost>;
    readonly #stream: Duplex;
    readonly #answerWithinMs: number;
    readonly #objects = new ObjectReader();
    readonly #greeting = Promise.withResolvers<Reply>();
    readonly #lost = Promise.withResolvers<HostLost>();
    readonly #calls: PendingCalls<Reply>;
    readonly #listeners = new Set<(event: QmpEvent) => void>();
    #version = '';
    #broken: HypervisorError | undefined;
    #closing = false;
    #streamClosed = false;

    private constructor(name: MonitorName, stream: Duplex, answerWithinMs: number) {
        this.name = name;
        this.#stream = stream;
        this.#answerWithinMs = answerWithinMs;
        this.#calls = new PendingCalls((text) => void stream.write(text), maxInFlight);
        this.lost = this.#lost.promise;
        this.#greeting.promise.catch(() => undefined); // told to whoever waits for it
        stream.on('data', (chunk: Buffer) => this.#receive(chunk));
        stream.on('end', () => this.#break(monitorLost(name, 'QEMU closed it')));
        stream.on('close', () => {
            this.#streamClosed = true;
            this.#break(monitorLost(name, 'it was closed'));
        });
        stream.on('error', (error) => this.#break(monitorLost(name, error.message)));
    }

    /** Waits for the greeting and begins. Owns the stream from the call on. Errors: timed-out (busy), protocol, host-lost. */
    static async open(name: MonitorName, stream: Duplex, signal: AbortSignal, options: QmpOptions = {}): Promise<QmpConnection> {
        const { greetingWithinMs, answerWithinMs } = { ...defaults, ...options };
        const qmp = new QmpConnection(name, stream, answerWithinMs);
        try {
            const late = AbortSignal.timeout(greetingWithinMs);
            const greeting = await abortable(qmp.#greeting.promise, AbortSignal.any([signal, late])).catch((error: unknown) => {
                throw late.aborted && !signal.aborted && !(error instanceof HypervisorError) ? monitorBusy(name, greetingWithinMs) : error;
            });
            const [major, minor, micro] = ['major', 'minor', 'micro'].map((part) => greeting.at('version', 'qemu', part).number ?? 0);
            qmp.#version = `${String(major)}.${String(minor)}.${String(micro)}`;
            await qmp.execute('qmp_capabilities', undefined, signal);
            return qmp;
        } catch (error) {
            await qmp[Symbol.asyncDispose]();
            throw error;
        }
    }

    /** Of the QEMU that answers. */
    get version(): string {
        return this.#version;
    }
    get isBroken(): boolean {
        return this.#broken !== undefined;
    }

    /** Errors are HypervisorErrors; {@link QmpRefusal} where QEMU said no. Aborting gives up the wait: what is sent is sent. */
    async execute(command: string, args: Readonly<Record<string, unknown>> | undefined, signal: AbortSignal): Promise<Reply> {
        signal.throwIfAborted();
        if (this.#broken) throw this.#broken;
        const late = AbortSignal.timeout(this.#answerWithinMs);
        const text = (id: number): string => `${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`;
        try {
            return await this.#calls.make(command, text, AbortSignal.any([signal, late]));
        } catch (error) {
            throw late.aborted && !signal.aborted && !(error instanceof HypervisorError)
                ? noAnswer(this.name, command, this.#answerWithinMs)
                : error;
        }
    }

    /** Tells every event from now on; call the result to hear no more. */
    onEvent(listener: (event: QmpEvent) => void): () => void {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    }

    async [Symbol.asyncDispose](): Promise<void> {
        if (this.#closing) return;
        this.#closing = true;
        this.#break(monitorLost(this.name, 'we closed it'));
        if (this.#streamClosed) return;
        const closed = Promise.withResolvers<undefined>();
        this.#stream.once('close', () => closed.resolve(undefined));
        const givingUp = setTimeout(() => closed.resolve(undefined), closeTimeoutMs);
        this.#stream.end();
        this.#stream.destroy();
        await closed.promise;
        clearTimeout(givingUp);
    }

    #receive(chunk: Buffer): void {
        if (this.#broken) return;
        try {
            for (const text of this.#objects.push(chunk)) this.#message(text);
        } catch (error) {
            this.#break(notQmp(this.name, error instanceof NotJsonObjects ? error.found || error.message : asError(error).message, error));
            this.#stream.destroy();
        }
    }

    #message(text: string): void {
        const value: unknown = JSON.parse(text);
        const message = new Reply(value);
        if (!isRecord(value)) throw new NotJsonObjects('it is no JSON object', text.slice(0, 80));
        if ('QMP' in value) this.#greeting.resolve(message.at('QMP'));
        else if ('event' in value) this.#tell(message);
        else if ('return' in value || 'error' in value) this.#settle(message);
        else throw new NotJsonObjects('a message of no known kind', text.slice(0, 80));
    }

    #tell(message: Reply): void {
        const [seconds, micros] = [message.at('timestamp', 'seconds').number ?? 0, message.at('timestamp', 'microseconds').number ?? 0];
        const event = { name: message.at('event').text ?? '', data: message.at('data'), at: seconds * 1000 + micros / 1000 };
        for (const listener of [...this.#listeners]) listener(event);
    }

    #settle(message: Reply): void {
        const id = message.at('id').number;
        const call = this.#calls.answered(id);
        const error = message.at('error');
        if (call === undefined) throw new NotJsonObjects('a reply to nothing', error.at('desc').text ?? `id ${String(id)}`);
        if (!error.exists) return call.resolve(message.at('return'));
        const [kind, why] = [error.at('class').text ?? 'GenericError', error.at('desc').text ?? 'no reason given'];
        call.reject(new QmpRefusal(this.name, call.what, kind, why));
    }

    #break(error: HypervisorError): void {
        if (this.#broken) return;
        this.#broken = error;
        this.#greeting.reject(error);
        this.#calls.fail((command) => (error.code === 'host-lost' ? monitorLost(this.name, reasonOf(error), command) : error));
        if (!this.#closing) {
            this.#lost.resolve({ why: error.message });
            this.#stream.end();
        }
    }
}

const reasonOf = (error: HypervisorError): string => error.message.slice(error.message.lastIndexOf(': ') + 2);
