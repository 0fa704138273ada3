/**
 * What the moves of a plan have to do with each other: which wait for others, which never run beside others, and which
 * start together.
 */
import type { Expression, Policy } from '@mig/language';
import type { MoveId } from '../model/events.js';
import type { PlannedGang, PlannedMove, Reason } from '../model/plan.js';
import type { VmState } from '../model/snapshot.js';
import { scopeOf } from './attributes.js';
import { holds } from './evaluate.js';
import { type Behind, sendersFirst } from './senders-first.js';
import { isTrue } from './truth.js';
import { vmsOf, type World } from './world.js';

type Draft = Omit<PlannedMove, 'actions'>;

export interface InOrder {
    readonly moves: readonly Draft[];
    readonly gangs: readonly PlannedGang[];
    readonly warnings: readonly Reason[];
}

/** `policies` by instance, as the moves name them. */
export function inOrderOf(moves: readonly Draft[], policies: readonly Policy[], world: World): InOrder {
    const relations = new Relations(moves, policies, world);
    const warnings = relations.order();
    relations.exclude();
    relations.letSendersGoFirst();
    return { moves: relations.moves(), gangs: gangsOf(moves, policies), warnings };
}

class Relations {
    #moves: readonly Draft[];
    readonly #policies: readonly Policy[];
    readonly #world: World;
    readonly #vms: ReadonlyMap<string, VmState>;
    readonly #after: Map<MoveId, Map<MoveId, Reason | undefined>>;
    readonly #never = new Map<MoveId, Map<MoveId, Reason>>();
    readonly #behind = new Map<MoveId, Behind>();

    constructor(moves: readonly Draft[], policies: readonly Policy[], world: World) {
        this.#moves = moves;
        this.#policies = policies;
        this.#world = world;
        this.#vms = new Map(vmsOf(world).map((vm) => [vm.uuid, vm]));
        this.#after = new Map(moves.map((m) => [m.id, new Map(m.after.map((id) => [id, undefined]))]));
    }

    /** `start … before …`. An order that would let two moves wait for each other is left out, and told. */
    order(): readonly Reason[] {
        const warnings: Reason[] = [];
        for (const policy of new Set(this.#policies)) {
            const own = this.#moves.filter((m) => this.#policies[m.instance] === policy);
            for (const { first, then, range } of policy.ordering) {
                const firsts = this.#matching(first, this.#moves);
                for (const move of this.#matching(then, own)) {
                    for (const before of firsts) {
                        if (before.id === move.id) continue;
                        if (this.#waitsFor(before.id, move.id)) {
                            const text = `${move.vm.name} is not kept until after ${before.vm.name}, which itself has to wait for it`;
                            warnings.push({ text, range });
                        } else
                            this.#after.get(move.id)?.set(before.id, {
                                text: `starts when ${before.vm.name} (${before.id}) has moved`,
                                range,
                            });
                    }
                }
            }
        }
        return warnings;
    }

    /** `never during move of …`: neither runs beside the other, whichever comes first. */
    exclude(): void {
        for (const policy of new Set(this.#policies)) {
            const own = this.#moves.filter((m) => this.#policies[m.instance] === policy);
            for (const { during, range } of policy.exclusions) {
                const others = this.#matching(during, this.#moves);
                for (const move of own) {
                    for (const other of others) {
                        if (other.id === move.id) continue;
                        this.#apart(move, other, { text: `never during the move of ${other.vm.name} (${other.id})`, range });
                    }
                }
            }
        }
    }

    letSendersGoFirst(): void {
        const { moves, behind } = sendersFirst(this.#moves, this.#policies, (one, other) => this.#waitsFor(one.id, other.id));
        this.#moves = moves;
        for (const one of behind) this.#behind.set(one.move.id, one);
    }

    moves(): readonly Draft[] {
        return this.#moves.map((move) => {
            const after = this.#after.get(move.id) ?? new Map<MoveId, Reason | undefined>();
            const never = this.#never.get(move.id) ?? new Map<MoveId, Reason>();
            const behind = this.#behind.get(move.id);
            const because = [...after.values(), ...never.values(), behind?.because].flatMap((reason) => reason ?? []);
            return {
                ...move,
                after: [...after.keys()],
                ...(never.size > 0 && { neverDuring: [...never.keys()] }),
                ...(behind && { behind: behind.others.map(({ id }) => id) }),
                because: [...move.because, ...because],
            };
        });
    }

    #apart(move: Draft, other: Draft, because: Reason): void {
        const named = this.#never.get(move.id) ?? new Map<MoveId, Reason>();
        this.#never.set(move.id, named.set(other.id, because));
    }

    #matching(condition: Expression, moves: readonly Draft[]): readonly Draft[] {
        return moves.filter((move) => {
            const vm = this.#vms.get(move.vm.uuid);
            return vm !== undefined && isTrue(holds(condition, scopeOf(this.#world, { vm })));
        });
    }

    #waitsFor(one: MoveId, other: MoveId, seen = new Set<MoveId>()): boolean {
        if (seen.has(one)) return false;
        seen.add(one);
        const after = [...(this.#after.get(one)?.keys() ?? [])];
        return after.includes(other) || after.some((id) => this.#waitsFor(id, other, seen));
    }
}

/** Moves of one instance with the same value of `together by`. One alone is no gang, unless others had to come too. */
function gangsOf(moves: readonly Draft[], policies: readonly Policy[]): readonly PlannedGang[] {
    const gangs = new Map<string, { readonly name: string; readonly moves: MoveId[]; readonly allOrNone: boolean }>();
    for (const { id, instance, gang: name } of moves) {
        const together = policies[instance]?.selection.together;
        if (name === undefined || !together) continue;
        const key = `${instance} ${name}`;
        const gang = gangs.get(key) ?? { name, moves: [], allOrNone: together.allOrNone };
        gang.moves.push(id);
        gangs.set(key, gang);
    }
    return [...gangs.values()].filter((gang) => gang.moves.length > 1);
}
