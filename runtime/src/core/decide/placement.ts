/**
 * The problem of placing the VMs of a policy, step by step.
 *
 * Moves stand in the order of the policy, but run at the same time where limits allow. So a VM is given room that is
 * free whether or not earlier moves have ended; room (or distance, for anti-affinity) that only an earlier departure
 * makes is used too, and the move then waits for that departure (`after`).
 */
import type { HostName } from '../model/inventory.js';
import type { Reason } from '../model/plan.js';
import type { VmState, VmUuid } from '../model/snapshot.js';
import { exclusion, type Pending } from './constraints.js';
import { attributesIn } from './evaluate.js';
import { lackOfGain, rank } from './preferences.js';
import { type Candidate, satisfied } from './select.js';
import type { Fired } from './trigger.js';
import { afterMove, arrive, depart, type World } from './world.js';

/** A VM with its destination. */
export interface Placement {
    readonly candidate: Candidate;
    readonly destination: HostName;
    /** VMs that must have left before this one starts. */
    readonly after: readonly VmUuid[];
}

export interface NoPlace {
    readonly candidate: Candidate;
    /** One reason for each host; or one with an empty host, for the VM itself. */
    readonly excluded: readonly { readonly host: HostName; readonly because: Reason }[];
}

/** A move that stands earlier in the plan. */
export interface Earlier {
    /** As it was before the move. */
    readonly vm: VmState;
    readonly destination: HostName;
}

/** What a candidate may do at one point of the search. */
export interface Options {
    /** Destinations, best first. */
    readonly best: readonly HostName[];
    /** It may stay: it could move, and a move would gain too little. */
    readonly optional: boolean;
}

/** All VMs are where they go. */
const nobody: Pending = new Set();

/** Where a search stands: the moves decided so far, and the World with them carried out. */
export interface Partial {
    readonly world: World;
    readonly placements: readonly Placement[];
}

/** What a search needs to know of the problem. */
export class PlacementProblem {
    private readonly fired: Fired;
    private readonly start: World;
    private readonly earlier: readonly Earlier[];
    private readonly most: number;
    private readonly emptied: World;
    private readonly kinds = new Map<string, number>();
    private readonly kindOfVm = new Map<VmUuid, number>();
    /** Whether the policy's expressions read more of a VM than what makes its kind. */
    private readonly byFigures: boolean;

    /** `most`: how many VMs the policy takes. */
    constructor(fired: Fired, candidates: readonly Candidate[], start: World, earlier: readonly Earlier[], most: number) {
        this.fired = fired;
        this.emptied = candidates.reduce((world, candidate) => depart(world, candidate.vm), start);
        this.start = start;
        this.byFigures = readsMoreThanKind(fired, candidates);
        this.earlier = earlier;
        this.most = most;
    }

    /** Why no further VM is taken, once that is so. */
    enough(partial: Partial): Reason | undefined {
        const { limit } = this.fired.policy.selection;
        if (limit && partial.placements.length >= this.most)
            return { text: `the limit of ${this.most} VMs is reached`, range: limit.range };
        const until = satisfied(this.fired, partial.world);
        return until?.reached ? { text: `until is reached: ${until.because.text}`, range: this.fired.policy.selection.range } : undefined;
    }

    /** What a candidate may do at this point. */
    options(candidate: Candidate, partial: Partial, pending: Pending): Options {
        const { policy } = this.fired;
        const { vm } = candidate;
        const allowed = [...partial.world.hosts.keys()].filter(
            (destination) => exclusion({ policy, vm, destination, world: partial.world, pending }) === undefined,
        );
        const ranking = rank(policy, vm, allowed, partial.world);
        return { best: ranking.hosts, optional: ranking.hosts.length === 0 && ranking.withoutGain.length > 0 };
    }

    /** The state of the search with the candidate placed as well. */
    withPlacement(candidate: Candidate, destination: HostName, partial: Partial, pending: Pending): Partial {
        const after = this.departuresFirst(candidate, destination, partial, pending);
        return {
            world: afterMove(partial.world, candidate.vm, destination),
            placements: [...partial.placements, { candidate, destination, after }],
        };
    }

    /** Whether any host would take the candidate, now or with all candidates gone: without one, the search need not try. */
    conceivable(candidate: Candidate, pending: Pending): boolean {
        const { policy } = this.fired;
        const { vm } = candidate;
        return [this.start, this.emptied].some((world) =>
            [...world.hosts.keys()].some((destination) => exclusion({ policy, vm, destination, world, pending }) === undefined),
        );
    }

    /** VMs of the same kind can stand for each other in every question that a placement asks. */
    kindOf({ vm }: Candidate): number {
        const known = this.kindOfVm.get(vm.uuid);
        if (known !== undefined) return known;
        const { compatibility } = this.start.snapshot;
        const verdicts = compatibility.filter((v) => v.vm === vm.uuid && !v.compatible).map((v) => v.host);
        const facts = JSON.stringify([
            vm.host,
            vm.memory,
            vm.vcpus,
            vm.cpu,
            vm.networks,
            vm.disks.filter(({ shared }) => shared === false),
            tagsInOrder(vm),
            verdicts.sort(),
            this.byFigures ? vm.uuid : '',
        ]);
        const kind = this.kinds.get(facts) ?? this.kinds.size;
        this.kinds.set(facts, kind);
        this.kindOfVm.set(vm.uuid, kind);
        return kind;
    }

    /** For a candidate that was not placed: what keeps it from each host, once all others are where they go. */
    explain(candidate: Candidate, partial: Partial): { readonly excluded: NoPlace['excluded']; readonly withoutGain: Reason | undefined } {
        const { policy } = this.fired;
        const { vm } = candidate;
        const excluded = [...partial.world.hosts.keys()].flatMap((destination) => {
            if (destination === vm.host) return [];
            const because = exclusion({ policy, vm, destination, world: partial.world, pending: nobody });
            return [{ host: destination, because }];
        });
        const allowed = excluded.flatMap(({ host, because }) => (because ? [] : [host]));
        const lacks = allowed.map((host) => ({ host, because: lackOfGain(policy, vm, host, partial.world) }));
        const [first] = lacks.every(({ because }) => because) ? lacks : [];
        return {
            excluded: excluded.map(({ host, because }) => ({
                host,
                because: because ?? { text: 'taking it would leave another VM without a place' },
            })),
            withoutGain: first?.because && { ...first.because, text: `${first.host} ${first.because.text}` },
        };
    }

    /** The fewest of the VMs that leave the destination earlier in the plan that must be gone before this one may come. */
    private departuresFirst(candidate: Candidate, destination: HostName, partial: Partial, pending: Pending): readonly VmUuid[] {
        const here = ({ vm }: { readonly vm: VmState }): boolean => vm.host === destination;
        const leaving = [...this.earlier.filter(here), ...partial.placements.map((p) => p.candidate).filter(here)].map(({ vm }) => vm);
        const { policy } = this.fired;
        const { vm } = candidate;
        for (let gone = 0; gone < leaving.length; gone++) {
            // Not gone yet: still on the destination, besides where they will be.
            const world = leaving.slice(gone).reduce((w, other) => arrive(w, other, destination), partial.world);
            if (exclusion({ policy, vm, destination, world, pending }) === undefined) return leaving.slice(0, gone).map(({ uuid }) => uuid);
        }
        return leaving.map(({ uuid }) => uuid);
    }
}

/** What `kindOf` looks at; a policy that reads anything else of a VM tells all VMs apart. */
const kindAttributes: ReadonlySet<string> = new Set(['host', 'memory', 'vcpus', 'cpu', 'tag', 'tags']);

function readsMoreThanKind({ policy }: Fired, candidates: readonly Candidate[]): boolean {
    const { where, apart, with: beside, preferences } = policy.destination;
    const expressions = [
        ...where,
        ...[...apart, ...beside].map((c) => c.by),
        ...preferences.flatMap((p) => (p.kind === 'expression' ? [p.by] : [])),
    ];
    const { until } = policy.selection;
    const read = [...expressions, ...(until ? [until] : [])].flatMap(attributesIn);
    const names = new Set(candidates.map((c) => c.vm.name));
    return (
        names.size < candidates.length ||
        read.some((a) => a.entity === 'vm' && !kindAttributes.has(a.attribute)) ||
        read.some((a) => sumsOverVms.has(a.attribute))
    );
}

/** Figures of a host or of the cluster that are sums over its VMs. */
const sumsOverVms: ReadonlySet<string> = new Set(['memory.working_set', 'net.tx', 'net.rx']);

const tagsInOrder = (vm: VmState): readonly string[] =>
    Object.entries(vm.tags)
        .map(([name, value]) => `${name}=${value}`)
        .sort();
