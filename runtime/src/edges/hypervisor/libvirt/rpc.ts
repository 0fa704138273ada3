/**
 * Calls to a libvirt daemon over one stream.
 *
 * Replies are matched by serial and come in any order; messages (events, keepalive) have serial 0. The daemon stops
 * reading a connection at its fifth request in flight (its max_client_requests), keepalive answers included, and may then
 * cut it: so at most four calls are on the wire, the rest wait here in order.
 */
import type { Duplex } from 'node:stream';
import type { HostName } from '../../../core/index.js';
import { asError } from '../../ssh/abortable.js';
import type { HypervisorError } from '../errors.js';
import { PendingCalls } from '../pending-calls.js';
import type { HostLost } from '../port.js';
import { errorFromReply, lostError, protocolError, remoteError } from './errors.js';
import { frame, type Packet, PacketReader, packetStatus, packetTypes } from './framing.js';
import { type Procedure, procedures, programs } from './procedures.js';
import { decode, encode } from './xdr.js';

const maxInFlight = 4;
const version = 1;
const keepalive = { ping: 1, pong: 2 } as const;
/** How long the daemon gets to say goodbye. */
const closeTimeoutMs = 500;

export type MessageHandler = (packet: Packet) => void;

export class RpcConnection implements AsyncDisposable {
    readonly host: HostName;
    /** Settles when the connection breaks; never by our own disposal. */
    readonly lost: Promise<HostLost>;
    readonly #stream: Duplex;
    readonly #onMessage: MessageHandler;
    readonly #packets = new PacketReader();
    readonly #calls: PendingCalls<Packet>;
    readonly #tellLost: (lost: HostLost) => void;
    #broken: HypervisorError | undefined;
    #closing = false;

    constructor(host: HostName, stream: Duplex, onMessage: MessageHandler) {
        this.host = host;
        this.#stream = stream;
        this.#onMessage = onMessage;
        this.#calls = new PendingCalls((bytes) => void stream.write(bytes), maxInFlight);
        const { promise, resolve } = Promise.withResolvers<HostLost>();
        this.lost = promise;
        this.#tellLost = resolve;
        stream.on('data', (chunk: Buffer) => this.#receive(chunk));
        // A daemon that cuts us shows as 'end'; 'close' comes only after our own side has ended.
        stream.on('end', () => this.#break('the daemon closed it'));
        stream.on('close', () => this.#break('it was closed'));
        stream.on('error', (error) => this.#break(error.message));
    }

    /** Errors are HypervisorErrors. Aborting gives up the wait (or the place in the queue); what is sent is sent. */
    async call<A, R>(procedure: Procedure<A, R>, args: A, signal: AbortSignal): Promise<R> {
        signal.throwIfAborted();
        if (this.#broken) throw this.#broken;
        const { program, number } = procedure;
        const packet = (serial: number): Buffer =>
            frame({
                header: { program, version, procedure: number, type: packetTypes.call, serial, status: packetStatus.ok },
                payload: encode(procedure.args, args),
            });
        return this.#result(procedure, await this.#calls.make(procedure.name, packet, signal));
    }

    async [Symbol.asyncDispose](): Promise<void> {
        if (this.#closing) return;
        const broken = this.#broken !== undefined;
        // A goodbye would wait behind a call that blocks; then the stream's end says it.
        if (!broken && !this.#calls.someOnWire) {
            await this.call(procedures.connectClose, undefined, AbortSignal.timeout(closeTimeoutMs)).catch(() => undefined);
        }
        this.#closing = true;
        this.#break('it was closed by us');
        this.#stream.end();
        this.#stream.destroy();
    }

    #result<A, R>(procedure: Procedure<A, R>, reply: Packet): R {
        try {
            if (reply.header.status === packetStatus.ok) return decode(procedure.result, reply.payload);
            throw errorFromReply(this.host, procedure.name, decode(remoteError, reply.payload));
        } catch (error) {
            if (asError(error).name !== 'XdrError') throw error;
            throw protocolError(this.host, `its answer to ${procedure.name} does not fit: ${asError(error).message}`, error);
        }
    }

    #receive(chunk: Buffer): void {
        try {
            for (const packet of this.#packets.push(chunk)) this.#dispatch(packet);
        } catch (error) {
            this.#break(protocolError(this.host, asError(error).message, error));
            this.#stream.destroy();
        }
    }

    #dispatch(packet: Packet): void {
        const { type, program, serial } = packet.header;
        if (program === programs.keepalive) return this.#answerPing(packet);
        if (type === packetTypes.message) return this.#onMessage(packet);
        if (type !== packetTypes.reply) throw protocolError(this.host, `a packet of type ${String(type)}`);
        const call = this.#calls.answered(serial);
        if (call === undefined) throw protocolError(this.host, `a reply to call ${String(serial)}, which was not made`);
        call.resolve(packet);
    }

    #answerPing(packet: Packet): void {
        if (packet.header.procedure !== keepalive.ping) return;
        this.#stream.write(frame({ header: { ...packet.header, procedure: keepalive.pong }, payload: new Uint8Array() }));
    }

    #break(why: string | HypervisorError): void {
        if (this.#broken) return;
        const error = typeof why === 'string' ? lostError(this.host, why) : why;
        this.#broken = error;
        this.#calls.fail((procedure) => (typeof why === 'string' ? lostError(this.host, why, procedure) : why));
        if (!this.#closing) this.#tellLost({ why: error.message });
    }
}
