/**
 * Sessions that are opened while the policy is still being compiled: hosts take as long to let somebody in as a compiler
 * takes to start. Which inventory the policy will name is guessed; a wrong guess costs nothing but the openings, and what
 * goes wrong early is told when the session is asked for, as if it had been opened then.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { HostName, Inventory } from '../../core/index.js';
import { openSessionOf } from '../hypervisor/drivers.js';
import type { HostSession } from '../hypervisor/port.js';
import type { OpenSession } from '../hypervisor/sessions.js';
import { abortable } from '../ssh/abortable.js';
import { type LoadedInventory, readInventory } from './load.js';

export interface EarlyOptions {
    readonly inventory?: string;
    /** With a snapshot no host is asked for anything. */
    readonly snapshot?: string;
}

export class EarlySessions implements AsyncDisposable {
    readonly #openerOf: (inventory: Inventory) => OpenSession;
    readonly #ended = new AbortController();
    /** Not yet handed out. */
    readonly #opening = new Map<HostName, Promise<HostSession>>();
    #guess: { readonly file: string; readonly read: Promise<LoadedInventory> } | undefined;

    private constructor(openerOf: (inventory: Inventory) => OpenSession) {
        this.#openerOf = openerOf;
    }

    /** Returns when the openings are under way; it waits for none of them, and rejects for nothing. */
    static async begin(policy: string, options: EarlyOptions, openerOf = openToObserve): Promise<EarlySessions> {
        const early = new EarlySessions(openerOf);
        const file = options.snapshot === undefined ? (options.inventory ?? (await namedIn(policy))) : undefined;
        if (file !== undefined) await early.#open(file);
        return early;
    }

    /** The inventory in `file`: the one that was read already, where it is that. Errors are those of {@link readInventory}. */
    inventory(file: string): Promise<LoadedInventory> {
        return this.#guess?.file === file ? this.#guess.read : readInventory(file);
    }

    /** Opens sessions with the hosts of `inventory`: each host's first is the early one, where the guess was right. */
    async opener(inventory: Inventory): Promise<OpenSession> {
        const open = this.#openerOf(inventory);
        if (inventory !== (await this.#guessed())) {
            await this.#close();
            return open;
        }
        return (host, signal) => {
            const early = this.#opening.get(host.name);
            this.#opening.delete(host.name);
            return early === undefined ? open(host, signal) : abortable(early, signal, (late) => void late[Symbol.asyncDispose]());
        };
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.#close();
    }

    async #open(file: string): Promise<void> {
        this.#guess = { file, read: readInventory(file) };
        const inventory = await this.#guessed();
        if (inventory === undefined) return;
        const open = this.#openerOf(inventory);
        for (const host of inventory.hosts.filter((h) => h.driver === 'libvirt')) {
            const opening = open(host, this.#ended.signal);
            opening.catch(() => undefined); // told to whoever asks for the session
            this.#opening.set(host.name, opening);
        }
    }

    /** An inventory that cannot be read is told when the policy turns out to name it. */
    async #guessed(): Promise<Inventory | undefined> {
        return (await this.#guess?.read.catch(() => undefined))?.inventory;
    }

    /** What was not handed out. */
    async #close(): Promise<void> {
        this.#ended.abort();
        const left = [...this.#opening.values()];
        this.#opening.clear();
        await Promise.allSettled(left.map(async (opening) => (await opening)[Symbol.asyncDispose]()));
    }
}

const openToObserve = (inventory: Inventory): OpenSession => openSessionOf(inventory, { lookAhead: true });

/** Where a policy says plainly which inventory it means: once, and not in a comment. */
async function namedIn(policy: string): Promise<string | undefined> {
    const text = await readFile(policy, 'utf8').catch(() => ''); // told when the policy is loaded
    const bare = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, ' ');
    const [one, ...more] = [...bare.matchAll(/^\s*inventory\s+"([^"\\\n]+)"/gm)];
    if (one?.[1] === undefined || more.length > 0) return undefined;
    return path.relative('.', path.resolve(path.dirname(policy), one[1]));
}
