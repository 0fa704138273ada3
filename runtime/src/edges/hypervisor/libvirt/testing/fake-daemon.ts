/**
 * A libvirt daemon for tests, made of the same codecs: it answers what it is told to answer, over an in-process stream,
 * and remembers what it was asked.
 */
import { type Duplex, duplexPair } from 'node:stream';
import { remoteError } from '../errors.js';
import { frame, type Packet, PacketReader, packetStatus, packetTypes } from '../framing.js';
import { type MessageName, type Message, messages, type Procedure, procedures } from '../procedures.js';
import { decode, encode } from '../xdr.js';

/** Thrown by an answer: the daemon replies with this error. */
export class DaemonRefusal extends Error {
    readonly code: number;

    constructor(code: number, message: string) {
        super(message);
        this.code = code;
    }
}

export interface Asked {
    readonly name: string;
    readonly args: unknown;
    /** Which of the daemon's connections. */
    readonly connection: number;
}

type Answer = (args: unknown, connection: FakeConnection) => unknown;

export class FakeDaemon {
    readonly asked: Asked[] = [];
    readonly connections: FakeConnection[] = [];
    readonly #answers = new Map<string, { readonly procedure: Procedure<unknown, unknown>; readonly answer: Answer }>();

    /** A daemon that authenticates nobody, has every feature, and is libvirt 10.1.0 with QEMU 8.2.1. */
    constructor() {
        this.on(procedures.authList, () => ({ types: [] }));
        this.on(procedures.connectSupportsFeature, () => ({ supported: 1 }));
        this.on(procedures.connectOpen, () => undefined);
        this.on(procedures.connectClose, () => undefined);
        this.on(procedures.connectGetLibVersion, () => ({ version: 10_001_000n }));
        this.on(procedures.connectGetVersion, () => ({ version: 8_002_001n }));
    }

    on<A, R>(procedure: Procedure<A, R>, answer: (args: A, connection: FakeConnection) => R | Promise<R>): this {
        this.#answers.set(key(procedure.program, procedure.number), {
            procedure: procedure,
            answer: answer as Answer,
        });
        return this;
    }

    /** A new connection; the result is the client's end. */
    connect(): Duplex {
        const [client, server] = duplexPair();
        this.connections.push(new FakeConnection(server, (connection, packet) => this.#handle(connection, packet)));
        return client;
    }

    names(): readonly string[] {
        return this.asked.map((call) => call.name);
    }

    async #handle(connection: FakeConnection, packet: Packet): Promise<void> {
        const { program, procedure: number, type } = packet.header;
        if (type !== packetTypes.call) return;
        const found = this.#answers.get(key(program, number));
        const reply = (status: number, payload: Uint8Array): void =>
            connection.write({ header: { ...packet.header, type: packetTypes.reply, status }, payload });
        try {
            if (found === undefined) throw new DaemonRefusal(39, `unknown procedure: ${String(number)}`);
            const args = decode(found.procedure.args, packet.payload);
            this.asked.push({ name: found.procedure.name, args, connection: this.connections.indexOf(connection) });
            reply(packetStatus.ok, encode(found.procedure.result, await found.answer(args, connection)));
        } catch (error) {
            if (!(error instanceof DaemonRefusal)) throw error;
            reply(packetStatus.error, encode(remoteError, { ...emptyError, code: error.code, message: error.message }));
        }
    }
}

export class FakeConnection {
    /** Everything that came, keepalive answers included. */
    readonly received: Packet[] = [];
    readonly #stream: Duplex;
    readonly #packets = new PacketReader();

    constructor(stream: Duplex, handle: (connection: FakeConnection, packet: Packet) => Promise<void>) {
        this.#stream = stream;
        stream.on('data', (chunk: Buffer) => {
            for (const packet of this.#packets.push(chunk)) {
                this.received.push(packet);
                void handle(this, packet);
            }
        });
    }

    write(packet: Packet): void {
        this.#stream.write(frame(packet));
    }

    tell<N extends MessageName>(name: N, message: Message<N>): void {
        const layout = messages[name] as Procedure<unknown, unknown>;
        const header = {
            program: layout.program,
            version: 1,
            procedure: layout.number,
            type: packetTypes.message,
            serial: 0,
            status: packetStatus.ok,
        };
        this.write({ header, payload: encode(layout.result, message) });
    }

    /** As a daemon that goes away: its side ends, ours is still open. */
    end(): void {
        this.#stream.end();
    }
}

const key = (program: number, number: number): string => `${String(program)}/${String(number)}`;

const emptyError = {
    domain: 10,
    level: 2,
    dom: undefined,
    string1: undefined,
    string2: undefined,
    string3: undefined,
    int1: 0,
    int2: 0,
    network: undefined,
};
