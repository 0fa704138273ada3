/** A QMP server that says what a test wants it to say. */
import { Duplex } from 'node:stream';
import { ObjectReader } from '../json-objects.js';

export interface FakeCommand {
    readonly execute: string;
    readonly arguments: Readonly<Record<string, unknown>>;
    readonly id: number;
}

/** What it replies, an error, or nothing at all. */
export type FakeAnswer = { readonly return: unknown } | { readonly error: { readonly class: string; readonly desc: string } } | undefined;

/** The server's end of one stream; the client gets {@link stream}. */
export class FakeQemu {
    readonly commands: FakeCommand[] = [];
    readonly stream: Duplex;
    readonly #objects = new ObjectReader();
    readonly #answer: (command: FakeCommand, server: FakeQemu) => FakeAnswer | Promise<FakeAnswer>;

    constructor(
        answer: (command: FakeCommand, server: FakeQemu) => FakeAnswer | Promise<FakeAnswer>,
        options: { readonly greets?: boolean } = {},
    ) {
        this.#answer = answer;
        this.stream = new Duplex({
            read: () => undefined,
            write: (chunk: Buffer, _encoding, done) => {
                this.#receive(chunk);
                done();
            },
            final: (done) => {
                this.stream.push(null);
                done();
            },
        });
        if (options.greets !== false)
            this.send({ QMP: { version: { qemu: { major: 10, minor: 0, micro: 2 }, package: '' }, capabilities: ['oob'] } });
    }

    send(message: unknown): void {
        this.raw(`${JSON.stringify(message)}\r\n`);
    }

    event(name: string, data: unknown = {}, at = { seconds: 1_700_000_000, microseconds: 250_000 }): void {
        this.send({ event: name, data, timestamp: at });
    }

    raw(text: string): void {
        this.stream.push(Buffer.from(text));
    }

    /** QEMU ends. */
    close(): void {
        this.stream.push(null);
    }

    #receive(chunk: Buffer): void {
        for (const text of this.#objects.push(chunk)) {
            const given = JSON.parse(text) as { execute: string; arguments?: FakeCommand['arguments']; id: number };
            const command = { ...given, arguments: given.arguments ?? {} };
            this.commands.push(command);
            if (command.execute === 'qmp_capabilities') this.send({ return: {}, id: command.id });
            else void Promise.resolve(this.#answer(command, this)).then((answer) => answer && this.send({ ...answer, id: command.id }));
        }
    }
}
