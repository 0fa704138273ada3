/** Quiet moments: whether the condition for which a move waits holds now, looked at again and again while the run goes on. */
import { findAttribute, milliseconds, type EpochMs, type Expression } from '@mig/language';
import {
    attributesIn,
    holds,
    isTrue,
    samplesToKeep,
    scopeOf,
    snapshotVersion,
    verdictText,
    worldOf,
    type MoveId,
    type Needs,
    type Plan,
    type PlannedMove,
    type Sample,
    type Snapshot,
} from '../../core/index.js';
import { messageOf, note, type RunContext } from './context.js';
import { sessionWith } from './ports.js';

/** Between two looks; the window of a rate comes on top. */
const lookEvery = milliseconds(1_000);
const rateWindow = milliseconds(1_000);

export class QuietMoments {
    readonly #moves: ReadonlyMap<MoveId, PlannedMove>;
    readonly #context: RunContext;
    /** Why it is not quiet; undefined: it is. Absent: not looked at yet. */
    readonly #seen = new Map<MoveId, string | undefined>();
    readonly #began: EpochMs;
    #history: Record<string, readonly Sample[]> = {};
    #looking = false;
    readonly #complained = new Set<string>();

    constructor(plan: Plan, context: RunContext) {
        this.#moves = new Map(plan.moves.flatMap((move) => (move.quiet ? [[move.id, move] as const] : [])));
        this.#context = context;
        this.#began = context.clock.now();
    }

    /** Why a move has to wait for its moment; undefined where it need not. */
    heldBack(id: MoveId): string | undefined {
        if (!this.#moves.has(id)) return undefined;
        // A move must not begin while its pages are being sampled.
        if (this.#looking) return 'waits for a quiet moment: it is being looked at';
        return this.#seen.has(id) ? this.#seen.get(id) : 'waits for a quiet moment';
    }

    /** Whether the time is over in which its moment could have come. */
    over(id: MoveId): boolean {
        const quiet = this.#moves.get(id)?.quiet;
        return (
            quiet !== undefined &&
            !this.#looking &&
            this.heldBack(id) !== undefined &&
            this.#context.clock.now() - this.#began >= quiet.withinMs
        );
    }

    /** Looks for as long as somebody waits, and tells after each look. */
    async watch(waiting: () => readonly MoveId[], looked: () => void, until: AbortSignal): Promise<void> {
        if (this.#moves.size === 0) return;
        const over = (): boolean => until.aborted;
        try {
            while (!over()) {
                const moves = waiting().flatMap((id) => this.#moves.get(id) ?? []);
                this.#looking = moves.length > 0;
                if (moves.length > 0) await this.#look(moves, until).finally(() => (this.#looking = false));
                looked();
                await this.#context.clock.sleep(lookEvery, until);
            }
        } catch (error) {
            if (!over()) throw error;
        }
    }

    async #look(moves: readonly PlannedMove[], signal: AbortSignal): Promise<void> {
        const conditions = moves.flatMap((m) => m.quiet?.when ?? []);
        const needs = { ...needsOf(conditions), dirtyRateOf: moves.map((m) => m.vm.uuid) };
        const sources = [...new Set(moves.map((m) => m.source))];
        const seen = await Promise.all(
            sources.map(async (host) => {
                try {
                    return [await (await sessionWith(this.#context.ports, host, signal)).observe(needs, signal)];
                } catch (error) {
                    if (!signal.aborted && !this.#complained.has(host))
                        note(this.#context, 'warning', undefined, `no quiet moment is seen on ${host}: ${messageOf(error)}`);
                    this.#complained.add(host);
                    return [];
                }
            }),
        );
        const snapshot: Snapshot = {
            kind: 'mig-snapshot',
            version: snapshotVersion,
            takenAt: this.#context.clock.now(),
            timeZone: this.#context.ports.inventory.timeZone ?? 'UTC',
            hosts: seen.flat().map((o) => o.host),
            vms: seen.flat().flatMap((o) => o.vms),
            compatibility: [],
            history: this.#history,
            policies: [],
            unknown: [],
        };
        this.#remember(conditions, snapshot);
        const world = worldOf({ ...snapshot, history: this.#history });
        const vms = new Map(snapshot.vms.map((vm) => [vm.uuid, vm]));
        for (const { id, vm, quiet } of moves) {
            if (!quiet) continue;
            const state = vms.get(vm.uuid);
            const scope = scopeOf(world, { vm: state });
            const truth = state ? holds(quiet.when, scope) : undefined;
            if (truth && isTrue(truth)) this.#seen.set(id, undefined);
            else
                this.#seen.set(
                    id,
                    truth ? `waits for a quiet moment: ${verdictText(quiet.when, truth, scope)}` : 'waits for a quiet moment',
                );
        }
    }

    #remember(conditions: readonly Expression[], snapshot: Snapshot): void {
        const span = Math.max(0, ...conditions.map(longestSpan));
        if (span === 0) return;
        const reads = conditions.flatMap(attributesIn).map(({ entity, attribute }) => ({ entity, attribute, historyMs: span }));
        for (const [key, sample] of Object.entries(samplesToKeep({ reads }, snapshot))) {
            const kept = (this.#history[key] ?? []).filter((s) => s.at !== sample.at && s.at >= snapshot.takenAt - 2 * span - lookEvery);
            this.#history = { ...this.#history, [key]: [...kept, sample] };
        }
    }
}

function needsOf(conditions: readonly Expression[]): Needs {
    const costs = new Set(conditions.flatMap(attributesIn).map(({ entity, attribute }) => findAttribute(entity, attribute)?.cost));
    const twoSamples = costs.has('two samples');
    const dirtyRate = costs.has('dirty-rate');
    return { statistics: costs.has('statistics'), twoSamples, dirtyRate, windowMs: twoSamples || dirtyRate ? rateWindow : milliseconds(0) };
}

function longestSpan(expression: Expression): number {
    switch (expression.kind) {
        case 'held':
            return Math.max(expression.forMs, longestSpan(expression.condition));
        case 'not':
        case 'negate':
            return longestSpan(expression.operand);
        case 'binary':
            return Math.max(longestSpan(expression.left), longestSpan(expression.right));
        case 'literal':
        case 'attribute':
        case 'metric':
            return 0;
    }
}
