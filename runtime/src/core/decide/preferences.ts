import { formatQuantity, type Policy, type Preference } from '@mig/language';
import type { HostName } from '../model/inventory.js';
import type { Reason } from '../model/plan.js';
import type { HostState, Snapshot, VmState } from '../model/snapshot.js';
import { scopeOf } from './attributes.js';
import { evaluate } from './evaluate.js';
import { valueText, wordsOf } from './wording.js';
import { compareText, loaded, type World } from './world.js';

/** A destination that the constraints allow, with why it stands where it does. */
export interface Ranked {
    readonly host: HostName;
    readonly because: readonly Reason[];
}

export interface Ranking {
    /** Best first; ties by name. */
    readonly hosts: readonly Ranked[];
    /** Hosts that the constraints allow, and that would not bring the gain that is asked for. */
    readonly withoutGain: readonly { readonly host: HostName; readonly because: Reason }[];
}

/**
 * Ranks destinations. Each preference gives every host a figure, lower is better; figures are scaled to 0..1 over the
 * hosts at hand and summed by weight. Without a preference the least loaded host comes first.
 */
export function rank(policy: Policy, vm: VmState, hosts: readonly HostName[], world: World): Ranking {
    const preferences = policy.destination.preferences;
    const withoutGain: { host: HostName; because: Reason }[] = [];
    const gaining = hosts.filter((host) => {
        const because = preferences.map((p) => lacksGain(p, vm, host, world)).find((reason) => reason !== undefined);
        if (because) withoutGain.push({ host, because });
        return !because;
    });
    const columns = (preferences.length === 0 ? [leastLoaded] : preferences).map((preference) => {
        const figures = gaining.map((host) => figureOf(preference, vm, host, world));
        return { preference, figures, scaled: scaled(figures.map((f) => f.value)) };
    });
    const rows = gaining.map((host, i) => ({
        host,
        score: columns.reduce((sum, column) => sum + column.preference.weight * (column.scaled[i] ?? 1), 0),
        because: columns.map(({ preference, figures }): Reason => reasonFor(preference, figures[i]?.text ?? '', gaining.length)),
    }));
    rows.sort((a, b) => a.score - b.score || compareText(a.host, b.host));
    return { hosts: rows.map(({ host, because }) => ({ host, because })), withoutGain };
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

interface Figure {
    /** Undefined: unknown, which ranks last. */
    readonly value: number | undefined;
    readonly text: string;
}

type Default = Pick<Preference, 'weight'> & { readonly kind: 'least-loaded'; readonly range: undefined };

const leastLoaded: Default = { kind: 'least-loaded', weight: 1, range: undefined };

const titles = {
    'least-loaded': 'least loaded',
    'most-free-memory': 'most free memory',
    fullest: 'fullest',
    'even-load': 'even load',
} as const;

function reasonFor(preference: Preference | Default, figure: string, among: number): Reason {
    const title = preference.kind === 'expression' ? `${preference.direction} ${wordsOf(preference.by)}` : titles[preference.kind];
    const text = among === 1 ? `the only host that every constraint allows (${figure})` : `${title}: ${figure}`;
    return preference.range ? { text, range: preference.range } : { text };
}

/** The figure of a host with the VM on it. */
function figureOf(preference: Preference | Default, vm: VmState, host: HostName, world: World): Figure {
    if (preference.kind === 'expression') return expressionFigure(preference, vm, host, world);
    const state = world.hosts.get(host)?.state;
    if (!state) return { value: undefined, text: 'not known' };
    return hostFigure(preference.kind, host === vm.host ? state : loaded(state, vm, 1), vm, world);
}

/** `state` is the host with the VM on it; the host that the VM leaves counts without it, unless that is the one. */
function hostFigure(kind: keyof typeof titles, state: HostState, vm: VmState, world: World): Figure {
    switch (kind) {
        case 'least-loaded': {
            const load = loadOf(state, world.snapshot);
            return { value: load, text: `${share(load)} loaded with the VM` };
        }
        case 'most-free-memory':
            return { value: 0 - state.memoryFree, text: `${formatQuantity(state.memoryFree, 'size')} of memory stay free` };
        case 'fullest':
            return { value: 0 - memoryUsed(state), text: `${share(memoryUsed(state))} of memory used with the VM` };
        case 'even-load': {
            const imbalance = imbalanceWith(state, vm, world);
            return { value: imbalance, text: `loads then lie ${share(imbalance)} apart` };
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

function expressionFigure(preference: Extract<Preference, { kind: 'expression' }>, vm: VmState, host: HostName, world: World): Figure {
    const outcome = evaluate(preference.by, scopeOf(world, { vm, host, source: vm.host }));
    if (!outcome.known) return { value: undefined, text: `unknown (${outcome.because.join('; ')})` };
    const text = valueText(outcome.value, preference.by.type);
    const value = typeof outcome.value === 'boolean' ? Number(outcome.value) : outcome.value;
    if (typeof value !== 'number') return { value: undefined, text: `${text} is no figure` };
    return { value: preference.direction === 'lowest' ? value : -value, text };
}

/** `when gain > 5%`: how much better the figure must be with the VM there than with the VM where it is. */
function lacksGain(preference: Preference, vm: VmState, host: HostName, world: World): Reason | undefined {
    if (preference.gain === undefined) return undefined;
    const there = figureOf(preference, vm, host, world).value;
    const here = figureOf(preference, vm, vm.host, world).value;
    if (there === undefined || here === undefined) return { text: 'its gain is unknown', range: preference.range };
    const gain = asShare(preference, here - there, here, world.hosts.get(vm.host)?.state);
    if (gain > preference.gain) return undefined;
    return { text: `would gain ${share(gain)}, and more than ${share(preference.gain)} is asked for`, range: preference.range };
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
