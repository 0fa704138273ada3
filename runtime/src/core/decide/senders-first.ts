/**
 * Of VMs whose technique was chosen by their traffic, those that mostly send go first, and those that mostly receive wait
 * for them. Once it runs elsewhere, a VM that sends is off its source's uplink, and slow until its last page has come: the
 * fewer share the link with it, the sooner. One that receives loses nothing by waiting: until its move ends, its traffic
 * comes to the source, where it is in nobody's way.
 */
import type { Policy } from '@mig/language';
import type { PlannedMove, Reason } from '../model/plan.js';

type Draft = Omit<PlannedMove, 'actions'>;

/** Naming each with each would make a plan of thousands of moves as large as their square. */
const pairsAtMost = 10_000;

export interface Behind {
    readonly move: Draft;
    /** Moves beside which it does not start. */
    readonly others: readonly Draft[];
    readonly because: Reason;
}

/** The moves in their new order, and who waits for whom; `waitsFor(one, other)`: it has to, whatever their traffic. */
export function sendersFirst(
    moves: readonly Draft[],
    policies: readonly Policy[],
    waitsFor: (one: Draft, other: Draft) => boolean,
): { readonly moves: readonly Draft[]; readonly behind: readonly Behind[] } {
    const behind: Behind[] = [];
    const inOrder = [...Map.groupBy(moves, (move) => move.instance)].flatMap(([instance, own]) => {
        const [senders, receivers] = (['sends', 'receives'] as const).map((way) => own.filter((move) => move.technique.byTraffic === way));
        if (!senders?.length || !receivers?.length || senders.length * receivers.length > pairsAtMost) return own;
        // A gang starts together, and one that waits for a receiver cannot go before it.
        const free = (move: Draft): boolean => move.gang === undefined && !receivers.some((other) => waitsFor(move, other));
        const first = senders.filter(free);
        if (fillsLinks(policies[instance])) {
            for (const move of receivers) {
                const others = move.gang === undefined ? first.filter((other) => sharesLink(move, other)) : [];
                if (others.length > 0) behind.push({ move, others, because: reason(others) });
            }
        }
        return [...first, ...own.filter((move) => !first.includes(move))];
    });
    return { moves: inOrder, behind };
}

/** With a cap for each VM those that send leave a part of their link to others, who then need not wait for them. */
const fillsLinks = (policy: Policy | undefined): boolean => policy?.bandwidth?.caps.some(({ scope }) => scope === 'vm') !== true;

const sharesLink = (one: Draft, other: Draft): boolean =>
    one.route.network === other.route.network && (one.source === other.source || one.destination === other.destination);

function reason(others: readonly Draft[]): Reason {
    const named = others.slice(0, 3).map(({ vm, id }) => `${vm.name} (${id})`);
    const more = others.length > named.length ? ` and ${others.length - named.length} more` : '';
    return {
        text: `not beside ${named.join(', ')}${more}: what mostly sends goes first, and has the link to itself`,
    };
}
