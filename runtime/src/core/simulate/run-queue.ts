/** The queue of a simulation as its moves start and end, and which of them may start. */
import { scopeOf } from '../decide/attributes.js';
import { holds } from '../decide/evaluate.js';
import { readyAtMost, startable, type Admission, type QueueState, type Startable } from '../decide/queue.js';
import { queueOf, turned, type QueuedMove } from '../decide/queued.js';
import { isTrue } from '../decide/truth.js';
import { verdictText } from '../decide/wording.js';
import { vmsOf, type World } from '../decide/world.js';
import type { MoveId } from '../model/events.js';
import type { HostName } from '../model/inventory.js';
import type { Plan, PlannedMove } from '../model/plan.js';
import { nextInLine, portions } from './candidates.js';
import { Load } from './load.js';

export class RunQueue {
    readonly #plan: Plan;
    readonly #admits: Admission;
    readonly #byId: Map<MoveId, QueuedMove>;
    readonly #waiting: Map<MoveId, QueuedMove>;
    /** The same by source, with their place in the plan. */
    readonly #waitingAt = new Map<HostName, Map<MoveId, number>>();
    readonly #placeOf: ReadonlyMap<MoveId, number>;
    readonly #running = new Set<MoveId>();
    /** Under way, and expected to end soon. */
    readonly #ending = new Set<MoveId>();
    /** Made ready before their turn, which has not come yet. */
    readonly #ready = new Set<MoveId>();
    /** Moves that others have to wait for. */
    readonly #awaited: ReadonlySet<MoveId>;
    readonly #load: Load;

    constructor(plan: Plan, world: World, admits: Admission) {
        this.#plan = plan;
        this.#admits = admits;
        const heldBack = new Map(plan.moves.flatMap((move) => [[move.id, whyNotQuiet(move, world)] as const]));
        this.#byId = new Map(queueOf(plan).map((move) => [move.id, { ...move, heldBack: heldBack.get(move.id) }]));
        this.#waiting = new Map(this.#byId);
        this.#awaited = new Set(plan.moves.flatMap((move) => [...move.after, ...(move.neverDuring ? [move.id, ...move.neverDuring] : [])]));
        this.#placeOf = new Map(plan.moves.map(({ id }, place) => [id, place]));
        for (const { id, source } of plan.moves) this.#waitAt(source).set(id, this.#placeOf.get(id) ?? 0);
        this.#load = new Load(plan.limits);
    }

    get(id: MoveId): QueuedMove | undefined {
        return this.#byId.get(id);
    }

    get all(): readonly QueuedMove[] {
        return [...this.#byId.values()];
    }

    /** Those that have not started, or start again. */
    get open(): readonly QueuedMove[] {
        return this.all.filter((m) => m.status === 'waiting' || m.status === 'delayed');
    }

    get someWait(): boolean {
        return this.#waiting.size > 0;
    }

    /** Something is under way, or waits for what may still come. */
    get goesOn(): boolean {
        return this.all.some(
            (m) =>
                m.status === 'running' ||
                m.status === 'settling' ||
                m.status === 'delayed' ||
                (m.status === 'waiting' && m.heldBack !== undefined),
        );
    }

    waits(id: MoveId): boolean {
        return this.#waiting.has(id);
    }

    /** Others wait for its very end. */
    isAwaited(id: MoveId): boolean {
        return this.#awaited.has(id);
    }

    /** What may start of these and what holds the others up. */
    ask(about: QueueState = { moves: this.all }): Startable {
        return startable(about, this.#plan.limits, this.#admits);
    }

    /** Moves that may start now, a portion at a time: the next one is looked for when those have started. */
    *startable(): Generator<readonly MoveId[]> {
        for (const portion of portions(this.#live)) yield this.ask(portion).start;
    }

    /** Those that are to be made ready while others come to their end. */
    nextInLine(): readonly MoveId[] {
        if (this.#ending.size === 0 || this.#ready.size >= readyAtMost) return [];
        return nextInLine(this.#live, this.#ending, this.#ready, (portion) => this.ask(portion).start);
    }

    /** Its turn has come. */
    started(id: MoveId): void {
        this.setStatus(id, 'running');
        this.#ready.delete(id);
        const move = this.#byId.get(id);
        if (!move || this.#running.has(id)) return;
        this.#running.add(id);
        this.#load.add(move);
    }

    madeReady(id: MoveId): void {
        this.#ready.add(id);
    }

    /** False: it was not ready. */
    noLongerReady(id: MoveId): boolean {
        return this.#ready.delete(id);
    }

    isEnding(id: MoveId): void {
        this.#ending.add(id);
    }

    /** It no longer counts against the limits. False: it did not before. */
    leaves(id: MoveId): boolean {
        this.#ending.delete(id);
        if (!this.#running.delete(id)) return false;
        const move = this.#byId.get(id);
        if (move) this.#load.remove(move);
        return true;
    }

    setStatus(id: MoveId, status: QueuedMove['status']): void {
        const move = this.#byId.get(id);
        if (move) this.#byId.set(id, { ...move, status });
        if (!move) return;
        if (status === 'waiting') {
            this.#waitAt(move.source).set(id, this.#placeOf.get(id) ?? 0);
            return this.#inPlanOrder();
        }
        this.#waiting.delete(id);
        this.#waitAt(move.source).delete(id);
    }

    /** It waits again, to go elsewhere or home. */
    turn(step: PlannedMove): void {
        const move = this.#byId.get(step.id);
        if (move) this.#byId.set(step.id, turned(move, step));
        this.setStatus(step.id, 'waiting');
    }

    get #live() {
        return { byId: this.#byId, waiting: this.#waiting, waitingAt: this.#waitingAt, running: this.#running, load: this.#load };
    }

    #waitAt(host: HostName): Map<MoveId, number> {
        const known = this.#waitingAt.get(host);
        if (known) return known;
        const here = new Map<MoveId, number>();
        this.#waitingAt.set(host, here);
        return here;
    }

    /** A move that waits again takes its old place in the queue. */
    #inPlanOrder(): void {
        this.#waiting.clear();
        for (const [id, move] of this.#byId) if (move.status === 'waiting') this.#waiting.set(id, move);
    }
}

/** A guest's figures do not change in a simulation: its moment is there from the start, or does not come. */
function whyNotQuiet({ vm, quiet }: PlannedMove, world: World): string | undefined {
    if (!quiet) return undefined;
    const state = vmsOf(world).find(({ uuid }) => uuid === vm.uuid);
    const scope = scopeOf(world, { vm: state });
    const truth = holds(quiet.when, scope);
    return isTrue(truth) ? undefined : `waits for a quiet moment: ${verdictText(quiet.when, truth, scope)}`;
}
