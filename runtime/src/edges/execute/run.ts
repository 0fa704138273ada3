/** Starts what may start, lets moves run side by side, and waits until nothing is left to do. */
import { milliseconds } from '@mig/language';
import {
    deadlinePassed,
    noQuietMoment,
    parties,
    startable,
    toReady,
    type Admission,
    type EndedAttempt,
    type MoveId,
    type Plan,
    type PlannedMove,
    type Skipped,
} from '../../core/index.js';
import { MigrationError } from '../../core/errors.js';
import { failureOf } from './attempt-end.js';
import { heardBy, watchBlackout } from './blackout.js';
import { Claims } from './claims.js';
import type { RunContext } from './context.js';
import type { Control } from './control.js';
import { Endings, type RunHandle } from './endings.js';
import { Gate } from './gate.js';
import { hasHooksBefore, runHooksAfter, runHooksBefore } from './hooks.js';
import { attempt } from './move.js';
import { Moves } from './moves.js';
import { Muster } from './muster.js';
import { NearingEnd } from './nearing-end.js';
import type { Untimed } from './ports.js';
import { QuietMoments } from './quiet.js';
import { verify } from './verify.js';

export class Run implements RunHandle {
    readonly #context: RunContext;
    readonly #plan: Plan;
    readonly #moves: Moves;
    readonly #claims: Claims;
    readonly #endings: Endings;
    readonly #nearingEnd: NearingEnd;
    readonly #quiet: QuietMoments;
    /** Made ready before their turn, each waiting at its gate. */
    readonly #ready = new Map<MoveId, Gate>();
    /** Made ready, and told that their turn does not come. */
    readonly #withdrawn = new Map<MoveId, Skipped>();
    readonly #queuedFor = new Set<MoveId>();
    /** Something has begun to send. */
    #sending = false;
    /** Members of gangs that wait for each other before they send. */
    readonly #musters = new Map<MoveId, Muster>();
    readonly #controls = new Map<MoveId, Control>();
    /** Policy instances whose deadline has passed. */
    readonly #late = new Set<number>();
    readonly #underWay = new Set<Promise<void>>();
    #woken: () => void = () => undefined;

    constructor(plan: Plan, context: RunContext) {
        this.#plan = plan;
        this.#context = context;
        this.#moves = new Moves(plan);
        this.#claims = new Claims(this.#moves, context);
        this.#endings = new Endings(plan, this.#moves, context, this);
        this.#nearingEnd = new NearingEnd(this.#moves, context.bandwidth);
        this.#quiet = new QuietMoments(plan, context);
    }

    async carryOut(): Promise<'complete' | 'incomplete' | 'stopped'> {
        const { control } = this.#context;
        control.stop.addEventListener('abort', () => this.wake(), { once: true });
        const over = new AbortController();
        const watching = [
            this.#quiet.watch(
                () => this.#waiting(),
                () => this.wake(),
                over.signal,
            ),
            this.#context.bandwidth.follow(over.signal, () => this.wake()),
            ...this.#deadlines(over.signal),
        ];
        while (this.#moves.some('waiting', 'delayed', 'running', 'settling')) {
            const woken = new Promise<void>((resolve) => (this.#woken = resolve));
            if (control.stop.aborted) await this.#skipTheRest();
            else if (this.#startWhatMay()) continue;
            if (this.#moves.some('running', 'settling', 'delayed') || this.#waitsForItsMoment()) await woken;
        }
        over.abort();
        await Promise.all(watching);
        await Promise.all(this.#underWay);
        await this.#claims.settled();
        if (this.#moves.all.every((m) => m.status === 'moved')) return 'complete';
        return control.stop.aborted ? 'stopped' : 'incomplete';
    }

    wake(): void {
        this.#woken();
    }

    isLate(instance: number): boolean {
        return this.#late.has(instance);
    }

    callBack(id: MoveId, because: string): void {
        this.#musters.get(id)?.sendAway(id, because);
        this.#controls.get(id)?.cancelAll({ why: 'plan-halted', detail: because });
    }

    withdraw(id: MoveId, end: Skipped): boolean {
        const ready = this.#ready.get(id);
        if (!ready) return false;
        // What it has begun is undone first.
        this.#moves.get(id).status = 'running';
        this.#withdrawn.set(id, end);
        ready.close(new MigrationError('cancelled', end.error.message, { hint: end.error.hint ?? '' }));
        return true;
    }

    /** Notices moves that are about to end, and those that need the wire no more. */
    hear(event: Untimed): void {
        if (event.type === 'phase-entered' && event.phase === 'perform' && !this.#sending) {
            this.#sending = true;
            this.wake();
        }
        if (event.type === 'phase-ended' && event.phase === 'prepare' && event.error === undefined)
            this.#musters.get(event.move)?.settled(event.move);
        if (event.type === 'phase-ended' && event.phase === 'finish') {
            const move = this.#moves.get(event.move);
            if (move.status === 'running') move.status = 'settling';
            this.#nearingEnd.forget(event.move);
            this.wake();
        }
        if (this.#nearingEnd.hear(event)) this.wake();
    }

    /** Nothing of a policy starts after its deadline. */
    #deadlines(over: AbortSignal): readonly Promise<void>[] {
        return this.#plan.instances.flatMap(({ deadlineMs }, instance) => {
            if (deadlineMs === undefined) return [];
            const passed = (): void => {
                this.#late.add(instance);
                this.wake();
            };
            return this.#context.clock.sleep(milliseconds(deadlineMs), over).then(passed, () => undefined); // the run has ended before it
        });
    }

    #skipWhatIsTooLate(): void {
        for (const { step, status } of this.#moves.those('waiting', 'delayed')) {
            if (step.homeward !== undefined) continue;
            const { deadlineMs = 0 } = this.#plan.instances[step.instance] ?? {};
            if (this.#late.has(step.instance)) this.#endings.skip(step.id, deadlinePassed(deadlineMs), 'deadline');
            else if (status === 'waiting' && this.#quiet.over(step.id))
                this.#endings.skip(step.id, noQuietMoment(this.#quiet.heldBack(step.id)), 'no-quiet-moment');
        }
    }

    /** Moves that have not begun. */
    #waiting(): readonly MoveId[] {
        return this.#moves.those('waiting').flatMap((m) => (m.step.homeward === undefined ? [m.step.id] : []));
    }

    #waitsForItsMoment(): boolean {
        const { bandwidth } = this.#context;
        // Caps refuse it as long as a window is open, or none is.
        const waitsForWindow = (id: MoveId): boolean => bandwidth.refuses(id, []) !== undefined && bandwidth.admitsLater(id);
        return this.#waiting().some((id) => this.#quiet.heldBack(id) !== undefined || waitsForWindow(id));
    }

    /** True where it has skipped one: what waited for that may start now. */
    #startWhatMay(): boolean {
        this.#skipWhatIsTooLate();
        const { start, blocked } = startable({ moves: this.#queue() }, this.#plan.limits, this.#admits);
        this.#startAll(start);
        const idle = !this.#moves.some('running', 'settling', 'delayed') && !this.#waitsForItsMoment();
        for (const { move, because, never } of blocked) {
            if (never || idle) this.#endings.skip(move, because, never ? 'never-possible' : 'no-room');
            else if (!this.#queuedFor.has(move)) {
                this.#queuedFor.add(move);
                this.#context.emit({ type: 'move-queued', move, because });
            }
        }
        // Until the first one sends, all that hosts can do is to make it ready.
        const skipped = blocked.some(({ never }) => never || idle);
        if (idle || !this.#sending) return skipped;
        this.#makeReady();
        const next = blocked.filter((b) => !b.never && !this.#ready.has(b.move)).map((b) => b.move);
        this.#claims.takeAhead(next, this.#ready.size);
        return skipped;
    }

    #queue(): ReturnType<Moves['queue']> {
        return this.#moves.queue((id) => this.#quiet.heldBack(id));
    }

    readonly #admits: Admission = (candidate, beside) => this.#context.bandwidth.refuses(candidate, beside);

    /** Begin and prepare leave the wire idle: the next in line goes through them while one under way comes to its end. */
    #makeReady(): void {
        const ready = new Set(this.#ready.keys());
        for (const id of toReady({ moves: this.#queue() }, this.#plan.limits, this.#nearingEnd.these, ready, this.#admits)) {
            // What hooks do before a move is for a move that begins.
            if (hasHooksBefore(this.#moves.get(id).step)) continue;
            const gate = new Gate();
            this.#ready.set(id, gate);
            this.#work(id, gate);
        }
    }

    #startAll(start: readonly MoveId[]): void {
        for (const party of parties(start, (id) => this.#moves.get(id).queued.gang)) {
            if (party.length > 1) this.#startTogether(party);
            else for (const id of party) this.#start(id);
        }
    }

    /** All are made ready, and then sent at the same time. */
    #startTogether(party: readonly MoveId[]): void {
        const muster = new Muster(party);
        for (const id of party) {
            const move = this.#moves.get(id);
            move.status = 'running';
            this.#musters.set(id, muster);
            this.#context.emit({ type: 'move-started', move: id, attempt: move.attempts + 1 });
            this.#work(id, muster.gateOf(id));
        }
    }

    #start(id: MoveId): void {
        const move = this.#moves.get(id);
        const ready = this.#ready.get(id);
        move.status = 'running';
        this.#context.emit({ type: 'move-started', move: id, attempt: move.attempts + (ready ? 0 : 1) });
        if (ready) {
            this.#ready.delete(id);
            ready.open();
            return;
        }
        const open = new Gate();
        open.open();
        this.#work(id, open);
    }

    /** One attempt, as far as its gate lets it. */
    #work(id: MoveId, gate: Gate): void {
        const move = this.#moves.get(id);
        move.attempts += 1;
        const control = this.#context.control.forOne();
        this.#controls.set(id, control);
        const work = this.#attempt(move.step, move.attempts, gate.opened, { ...this.#context, control })
            .then((end) => {
                this.#controls.delete(id);
                this.#musters.get(id)?.settled(id);
                this.#musters.delete(id);
                this.#ready.delete(id);
                this.#nearingEnd.forget(id);
                const withdrawn = this.#withdrawn.get(id);
                if (withdrawn === undefined || end.outcome !== 'aborted') this.#endings.ended(id, end);
                else this.#endings.skipped(id, withdrawn);
            })
            .finally(() => {
                this.#underWay.delete(work);
                this.wake();
            });
        this.#underWay.add(work);
    }

    async #attempt(step: PlannedMove, number: number, turn: Promise<void>, context: RunContext): Promise<EndedAttempt> {
        const { control } = context;
        try {
            const claimed = await this.#claims.take(step, control.cancel);
            try {
                await runHooksBefore(step, number, this.#context);
            } catch (error) {
                this.#claims.giveBack(step, claimed);
                throw error;
            }
            await using watch = watchBlackout(step, this.#context);
            const end = await attempt(step, number, claimed, turn, watch ? heardBy(watch, step, context) : context);
            this.#claims.giveBack(step, claimed);
            if (end.outcome !== 'moved') return end;
            const [failed] = await Promise.all([verify(step, number, this.#context), watch?.tell()]);
            const sentHome = failed.find(({ check }) => check.otherwise === 'return-home')?.text;
            // What follows a move follows the one that brings it home.
            if (sentHome !== undefined) return { ...end, sentHome };
            await runHooksAfter(step, number, this.#context);
            return end;
        } catch (error) {
            const stopped = control.cancel.aborted;
            return { outcome: stopped ? 'aborted' : 'failed', vmOn: step.source, error: failureOf(error), retryable: !stopped };
        }
    }

    async #skipTheRest(): Promise<void> {
        for (const { step } of this.#moves.those('waiting', 'delayed'))
            this.#endings.skip(step.id, this.#context.control.reason?.detail ?? 'the run was stopped', 'stopped');
        await this.#claims.freeAhead();
    }
}
