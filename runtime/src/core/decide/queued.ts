/** A planned move as the queue is asked about it (queue.ts). */
import type { MoveId } from '../model/events.js';
import type { HostName } from '../model/inventory.js';
import type { Plan, PlannedGang, PlannedMove } from '../model/plan.js';

export interface QueuedMove {
    readonly id: MoveId;
    readonly source: HostName;
    readonly destination: HostName;
    /** The network that carries the bytes: with each host it names a link. */
    readonly network: string;
    readonly after: readonly MoveId[];
    /** Moves beside which it never runs, nor they beside it. */
    readonly neverDuring?: readonly MoveId[];
    /** Moves beside which it does not start. */
    readonly behind?: readonly MoveId[];
    /** Those that it starts together with, itself among them. */
    readonly gang?: PlannedGang | undefined;
    /** Why its moment has not come yet. */
    readonly heldBack?: string | undefined;
    /**
     * `settling`: the guest runs at its destination, and the move's last phases are under way; `delayed` waits for a retry;
     * `failed` is everything that did not end at its destination.
     */
    readonly status: 'waiting' | 'delayed' | 'running' | 'settling' | 'moved' | 'failed';
}

/** The moves of a plan as they first stand in the queue. */
export function queueOf(plan: Pick<Plan, 'moves' | 'gangs'>): readonly QueuedMove[] {
    const gangs = new Map((plan.gangs ?? []).flatMap((gang) => gang.moves.map((id) => [id, gang] as const)));
    const never = exclusions(plan.moves);
    return plan.moves.map(({ id, source, destination, route, after, behind }) => {
        const [gang, neverDuring] = [gangs.get(id), never.get(id)];
        return {
            id,
            source,
            destination,
            network: route.network,
            after,
            ...(neverDuring && { neverDuring: [...neverDuring] }),
            ...(behind && { behind }),
            ...(gang && { gang }),
            status: 'waiting',
        };
    });
}

/** A move that goes somewhere else from now on, and waits to start; on its way home it is nobody's mate, and waits for no moment. */
export function turned(move: QueuedMove, { source, destination, route, after, homeward }: PlannedMove): QueuedMove {
    const alone = homeward === undefined ? {} : { gang: undefined, heldBack: undefined };
    return { ...move, source, destination, network: route.network, after, ...alone, status: 'waiting' };
}

/** Of two that exclude each other a plan names one with the other; in the queue each is named with the other. */
function exclusions(moves: readonly PlannedMove[]): ReadonlyMap<MoveId, ReadonlySet<MoveId>> {
    const never = new Map<MoveId, Set<MoveId>>();
    const add = (one: MoveId, other: MoveId): void => {
        const known = never.get(one);
        if (known) known.add(other);
        else never.set(one, new Set([other]));
    };
    for (const { id, neverDuring = [] } of moves) {
        for (const other of neverDuring) {
            add(id, other);
            add(other, id);
        }
    }
    return never;
}

/** The links that a move loads: its network at the source and at the destination, as `host/network`. */
export function linksOf(move: { readonly source: HostName; readonly destination: HostName; readonly network: string }): readonly string[] {
    return [`${move.source}/${move.network}`, `${move.destination}/${move.network}`];
}
