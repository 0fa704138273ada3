/**
 * Where hooks and checks are run: hosts and probes of the inventory, and this machine. Each place is reached over a
 * connection of its own, opened when it is first needed: those of the moves hold locks, and a server allows few sessions on each.
 */
import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { Milliseconds } from '@mig/language';
import { MigrationError } from '../../core/errors.js';
import type { Connection, Inventory } from '../../core/index.js';
import { abortable } from '../ssh/abortable.js';
import type { HostAccess } from '../ssh/access.js';
import { ownEnvironment, type SshEnvironment } from '../ssh/environment.js';
import { openLocal } from '../ssh/local-access.js';
import { openSsh } from '../ssh/ssh-access.js';

/** A host or probe of the inventory; undefined is this machine. */
export type Place = string | undefined;

export interface Places extends AsyncDisposable {
    /**
     * Runs a command to its end, or to the end of its time: it is then ended where it runs. Arguments and environment
     * reach it exactly as they stand here. Rejects where it cannot be started at all.
     */
    run(place: Place, command: Command, signal: AbortSignal): Promise<CommandEnd>;
    /** Connects and closes again. Rejects where nothing answers. */
    connect(place: Place, address: string, port: number, signal: AbortSignal): Promise<void>;
    /** Whether the address answers at all: a refusal is an answer. Rejects where none comes. Any number at one time. */
    ask(place: Place, address: string, port: number, signal: AbortSignal): Promise<'accepted' | 'refused'>;
}

export interface Command {
    readonly argv: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
    readonly within: Milliseconds;
}

export interface CommandEnd {
    /** Undefined: it was ended by a signal, or lost with its host. */
    readonly code: number | undefined;
    readonly timedOut: boolean;
    /** The last that it wrote to either stream, bounded. */
    readonly output: string;
}

/** Of what a command writes: its end, where errors stand. */
export const outputKept = 4096;
/** What `timeout` ends with when time is up; 137 where the command had to be killed. */
const timeoutCodes: readonly (number | undefined)[] = [124, 137];
/** A command that does not heed its end is killed. */
const killAfterSeconds = 2;
/** For what `timeout` does and for the way: then the host is lost, rather than the command slow. */
const graceMs = 5000;
/** Sessions on one connection: below the ten that an SSH server allows unless told otherwise. */
const atOnce = 6;

/** The places of an inventory, over SSH. */
export function placesOf(inventory: Inventory, environment: SshEnvironment = ownEnvironment()): Places {
    return new SshPlaces(inventory, environment);
}

class SshPlaces implements Places {
    readonly #inventory: Inventory;
    readonly #environment: SshEnvironment;
    readonly #open = new Map<Place, Promise<HostAccess>>();
    readonly #turns = new Map<Place, Turns>();

    constructor(inventory: Inventory, environment: SshEnvironment) {
        this.#inventory = inventory;
        this.#environment = environment;
    }

    run(place: Place, { argv, environment, within }: Command, signal: AbortSignal): Promise<CommandEnd> {
        const wrapped = [
            'timeout',
            `--kill-after=${killAfterSeconds}`,
            (within / 1000).toFixed(3),
            'env',
            ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
            ...argv,
        ];
        return this.#inTurn(place, signal, async (access) => {
            const late = AbortSignal.timeout(Math.ceil(within + killAfterSeconds * 1000 + graceMs));
            const either = AbortSignal.any([signal, late]);
            const process = await access.start(wrapped, either);
            process.stdin.end();
            const output = new Tail(outputKept);
            output.follow(process.stdout);
            output.follow(process.stderr);
            try {
                const { code } = await abortable(process.exit, either);
                return { code, timedOut: timeoutCodes.includes(code), output: output.text() };
            } catch (error) {
                process.close();
                if (!late.aborted || signal.aborted) throw error;
                return { code: undefined, timedOut: true, output: output.text() };
            }
        });
    }

    connect(place: Place, address: string, port: number, signal: AbortSignal): Promise<void> {
        return this.#inTurn(place, signal, async (access) => {
            const stream = await (access.openTcp?.(address, port, signal) ?? connectFromHere(address, port, signal));
            stream.destroy();
        });
    }

    async ask(place: Place, address: string, port: number, signal: AbortSignal): Promise<'accepted' | 'refused'> {
        const access = await this.#access(place, signal);
        try {
            const stream = await (access.openTcp?.(address, port, signal) ?? connectFromHere(address, port, signal));
            stream.destroy();
            return 'accepted';
        } catch (error) {
            if (isRefusal(error)) return 'refused';
            throw error;
        }
    }

    async [Symbol.asyncDispose](): Promise<void> {
        const all = [...this.#open.values()];
        this.#open.clear();
        await Promise.allSettled(all.map(async (access) => (await access)[Symbol.asyncDispose]()));
    }

    async #inTurn<T>(place: Place, signal: AbortSignal, work: (access: HostAccess) => Promise<T>): Promise<T> {
        const turns = this.#turns.get(place) ?? new Turns(atOnce);
        this.#turns.set(place, turns);
        await turns.take(signal);
        try {
            return await work(await this.#access(place, signal));
        } finally {
            turns.giveBack();
        }
    }

    /** The connection to a place, opened anew after a loss. */
    async #access(place: Place, signal: AbortSignal): Promise<HostAccess> {
        const known = this.#open.get(place);
        if (known !== undefined) return abortable(known, signal);
        const connection = connectionOf(this.#inventory, place);
        const name = place ?? 'this machine';
        const opening =
            connection.kind === 'local' ? Promise.resolve(openLocal(name)) : openSsh(name, connection, signal, this.#environment);
        this.#open.set(place, opening);
        const forget = (): void => {
            if (this.#open.get(place) === opening) this.#open.delete(place);
        };
        opening.then(async (access) => {
            await access.lost;
            forget();
        }, forget);
        return opening;
    }
}

function connectionOf(inventory: Inventory, place: Place): Connection {
    if (place === undefined) return { kind: 'local' };
    const found = [...inventory.hosts, ...(inventory.probes ?? [])].find(({ name }) => name === place);
    if (found) return found.connection;
    throw new MigrationError('unknown-host', `the plan names ${place}, which is neither a host nor a probe of the inventory`, {
        hint: 'use the inventory that the plan was made with',
        where: { host: place },
    });
}

function connectFromHere(address: string, port: number, signal: AbortSignal): Promise<Socket> {
    const opening = new Promise<Socket>((resolve, reject) => {
        const socket = connect({ host: address, port, signal });
        socket.once('connect', () => resolve(socket));
        // Stays: an error after the first must not end the process.
        socket.on('error', reject);
    });
    return abortable(opening, signal, (late) => late.destroy());
}

/** Node says so by a code, an SSH server in the words of its system. */
function isRefusal(error: unknown): boolean {
    if (!(error instanceof Error)) return false;
    return ('code' in error && error.code === 'ECONNREFUSED') || /connection refused/i.test(error.message);
}

/** The last of what streams carry. They are read to their end, whatever they carry. */
class Tail {
    readonly #most: number;
    #kept = Buffer.alloc(0);
    #dropped = 0;

    constructor(most: number) {
        this.#most = most;
    }

    follow(stream: Readable): void {
        stream.on('data', (chunk: Uint8Array) => {
            const all = Buffer.concat([this.#kept, chunk]);
            this.#dropped += Math.max(0, all.length - this.#most);
            this.#kept = all.subarray(Math.max(0, all.length - this.#most));
        });
        // A stream that breaks ends; the exit without a code says so.
        stream.on('error', () => undefined);
    }

    text(): string {
        const kept = this.#kept.toString('utf8').trimEnd();
        return this.#dropped === 0 ? kept : `(${this.#dropped} bytes before this)\n${kept}`;
    }
}

/** So many at once, the others in the order in which they came. */
class Turns {
    #free: number;
    readonly #waiting: (() => void)[] = [];

    constructor(atOnce: number) {
        this.#free = atOnce;
    }

    async take(signal: AbortSignal): Promise<void> {
        if (this.#free > 0) {
            this.#free -= 1;
            return;
        }
        const turn = new Promise<void>((resolve) => this.#waiting.push(resolve));
        // A turn that comes too late goes to the next.
        await abortable(turn, signal, () => this.giveBack());
    }

    giveBack(): void {
        const next = this.#waiting.shift();
        if (next) next();
        else this.#free += 1;
    }
}
