/** Policies with everything that is found in them, and in the inventories and configurations that they use. */
import path from 'node:path';
import type { Finding } from '@mig/language';
import { type Inventory, isMigrationError, type LastLook, LastLooks, lint, type Snapshot } from '../../../core/index.js';
import { readLook } from '../../observe/looks.js';
import { wallClock } from '../../observe/observe.js';
import type { Compiling } from '../compile/compiling.js';
import { type FindingsOf, type LoadedInventory, type LoadedPolicy, loadInventory, loadPolicy, readInventory } from '../load.js';
import { configFor, type LoadedConfig } from './config-file.js';

export interface JudgeOptions {
    readonly inventory?: string;
    /** What hosts and VMs are taken to be, instead of what was seen of them last. */
    readonly snapshot?: Snapshot;
    /** Where what was seen last is kept. */
    readonly state: string;
    readonly set: Readonly<Record<string, string>>;
}

export interface JudgedPolicy extends FindingsOf {
    readonly path: string;
    /** What was known of the hosts and VMs of its inventory. */
    readonly look: LastLook;
}

/** Judges policies one after the other; an inventory or a configuration that several use is read once. */
export class Judge {
    readonly #options: JudgeOptions;
    readonly #compiling: Compiling;
    readonly #kept: boolean;
    readonly #inventories = new Map<string, Promise<LoadedInventory>>();
    readonly #looks = new Map<string, { readonly text: string | undefined; readonly looks: LastLooks }>();
    readonly #configs = new Map<string, Promise<LoadedConfig | undefined>>();

    constructor(options: JudgeOptions, compiling: Compiling, { kept }: { readonly kept: boolean }) {
        this.#options = options;
        this.#compiling = compiling;
        this.#kept = kept;
    }

    /** Throws `file-unreadable`; what is wrong inside is in the findings. */
    async policy(file: string): Promise<JudgedPolicy> {
        const policy = await loadPolicy(file, this.#options.set, this.#compiling, { kept: this.#kept });
        const { inventory, inventoryPath, problem } = await this.#inventoryOf(policy);
        const look = inventory && inventoryPath !== undefined ? this.#lookAt(inventoryPath, inventory) : nothingSeen;
        const config = (await this.#configOf(policy))?.config;
        const findings = problem === undefined ? policy.findings : [...policy.findings, problem];
        return {
            path: policy.path,
            sources: policy.sources,
            look,
            findings: lint({ ...policy, findings, inventory, look, config }),
        };
    }

    /** Inventories and configurations that were used so far, with what is wrong in them. */
    async besides(): Promise<readonly FindingsOf[]> {
        const used = await Promise.all([
            ...this.#configs.values(),
            ...[...this.#inventories.values()].map((one) => one.catch(() => undefined)),
        ]);
        // Below one configuration stand many directories.
        return [...new Map(used.flatMap((one) => (one === undefined ? [] : [[one.path, one] as const]))).values()];
    }

    #lookAt(file: string, inventory: Inventory): LastLook {
        const { snapshot, state } = this.#options;
        if (snapshot) return { kind: 'seen', snapshot };
        const known = this.#looks.get(file) ?? { text: readLook(state, file), looks: new LastLooks() };
        this.#looks.set(file, known);
        return known.looks.of(known.text, path.resolve(file), inventory, wallClock());
    }

    async #inventoryOf(
        policy: LoadedPolicy,
    ): Promise<{ readonly inventory: Inventory | undefined; readonly inventoryPath?: string; readonly problem?: Finding }> {
        const named = policy.program?.inventory;
        if (policy.program === undefined || (this.#options.inventory === undefined && named === undefined)) return { inventory: undefined };
        try {
            const loaded = await loadInventory(this.#options.inventory, policy, (file) => this.#readOnce(file));
            return { inventory: loaded.inventory, inventoryPath: loaded.path };
        } catch (error) {
            // The command line names a file that must be there; a policy's mistake is one of its findings.
            if (!isMigrationError(error) || this.#options.inventory !== undefined || named === undefined) throw error;
            return { inventory: undefined, problem: unusable(error, named.range) };
        }
    }

    #readOnce(file: string): Promise<LoadedInventory> {
        const known = this.#inventories.get(file) ?? readInventory(file);
        this.#inventories.set(file, known);
        return known;
    }

    #configOf(policy: LoadedPolicy): Promise<LoadedConfig | undefined> {
        const directory = path.dirname(path.resolve(policy.path));
        const known = this.#configs.get(directory) ?? configFor(policy.path, policy.textRules);
        this.#configs.set(directory, known);
        return known;
    }
}

const nothingSeen: LastLook = { kind: 'none' };

/** MIG015: the inventory that the policy names cannot be read, so that nothing was checked against it. */
const unusable = (error: Error & { readonly hint: string | undefined }, range: Finding['range']): Finding => ({
    id: 'MIG015',
    severity: 'error',
    message: error.message,
    hint: error.hint,
    range,
    fixes: [],
});
