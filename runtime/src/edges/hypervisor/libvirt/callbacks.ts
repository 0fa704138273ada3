/**
 * Events of one connection. A message can come before the reply that names its callback, so messages of callbacks that
 * are not known are held while a registration is under way.
 */
import { HypervisorError } from '../errors.js';
import type { Packet } from './framing.js';
import { type Domain, eventIds, type Message, type MessageName, messages, procedures } from './procedures.js';
import type { RpcConnection } from './rpc.js';
import { decode } from './xdr.js';

type AnyMessage = { readonly [N in MessageName]: { readonly name: N; readonly message: Message<N> } }[MessageName];
type Handler = (event: AnyMessage) => void;

/** More than this is not held: no registration takes that long. */
const maxHeld = 1024;

export class Callbacks {
    readonly #handlers = new Map<string, Handler>();
    #held: AnyMessage[] = [];
    #registering = 0;

    /** For the connection's messages. */
    receive(packet: Packet): void {
        const event = read(packet);
        if (event === undefined) return;
        const handler = this.#handlers.get(key(event.name, event.message.callbackId));
        if (handler) handler(event);
        else if (this.#registering > 0 && this.#held.length < maxHeld) this.#held.push(event);
    }

    /** Events of one domain, or of all where none is named. */
    async onDomainEvent<N extends keyof typeof eventIds>(
        rpc: RpcConnection,
        name: N,
        dom: Domain | undefined,
        handler: (message: Message<N>) => void,
        signal: AbortSignal,
    ): Promise<void> {
        await this.#register(name, handler, () => rpc.call(procedures.eventRegister, { eventId: eventIds[name], dom }, signal));
    }

    /** QEMU's own events whose names match; this does not taint the domain. False: this daemon does not tell them. */
    async onMonitorEvent(
        rpc: RpcConnection,
        names: readonly string[],
        dom: Domain | undefined,
        handler: (message: Message<'monitor'>) => void,
        signal: AbortSignal,
    ): Promise<boolean> {
        const event = `^(${names.join('|')})$`;
        try {
            await this.#register('monitor', handler, () =>
                rpc.call(procedures.monitorEventRegister, { dom, event, flags: asRegularExpression }, signal),
            );
            return true;
        } catch (error) {
            if (error instanceof HypervisorError && (error.code === 'feature-missing' || error.code === 'socket-forbidden')) return false;
            throw error;
        }
    }

    async #register<N extends MessageName>(
        name: N,
        handler: (message: Message<N>) => void,
        register: () => Promise<{ callbackId: number }>,
    ): Promise<void> {
        this.#registering += 1;
        try {
            const { callbackId } = await register();
            const own = key(name, callbackId);
            const deliver: Handler = (event) => {
                if (event.name === name) handler(event.message as Message<N>);
            };
            this.#handlers.set(own, deliver);
            const held = this.#held.filter((event) => key(event.name, event.message.callbackId) === own);
            this.#held = this.#held.filter((event) => !held.includes(event));
            held.forEach(deliver);
        } finally {
            this.#registering -= 1;
            if (this.#registering === 0) this.#held = [];
        }
    }
}

/** VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX. */
const asRegularExpression = 1;

const key = (name: MessageName, callbackId: number): string => `${name}:${String(callbackId)}`;

/** Undefined for messages that we do not know. */
function read(packet: Packet): AnyMessage | undefined {
    for (const name of Object.keys(messages) as MessageName[]) {
        const layout = messages[name];
        if (layout.program !== packet.header.program || layout.number !== packet.header.procedure) continue;
        return { name, message: decode<unknown>(layout.result, packet.payload) } as AnyMessage;
    }
    return undefined;
}
