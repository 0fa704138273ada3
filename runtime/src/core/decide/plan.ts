import { type EpochMs, type Expression, type Finding, formatQuantity, nearest, type Policy, type Program } from '@mig/language';
import type { HostName, Inventory } from '../model/inventory.js';
import {
    type Plan,
    type PlannedGang,
    type PlannedMove,
    type PlannedShutdown,
    type PolicyInstance,
    planVersion,
    type Reason,
    type Unplaced,
} from '../model/plan.js';
import type { PolicyState, Snapshot, VmUuid } from '../model/snapshot.js';
import { hostsTooOld } from '../rules/mig401-host-too-old.js';
import { unknownNames } from '../rules/names.js';
import { notBuilt } from '../rules/not-built.js';
import { actionsOf } from './actions.js';
import { around, wayHome } from './around.js';
import { assumptionsOf } from './assumptions.js';
import { canonicalJson } from './canonical.js';
import { ceilingOf, planCaps } from './caps.js';
import { doubts } from './doubts.js';
import { planLimits } from './limits.js';
import { inOrderOf } from './order.js';
import { otherDestinations } from './other-destination.js';
import type { Earlier, Placement } from './placement.js';
import { select } from './select.js';
import { shutdownOf } from './shutdowns.js';
import { situationOf } from './situation.js';
import { techniqueFor } from './technique.js';
import { type Fired, type HeldBack, triggered } from './trigger.js';
import { waive } from './waive.js';
import { placeWhole } from './whole.js';
import { wordsOf } from './wording.js';
import { type World, worldOf } from './world.js';

export interface PlanOptions {
    readonly now: EpochMs;
    /** Run this policy, whatever its trigger, and no other. */
    readonly policy?: string | undefined;
    /** The host that a policy run by name is bound to; without it, every host in maintenance. */
    readonly host?: HostName | undefined;
    /** SHA-256 of a text, in hexadecimal digits. */
    readonly digest: (text: string) => string;
}

export interface Planning {
    /** Undefined where a finding is an error, or no policy runs now. May have no moves: `nothing` then says why. */
    readonly plan: Plan | undefined;
    readonly findings: readonly Finding[];
    /** Why there is nothing to move, where that is so. */
    readonly nothing?: Reason;
    /** Policies that do not run now, and why. */
    readonly heldBack: readonly HeldBack[];
    /** Policies that run, with what they are bound to. */
    readonly fired: readonly { readonly policy: string; readonly bound: string | undefined }[];
    /**
     * What to remember for the next Snapshot (`Snapshot.policies`): policies that were released, whether or not there is
     * a plan; and those that fired, once the plan is carried out (their `lastFired` is `now`).
     */
    readonly states: readonly PolicyState[];
}

/** Decides who moves where, when and how. Pure: the same input gives the same plan, byte by byte. */
export function makePlan(program: Program, inventory: Inventory, snapshot: Snapshot, options: PlanOptions): Planning {
    const found = findingsBefore(program, inventory, snapshot, options);
    if (found.some(isError)) return { plan: undefined, findings: found, heldBack: [], fired: [], states: [] };
    const world = worldOf(snapshot);
    const { fired: triggering, heldBack, states } = triggered(program, world, options);
    const ran = triggering.map(({ policy, host, vm }) => ({ policy: policy.name, bound: vm?.name ?? host }));
    if (triggering.length === 0)
        return { plan: undefined, findings: found, nothing: whyNoneFired(program, heldBack), heldBack, fired: ran, states };

    const asked = decideMoves(triggering, world);
    const waived = waive(triggering, asked, capsOf(triggering, asked.moves, snapshot).caps, snapshot.hosts);
    const fired = waived?.fired ?? triggering;
    const draft = waived ? decideMoves(fired, world) : asked;
    const capped = capsOf(fired, draft.moves, snapshot);
    const findings = [...found, ...capped.findings];
    if (findings.some(isError)) return { plan: undefined, findings, heldBack, fired: ran, states };
    const moves = draft.moves.map((move) => {
        const { monitor, driver } = world.hosts.get(move.source)?.state ?? {};
        const driven = driver === 'qemu' ? { ...move, driver } : move;
        return { ...driven, actions: actionsOf(driven, ceilingOf(move, capped), monitor) };
    });
    const policies = fired.map(({ policy }) => policy);
    const body: Omit<Plan, 'id'> = {
        kind: 'mig-plan',
        version: planVersion,
        madeAt: options.now,
        snapshotTakenAt: snapshot.takenAt,
        sources: program.sources,
        instances: draft.instances,
        moves,
        unplaced: draft.unplaced,
        ...(draft.shutdowns.length > 0 && { shutdowns: draft.shutdowns }),
        limits: planLimits(
            policies,
            [...world.hosts.values()].map((p) => p.state),
        ),
        caps: capped.caps,
        ...(capped.windows.length > 0 ? { windows: capped.windows } : {}),
        ...(draft.gangs.length > 0 && { gangs: draft.gangs }),
        assumptions: assumptionsOf(moves, draft.shutdowns, (move) => policies[move.instance], world),
        warnings: [...(waived?.warnings ?? []), ...draft.warnings, ...triggersUnknown(heldBack)],
    };
    const plan: Plan = { ...body, id: planId(body, options.digest) };
    const nothing = moves.length === 0 && draft.shutdowns.length === 0 ? whyNothingMoves(plan, fired, world) : undefined;
    return { plan, findings, ...(nothing ? { nothing } : {}), heldBack, fired: ran, states };
}

/** The name of a plan by its content: a plan that was changed by hand has another. `digest` is SHA-256 in hexadecimal digits. */
export function planId(plan: Omit<Plan, 'id'>, digest: (text: string) => string): string {
    return `sha256:${digest(canonicalJson({ ...plan, id: undefined }))}`;
}

type Draft = Pick<Plan, 'instances' | 'unplaced' | 'warnings'> & {
    readonly gangs: readonly PlannedGang[];
    readonly moves: readonly Omit<PlannedMove, 'actions'>[];
    readonly shutdowns: readonly PlannedShutdown[];
};

/** Policy by policy: a VM belongs to the first that takes it, and a later one sees the World after the earlier moves. */
function decideMoves(fired: readonly Fired[], start: World): Draft {
    let world = start;
    const owners = new Map<VmUuid, string>();
    const ids = new Map<VmUuid, string>();
    const earlier: Earlier[] = [];
    const instances: PolicyInstance[] = [];
    const moves: Omit<PlannedMove, 'actions'>[] = [];
    const unplaced: Unplaced[] = [];
    const shutdowns: PlannedShutdown[] = [];
    const warnings: Reason[] = [];
    for (const [instance, one] of fired.entries()) {
        const selected = select(one, world, owners);
        const placed = placeWhole(one, selected.candidates, world, earlier);
        instances.push(instanceOf(one, [...selected.passedOver, ...placed.passedOver]));
        warnings.push(...selected.warnings);
        for (const stuck of placed.unplaced) {
            const { candidate } = stuck;
            const end = shutdownOf(one, instance, stuck, start);
            if ('shutdown' in end) shutdowns.push(end.shutdown);
            else unplaced.push({ instance, vm: candidate.vm.name, source: candidate.vm.host, excluded: end.excluded });
            owners.set(candidate.vm.uuid, one.policy.name);
        }
        for (const placement of placed.placements) {
            const { vm } = placement.candidate;
            owners.set(vm.uuid, one.policy.name);
            ids.set(vm.uuid, `m${moves.length + 1}`);
            earlier.push({ vm, destination: placement.destination });
            const move = plannedMove(placement, instance, one.policy, ids, start);
            if (move) moves.push(move);
        }
        world = placed.world;
        if (placed.halted) {
            warnings.push(placed.halted);
            break;
        }
    }
    const policies = fired.map(({ policy }) => policy);
    const related = inOrderOf(moves, policies, start);
    const withOthers = otherDestinations(related.moves, policies, world);
    return {
        instances,
        moves: withOthers,
        gangs: related.gangs,
        unplaced,
        shutdowns,
        warnings: [...warnings, ...related.warnings, ...doubts(earlier, start.snapshot)],
    };
}

function plannedMove(
    placement: Placement & { readonly because: readonly Reason[] },
    instance: number,
    policy: Policy,
    ids: ReadonlyMap<VmUuid, string>,
    world: World,
): Omit<PlannedMove, 'actions'> | undefined {
    const { candidate, destination } = placement;
    const { vm } = candidate;
    const { quietWhen } = policy.selection;
    const choice = techniqueFor(policy.technique, situationOf(world, vm, destination));
    const route = world.hosts.get(destination)?.state.migration;
    // Both are constraints of a destination: a placement without them does not come about.
    if (!choice.technique || !route) return undefined;
    const after = placement.after.flatMap((uuid) => ids.get(uuid) ?? []);
    const waits: readonly Reason[] =
        after.length === 0 ? [] : [{ text: `starts when ${after.join(', ')} has made room on ${destination}` }];
    const { home, because: back } = wayHome(policy, world.hosts.get(vm.host)?.state);
    return {
        id: ids.get(vm.uuid) ?? vm.uuid,
        instance,
        vm: { uuid: vm.uuid, name: vm.name },
        source: vm.host,
        destination,
        memory: vm.memory,
        technique: choice.technique,
        route,
        after,
        gang: candidate.gang,
        ...(quietWhen && { quiet: { when: quietWhen, withinMs: quietWithinMs } }),
        persistent: vm.persistent,
        autostart: vm.autostart,
        ...(home && { home }),
        because: [...candidate.because, ...placement.because, ...choice.because, ...waits, ...quietReason(quietWhen), ...back],
        ...around(policy, vm, { source: vm.host, destination }),
    };
}

/** A quiet moment that has not come within this time does not come; the VM stays where it is. */
const quietWithinMs = 10 * 60_000;

function quietReason(when: Expression | undefined): readonly Reason[] {
    if (!when) return [];
    const text = `waits up to ${formatQuantity(quietWithinMs, 'duration')} for a quiet moment: ${wordsOf(when)}`;
    return [{ text, range: when.range }];
}

function instanceOf({ policy, host, vm, because }: Fired, passedOver: PolicyInstance['passedOver']): PolicyInstance {
    const bound = vm ? ({ kind: 'vm', name: vm.name } as const) : host === undefined ? undefined : ({ kind: 'host', name: host } as const);
    const { name, priority, requires, onFailure, deadline } = policy;
    return { policy: name, bound, priority, because, requires, onFailure, ...(deadline && { deadlineMs: deadline.ms }), passedOver };
}

/** The caps of each policy once, however many instances of it run. */
function capsOf(fired: readonly Fired[], moves: Draft['moves'], snapshot: Snapshot): ReturnType<typeof planCaps> {
    let all: ReturnType<typeof planCaps> = { caps: [], windows: [], findings: [] };
    for (const policy of new Set(fired.map((one) => one.policy))) {
        const { caps, windows, findings } = planCaps(policy, moves, snapshot, all.windows.length);
        all = { caps: [...all.caps, ...caps], windows: [...all.windows, ...windows], findings: [...all.findings, ...findings] };
    }
    return all;
}

function findingsBefore(program: Program, inventory: Inventory, snapshot: Snapshot, options: PlanOptions): readonly Finding[] {
    const { policy: wanted, host } = options;
    const found: Finding[] = [
        ...notBuilt(program, { kind: 'run', policy: wanted }),
        ...unknownNames(program, inventory, snapshot),
        ...hostsTooOld(program, snapshot),
    ];
    const policies = program.policies.map((policy) => policy.name);
    if (wanted !== undefined && !policies.includes(wanted)) found.push(unknownOption('policy', wanted, policies));
    const hosts = inventory.hosts.map(({ name }) => name);
    if (host !== undefined && !hosts.includes(host)) found.push(unknownOption('host', host, hosts));
    return found;
}

function unknownOption(what: 'policy' | 'host', name: string, names: readonly string[]): Finding {
    const near = nearest(name, names);
    const start = { line: 0, character: 0 };
    return {
        id: what === 'policy' ? 'MIG103' : 'MIG121',
        severity: 'error',
        message: `there is no ${what} "${name}"`,
        hint: near === undefined ? `there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ') || 'none'}` : `did you mean "${near}"?`,
        range: { source: 0, start, end: start },
        fixes: [],
    };
}

function whyNoneFired(program: Program, heldBack: readonly HeldBack[]): Reason {
    if (program.policies.length === 0) return { text: 'the file has no policy' };
    const reasons = [...new Set(heldBack.map(({ policy, because }) => `${policy}: ${because.text}`))];
    const shown = reasons.slice(0, 3);
    const more = reasons.length > shown.length ? `; and ${reasons.length - shown.length} more` : '';
    return { text: `no policy has anything to do now: ${shown.join('; ')}${more}` };
}

function whyNothingMoves(plan: Plan, fired: readonly Fired[], world: World): Reason {
    if (plan.unplaced.length > 0) return { text: `none of ${plan.unplaced.length} VMs can be moved` };
    const passed = plan.instances.reduce((sum, one) => sum + one.passedOver.length, 0);
    const [first] = fired;
    const silent = fired
        .flatMap(({ host }) => (host === undefined ? [] : (world.hosts.get(host)?.state ?? [])))
        .find((host) => host.unreachable !== undefined);
    if (silent && passed === 0) return { text: `${silent.name} does not answer, so its VMs are not known: ${silent.unreachable ?? ''}` };
    const where = first?.host === undefined ? '' : ` on ${fired.map(({ host }) => host).join(', ')}`;
    const unknown = plan.warnings[0] === undefined ? '' : `: ${plan.warnings[0].text}`;
    const text = passed === 0 ? `there are no VMs to move${where}${unknown}` : `none of the ${passed} VMs${where} is to be moved`;
    return first ? { text, range: first.policy.selection.range } : { text };
}

/** A policy that might have fired is named: nothing happens on what is not known, and nothing is hidden. */
function triggersUnknown(heldBack: readonly HeldBack[]): readonly Reason[] {
    return heldBack
        .filter((one) => one.unknown)
        .map(({ policy, because }) => ({
            text: `${policy} might run: ${because.text}`,
            ...(because.range ? { range: because.range } : {}),
        }));
}

const isError = (finding: Finding): boolean => finding.severity === 'error';
