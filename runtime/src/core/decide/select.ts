import type { Expression, Policy, SourceRange } from '@mig/language';
import type { HostName } from '../model/inventory.js';
import type { Reason } from '../model/plan.js';
import type { VmName, VmState, VmUuid } from '../model/snapshot.js';
import { scopeOf } from './attributes.js';
import { evaluate, holds } from './evaluate.js';
import { isFalse, isTrue, type Outcome, type Truth, type Value } from './truth.js';
import type { Fired } from './trigger.js';
import { valueText, verdictText, wordsOf } from './wording.js';
import { byName, compareText, type World } from './world.js';

/** A VM that a policy wants to move, in the order in which it wants to. */
export interface Candidate {
    readonly vm: VmState;
    readonly because: readonly Reason[];
    /** Value of `together by`: VMs with the same one belong together. */
    readonly gang: string | undefined;
}

export interface PassedOver {
    readonly vm: VmName;
    readonly because: Reason;
}

export interface Selected {
    readonly candidates: readonly Candidate[];
    readonly passedOver: readonly PassedOver[];
    /** Hosts whose VMs could not be told, and the like. */
    readonly warnings: readonly Reason[];
}

/**
 * Which VMs a policy wants, filtered and in order. `limit` and `until` are applied while they are placed
 * (`mostToTake`, `satisfied`), because a VM that finds no destination is not taken.
 * `owners` are the VMs that an earlier policy has taken, with its name.
 */
export function select(fired: Fired, world: World, owners: ReadonlyMap<VmUuid, string>): Selected {
    const { selection } = fired.policy;
    const passedOver: PassedOver[] = [];
    const range = sourceVms(fired, world);
    const wanted: VmState[] = [];
    for (const vm of range.vms) {
        const owner = owners.get(vm.uuid);
        const against =
            owner === undefined ? filtered(vm, fired.policy, world) : { text: `belongs to the policy ${owner}`, range: selection.range };
        if (against) passedOver.push({ vm: vm.name, because: against });
        else wanted.push(vm);
    }
    const candidates = inOrder(wanted, fired.policy, world).map((vm): Candidate => {
        return { vm, because: whyTaken(vm, fired.policy, world), gang: gangOf(vm, fired.policy, world) };
    });
    return { candidates, passedOver, warnings: range.warnings };
}

/** How many VMs the policy takes at the most: a share is of what is left after filtering, rounded down. */
export function mostToTake(policy: Policy, candidates: number): number {
    const { limit } = policy.selection;
    if (!limit) return Infinity;
    return limit.kind === 'count' ? limit.count : Math.floor(limit.share * candidates + 1e-9);
}

/**
 * Whether `until` is reached in this World. Unknown counts as reached: no VM is moved on a figure that nobody has.
 */
export function satisfied(fired: Fired, world: World): { readonly reached: boolean; readonly because: Reason } | undefined {
    const { until } = fired.policy.selection;
    if (!until) return undefined;
    const scope = scopeOf(world, { host: sourceHost(fired), vm: fired.vm });
    const truth = holds(until, scope);
    return { reached: !isFalse(truth), because: { text: verdictText(until, truth, scope), range: until.range } };
}

/** The one host that the selection is about, where there is one. */
export function sourceHost(fired: Fired): HostName | undefined {
    const { from } = fired.policy.selection;
    return from.kind === 'named-host' ? from.host : fired.host;
}

function sourceVms(fired: Fired, world: World): { readonly vms: readonly VmState[]; readonly warnings: readonly Reason[] } {
    const { from } = fired.policy.selection;
    switch (from.kind) {
        case 'bound-vm':
            return { vms: onHosts(world, () => true).filter((vm) => vm.uuid === fired.vm?.uuid), warnings: [] };
        case 'bound-host':
        case 'named-host': {
            const name = sourceHost(fired);
            return { vms: onHosts(world, (host) => host === name), warnings: unreachable(world, from.range, (host) => host === name) };
        }
        case 'all':
            return { vms: onHosts(world, () => true), warnings: unreachable(world, from.range, () => true) };
        case 'named-vms':
            return {
                vms: onHosts(world, () => true).filter((vm) => from.vms.includes(vm.name)),
                warnings: unreachable(world, from.range, () => true),
            };
        case 'hosts': {
            const { where } = from;
            const judged = new Map<HostName, Truth>();
            for (const host of world.hosts.keys()) {
                judged.set(host, where ? holds(where, scopeOf(world, { host })) : { known: true, value: true });
            }
            const unknown = [...judged].flatMap(([host, truth]): Reason[] =>
                where && !truth.known
                    ? [{ text: `VMs of ${host} are left: ${verdictText(where, truth, scopeOf(world, { host }))}`, range: where.range }]
                    : [],
            );
            const chosen = (host: HostName): boolean => isTrue(judged.get(host) ?? { known: true, value: false });
            return { vms: onHosts(world, chosen), warnings: [...unknown, ...unreachable(world, from.range, chosen)] };
        }
    }
}

function onHosts(world: World, chosen: (host: HostName) => boolean): readonly VmState[] {
    return [...world.hosts].flatMap(([host, place]) => (chosen(host) ? place.vms : []));
}

function unreachable(world: World, range: SourceRange, chosen: (host: HostName) => boolean): readonly Reason[] {
    return [...world.hosts].flatMap(([host, { state }]) =>
        chosen(host) && state.unreachable !== undefined ? [{ text: `the VMs of ${host} are not known: ${state.unreachable}`, range }] : [],
    );
}

/** The first clause that speaks against a VM: a `where` that is not true, or an `except` that is not false. */
function filtered(vm: VmState, policy: Policy, world: World): Reason | undefined {
    const scope = scopeOf(world, { vm });
    for (const where of policy.selection.where) {
        const truth = holds(where, scope);
        if (!isTrue(truth)) return { text: `where: ${verdictText(where, truth, scope)}`, range: where.range };
    }
    for (const except of policy.selection.except) {
        const truth = holds(except, scope);
        if (!isFalse(truth)) return { text: `except: ${verdictText(except, truth, scope)}`, range: except.range };
    }
    return undefined;
}

/** Where a figure of the order is unknown, the VM comes last. Ties go by name. */
function inOrder(vms: readonly VmState[], policy: Policy, world: World): readonly VmState[] {
    const { triage } = policy.selection;
    const keyed = vms.map((vm) => ({
        vm,
        worth: triage && weightSaved(triage.by, vm, world),
        keys: policy.selection.order.map(({ by }) => evaluate(by, scopeOf(world, { vm }))),
    }));
    keyed.sort((a, b) => {
        const first = triage ? compareOutcomes(a.worth, b.worth, -1) : 0;
        if (first !== 0) return first;
        for (const [i, { direction }] of policy.selection.order.entries()) {
            const order = compareOutcomes(a.keys[i], b.keys[i], direction === 'descending' ? -1 : 1);
            if (order !== 0) return order;
        }
        return byName(a.vm, b.vm);
    });
    return keyed.map(({ vm }) => vm);
}

/**
 * Weight for each byte that has to be sent: in this order most weight is saved at whatever time the run is cut short
 * (the greedy order of the fractional knapsack problem, Dantzig 1957).
 */
function weightSaved(by: Expression, vm: VmState, world: World): Outcome {
    const weight = evaluate(by, scopeOf(world, { vm }));
    if (!weight.known || typeof weight.value !== 'number') return weight;
    return { known: true, value: weight.value / Math.max(1, vm.memory) };
}

function compareOutcomes(a: Outcome | undefined, b: Outcome | undefined, sign: 1 | -1): number {
    if (!a?.known || !b?.known) return Number(a?.known !== true) - Number(b?.known !== true);
    return sign * compareValues(a.value, b.value);
}

function compareValues(a: Value, b: Value): number {
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    return compareText(String(a), String(b));
}

function whyTaken(vm: VmState, policy: Policy, world: World): readonly Reason[] {
    const scope = scopeOf(world, { vm });
    const filters = policy.selection.where.map(
        (where): Reason => ({ text: verdictText(where, holds(where, scope), scope), range: where.range }),
    );
    const order = policy.selection.order.map(({ by, direction, range }): Reason => {
        const key = evaluate(by, scope);
        const figure = key.known ? valueText(key.value, by.type) : `unknown, so it comes last (${key.because.join('; ')})`;
        return { text: `in order of ${wordsOf(by)}, ${direction}: ${figure}`, range };
    });
    const { triage } = policy.selection;
    const weight = triage && evaluate(triage.by, scope);
    const said = weight?.known === true ? valueText(weight.value, triage?.by.type ?? 'number') : 'unknown, so it comes last';
    return [
        ...filters,
        ...order,
        ...(triage ? [{ text: `triage by ${wordsOf(triage.by)} for its memory: ${said}`, range: triage.range }] : []),
    ];
}

function gangOf(vm: VmState, policy: Policy, world: World): string | undefined {
    const { together } = policy.selection;
    if (!together) return undefined;
    const key = evaluate(together.by, scopeOf(world, { vm }));
    return key.known ? `${wordsOf(together.by)} ${valueText(key.value, together.by.type)}` : undefined;
}
