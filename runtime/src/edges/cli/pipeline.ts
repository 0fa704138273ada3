/** From a policy file to a plan: the way that run, plan, apply and dry run have in common. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { type Finding, milliseconds, type Program } from '@mig/language';
import {
    hanging,
    hostFindingsBeside,
    type HostName,
    type Inventory,
    isMigrationError,
    type LintConfig,
    makePlan,
    MigrationError,
    everyNeed,
    observationNeeds,
    type Plan,
    type Planning,
    samplesToKeep,
    settle,
    type Snapshot,
    snapshotVersion,
    whyStale,
} from '../../core/index.js';
import { HostSessions } from '../hypervisor/sessions.js';
import { openSessionOf } from '../hypervisor/drivers.js';
import { journalPath } from '../journal/place.js';
import { keepLook } from '../observe/looks.js';
import { ObservationMemory } from '../observe/memory.js';
import { defaultWindowMs, type Observed, observe, wallClock } from '../observe/observe.js';
import { type Console, Exit } from './console.js';
import type { EarlySessions } from './early-sessions.js';
import { configFor } from './lint/config-file.js';
import { type LoadedInventory, loadInventory, type LoadedPolicy, read } from './load.js';
import type { PolicyOptions } from './options.js';
import { showError, showFindings } from './show.js';

export interface Loaded {
    readonly policy: LoadedPolicy;
    readonly program: Program;
    readonly inventoryFile: LoadedInventory;
    readonly inventory: Inventory;
    /** What mig.config.yaml makes of the rules; undefined where there is none. */
    readonly config: LintConfig | undefined;
}

/** Inventory and policy, as they come, and the configuration; errors in any of them are shown and end the command. */
export async function load(
    loading: Promise<LoadedPolicy>,
    options: Pick<PolicyOptions, 'inventory' | 'set' | 'maintenance' | 'json'>,
    console: Console,
    early: EarlySessions,
): Promise<Loaded> {
    const policy = await loading;
    const configFile = await configFor(policy.path, policy.textRules);
    if (configFile !== undefined) showFindings(configFile, console, options);
    const findings = settle(policy.findings, { ...policy, config: configFile?.config });
    showFindings({ findings, sources: policy.sources }, console, options);
    if ([...findings, ...(configFile?.findings ?? [])].some(isError) || policy.program === undefined) throw new Exit('invalid');
    const inventoryFile = await loadInventory(options.inventory, policy, (path) => early.inventory(path));
    showFindings(inventoryFile, console, options);
    if (inventoryFile.inventory === undefined) throw new Exit('invalid');
    const { inventory } = inventoryFile;
    for (const host of options.maintenance) requireHost(inventory, host, '--maintenance');
    return { policy, program: policy.program, inventoryFile, inventory, config: configFile?.config };
}

/** Throws `unknown-host` for a name on the command line that the inventory does not have. */
function requireHost(inventory: Inventory, host: HostName, option: string): void {
    if (inventory.hosts.some((h) => h.name === host)) return;
    throw new MigrationError('unknown-host', `${option} ${host}: the inventory has no such host`, {
        hint: `it has ${inventory.hosts.map((h) => h.name).join(', ')}`,
    });
}

/** Sessions with the hosts of an inventory, each by its driver. */
export const sessionsWith = (inventory: Inventory): HostSessions => new HostSessions(openSessionOf(inventory));

/** The same, with those that were opened while the policy was read. */
export const sessionsAfter = async (early: EarlySessions, inventory: Inventory): Promise<HostSessions> =>
    new HostSessions(await early.opener(inventory));

/** Asks the hosts for what the program reads; what could not be had is shown. */
export async function observeFor(
    loaded: Loaded,
    sessions: HostSessions,
    options: Pick<PolicyOptions, 'maintenance' | 'window'> & { readonly all?: boolean },
    signal: AbortSignal,
): Promise<Observed> {
    const windowMs = options.window === undefined ? defaultWindowMs : milliseconds(options.window * 1000);
    const spanMs = Math.max(0, ...loaded.program.reads.map((read) => read.historyMs)) * 2;
    using memory = ObservationMemory.open(stateDirectory());
    const now = wallClock();
    const observed = await observe(
        loaded.inventory,
        sessions,
        {
            needs: options.all === true ? everyNeed(windowMs) : observationNeeds(loaded.program, windowMs),
            maintenance: options.maintenance,
            now: wallClock,
            memory: memory.recall(now, spanMs),
        },
        signal,
    );
    memory.keep(samplesToKeep(loaded.program, observed.snapshot), observed.snapshot.takenAt);
    keepLook(stateDirectory(), loaded.inventoryFile.path, loaded.inventory, observed.snapshot);
    return observed;
}

export const stateDirectory = (): string => path.dirname(journalPath());

/** Decides. Findings are shown; a plan that cannot be is explained and ends the command. */
export function planFor(
    loaded: Loaded,
    snapshot: Snapshot,
    options: Pick<PolicyOptions, 'policy' | 'host' | 'json'>,
    console: Console,
): Planning {
    const planning = makePlan(loaded.program, loaded.inventory, snapshot, {
        now: snapshot.takenAt,
        policy: options.policy,
        host: options.host,
        digest: sha256,
    });
    const { program, inventory, policy } = loaded;
    // What stands against the plan itself holds, whatever is thought of the rules.
    const binding = planning.findings.filter(isError);
    const rest = [
        ...planning.findings.filter((finding) => !isError(finding)),
        ...hostFindingsBeside(binding, { program, inventory, snapshot }),
    ].filter((finding) => !binding.some((other) => other.id === finding.id && other.message === finding.message));
    const findings = [...binding, ...settle(rest, { ...policy, config: loaded.config })];
    showFindings({ findings, sources: policy.sources }, console, options);
    if (findings.some(isError)) throw new Exit(findings.some(isNotBuilt) ? 'noPlan' : 'invalid');
    return planning;
}

const isError = (finding: Finding): boolean => finding.severity === 'error';
const isNotBuilt = (finding: Finding): boolean => isError(finding) && finding.id === 'MIG090';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * Hosts that did not answer. One that the plan needs, or that may be somebody else, ends the command; another is named
 * and left out.
 */
export function judgeFailures({ failures, snapshot }: Observed, plan: Plan | undefined, console: Console): void {
    if (failures.size === 0) return;
    const needed = (host: HostName): boolean =>
        snapshot.hosts.some((h) => h.name === host && h.maintenance) ||
        failures.size === snapshot.hosts.length ||
        (plan?.unplaced.length ?? 0) > 0;
    const known = [...failures].map(([host, error]) => {
        if (!isMigrationError(error)) throw error;
        return { host, error };
    });
    if (known.some(({ host, error }) => error.code === 'host-key-mismatch' || needed(host))) {
        for (const { error } of known) showError(error, console);
        throw new Exit('host');
    }
    for (const { host, error } of known) {
        const lines = [
            ...hanging('warning: ', error.message, console.width),
            ...(error.hint === undefined ? [] : hanging('  ', error.hint, console.width)),
            `  ${host} is left out: nothing is moved to it`,
        ];
        for (const line of lines) console.err(line);
    }
}

/** A snapshot from a file. Throws `file-unreadable`, `snapshot-invalid`, `newer-file`. */
export async function readSnapshot(file: string): Promise<Snapshot> {
    return (await readJson(file, 'mig-snapshot', snapshotVersion)) as Snapshot;
}

/** Reads a JSON file of one of our kinds. */
export async function readJson(file: string, kind: string, newest: number): Promise<unknown> {
    const text = await read(file, `the ${kind.replace('mig-', '')}`);
    let value: unknown;
    try {
        value = JSON.parse(text);
    } catch (cause) {
        throw new MigrationError('file-unreadable', `${file} is not JSON`, { cause, hint: `a ${kind} file is written with --save` });
    }
    const { kind: found, version } = (typeof value === 'object' && value !== null ? value : {}) as { kind?: unknown; version?: unknown };
    if (found !== kind) throw new MigrationError('file-unreadable', `${file} is not a ${kind} file`, { hint: 'it is written with --save' });
    if (typeof version !== 'number' || version > newest) {
        throw new MigrationError(
            'file-unreadable',
            `${file} was written by a newer mig-run (version ${String(version)}; this one reads up to ${newest})`,
            { hint: 'use that mig-run' },
        );
    }
    return value;
}

/** Throws `plan-stale` with every reason where the plan no longer holds. */
export function requireFresh(plan: Plan, now: Snapshot): void {
    const reasons = whyStale(plan, now);
    if (reasons.length === 0) return;
    throw new MigrationError('plan-stale', `the plan no longer holds: ${reasons.map((r) => r.text).join('; ')}`, {
        hint: 'make a new one with `mig-run plan`',
    });
}
