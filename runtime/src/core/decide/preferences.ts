import { formatQuantity, type Policy, type Preference } from '@mig/language';
import type { HostName } from '../model/inventory.js';
import type { Reason } from '../model/plan.js';
import type { HostState, Snapshot, VmState } from '../model/snapshot.js';
import { scopeOf } from './attributes.js';
import { evaluate } from './evaluate.js';
import { valueText, wordsOf } from './wording.js';
import { compareText, loaded, type World } from './world.js';

export interface Ranking {
    /** Best first; ties by name. */
    readonly hosts: readonly HostName[];
    /** Hosts that the constraints allow, and that would not bring the gain that is asked for. */
    readonly withoutGain: readonly HostName[];
}

/**
 * Ranks destinations. Each preference gives every host a figure, lower is better; figures are scaled to 0..1 over the
 * hosts at hand and summed by weight. Without a preference the least loaded host comes first.
 */
export function rank(policy: Policy, vm: VmState, hosts: readonly HostName[], world: World): Ranking {
    const gaining = hosts.filter((host) => lackOfGain(policy, vm, host, world) === undefined);
    const columns = preferencesOf(policy).map(({ preference, weight }) => {
        const figures = scaled(gaining.map((host) => figureOf(preference, vm, host, world)));
        return figures.map((figure) => figure * weight);
    });
    const rows = gaining.map((host, i) => ({ host, score: columns.reduce((sum, column) => sum + (column[i] ?? 0), 0) }));
    rows.sort((a, b) => a.score - b.score || compareText(a.host, b.host));
    return { hosts: rows.map(({ host }) => host), withoutGain: hosts.filter((host) => !gaining.includes(host)) };
}

/** By which figures a host was chosen, against those of the next one. */
export function whyRanked(policy: Policy, vm: VmState, host: HostName, next: HostName | undefined, world: World): readonly Reason[] {
    return preferencesOf(policy).map(({ preference, range }) => {
        const title = preference.kind === 'expression' ? `${preference.direction} ${wordsOf(preference.by)}` : titles[preference.kind];
        const words = (of: HostName): string => figureText(preference, figureOf(preference, vm, of, world));
        const text = `${title}: ${words(host)}${remarks[preference.kind]}${next === undefined ? '' : ` (${next} ${words(next)})`}`;
        return range ? { text, range } : { text };
    });
}

/** `when gain > 5%`: why a move is not worth it, by how much better the figures must be than where the VM is. */
export function lackOfGain(policy: Policy, vm: VmState, host: HostName, world: World): Reason | undefined {
    for (const preference of policy.destination.preferences) {
        if (preference.gain === undefined) continue;
        const there = figureOf(preference, vm, host, world);
        const here = figureOf(preference, vm, vm.host, world);
        if (there === undefined || here === undefined) return { text: 'its gain is unknown', range: preference.range };
        const gain = asShare(preference, here - there, here, world.hosts.get(vm.host)?.state);
        if (gain > preference.gain) continue;
        return { text: `would gain ${share(gain)}, and more than ${share(preference.gain)} is asked for`, range: preference.range };
    }
    return undefined;
}

/**
 * How loaded a host is: the larger of its shares of memory and of CPU time in use. CPU time counts where it was
 * measured on every host, so that hosts stay comparable.
 */
export function loadOf(host: HostState, snapshot: Snapshot): number {
    const memory = memoryUsed(host);
    return host.cpuUsed !== undefined && cpuMeasured(snapshot) ? Math.max(memory, host.cpuUsed) : memory;
}

const memoryUsed = (host: HostState): number => (host.memory === 0 ? 1 : 1 - host.memoryFree / host.memory);

function cpuMeasured(snapshot: Snapshot): boolean {
    const known = measured.get(snapshot);
    if (known !== undefined) return known;
    const answer = snapshot.hosts.every((host) => host.cpuUsed !== undefined || host.unreachable !== undefined);
    measured.set(snapshot, answer);
    return answer;
}

const measured = new WeakMap<Snapshot, boolean>();

type Ranked = Preference | { readonly kind: 'least-loaded' };

function preferencesOf(
    policy: Policy,
): readonly { readonly preference: Ranked; readonly weight: number; readonly range?: Preference['range'] }[] {
    const { preferences } = policy.destination;
    if (preferences.length === 0) return [{ preference: { kind: 'least-loaded' }, weight: 1 }];
    return preferences.map((preference) => ({ preference, weight: preference.weight, range: preference.range }));
}

const titles = {
    'least-loaded': 'least loaded',
    'most-free-memory': 'most free memory',
    fullest: 'fullest',
    'even-load': 'even load',
} as const;

/** What a figure is of. */
const remarks = {
    'least-loaded': ' with the VM',
    'most-free-memory': ' left',
    fullest: ' of memory used',
    'even-load': ' apart',
    expression: '',
} as const;

/** The figure of a host with the VM on it, lower is better; undefined where it is unknown, which ranks last. */
function figureOf(preference: Ranked, vm: VmState, host: HostName, world: World): number | undefined {
    if (preference.kind === 'expression') return expressionFigure(preference, vm, host, world);
    const before = world.hosts.get(host)?.state;
    if (!before) return undefined;
    const state = host === vm.host ? before : loaded(before, vm, 1);
    switch (preference.kind) {
        case 'least-loaded':
            return loadOf(state, world.snapshot);
        case 'most-free-memory':
            return 0 - state.memoryFree;
        case 'fullest':
            return 0 - memoryUsed(state);
        case 'even-load':
            return imbalanceWith(state, vm, world);
    }
}

function expressionFigure(
    preference: Extract<Preference, { kind: 'expression' }>,
    vm: VmState,
    host: HostName,
    world: World,
): number | undefined {
    const outcome = evaluate(preference.by, scopeOf(world, { vm, host, source: vm.host }));
    if (!outcome.known || typeof outcome.value === 'string' || typeof outcome.value === 'object') return undefined;
    return Number(outcome.value) * (preference.direction === 'lowest' ? 1 : -1);
}

function figureText(preference: Ranked, figure: number | undefined): string {
    if (figure === undefined) return 'unknown';
    switch (preference.kind) {
        case 'least-loaded':
        case 'even-load':
            return share(figure);
        case 'fullest':
            return share(0 - figure);
        case 'most-free-memory':
            return formatQuantity(0 - figure, 'size');
        case 'expression': {
            const value = preference.direction === 'lowest' ? figure : 0 - figure;
            return preference.by.type === 'boolean' ? String(value === 1) : valueText(value, preference.by.type);
        }
    }
}

/** Highest less lowest load of the hosts that may hold VMs, with the VM on the one that is given. */
function imbalanceWith(host: HostState, vm: VmState, world: World): number {
    let [low, high] = [Infinity, -Infinity];
    for (const { state } of world.hosts.values()) {
        if (state.unreachable !== undefined || state.maintenance) continue;
        const after = state.name === host.name ? host : state.name === vm.host ? loaded(state, vm, -1) : state;
        const load = loadOf(after, world.snapshot);
        low = Math.min(low, load);
        high = Math.max(high, load);
    }
    return high < low ? 0 : high - low;
}

/** Loads and imbalances are shares already; memory is taken as a share of the host, other figures of what they are now. */
function asShare(preference: Preference, better: number, here: number, source: HostState | undefined): number {
    switch (preference.kind) {
        case 'least-loaded':
        case 'fullest':
        case 'even-load':
            return better;
        case 'most-free-memory':
            return source && source.memory > 0 ? better / source.memory : 0;
        case 'expression':
            if (preference.by.type === 'ratio') return better;
            return here === 0 ? Math.sign(better) : better / Math.abs(here);
    }
}

/** To 0 (best) .. 1 (worst); what is unknown counts as worst. */
function scaled(values: readonly (number | undefined)[]): readonly number[] {
    const all = values.filter((value) => value !== undefined);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    return values.map((value) => (value === undefined ? 1 : high === low ? 0 : (value - low) / (high - low)));
}

const share = (n: number): string => formatQuantity(n, 'ratio');
