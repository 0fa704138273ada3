/**
 * Carries out a plan: starts what may start, lets moves run side by side, shares the wire out among them, and tells
 * everything that happens as events. What decides is in core; this file waits and acts.
 */
import { milliseconds, techniqueFeature, type OnFailure } from '@mig/language';
import {
    eventsVersion,
    executable,
    linksOf,
    queueOf,
    skipHints,
    readyAtMost,
    readyLead,
    startable,
    toReady,
    type Admission,
    type MigrationEvent,
    type MoveFailure,
    type MoveId,
    type Plan,
    type PlannedGang,
    type PlannedMove,
    type QueuedMove,
    type SkipCode,
} from '../../core/index.js';
import { actionsOf } from '../../core/decide/actions.js';
import { MigrationError } from '../../core/errors.js';
import type { MoveEnd } from '../journal/records.js';
import { claim, type Claim } from './claim.js';
import { messageOf, note, type RunContext } from './context.js';
import type { Control } from './control.js';
import { failureOf, type AttemptEnd } from './attempt-end.js';
import { Effort } from './effort.js';
import { running } from './frame.js';
import { hasHooksBefore, runHooksAfter, runHooksBefore } from './hooks.js';
import { attempt } from './move.js';
import { Gate } from './gate.js';
import { Muster } from './muster.js';
import { QuietMoments } from './quiet.js';
import type { ExecutePorts, RunSignals, Untimed } from './ports.js';
import { verify } from './verify.js';

/**
 * Carries out a plan. The run is in the journal before any host is asked for anything; every move that is begun ends in
 * exactly one `move-ended`, and the last event is `run-ended`. Whoever stops reading the events cancels what is still safe to cancel.
 *
 * @throws JournalError before anything is done on any host, where the journal cannot be written
 * @throws MigrationError `not-built` for a ladder that cannot be carried out yet, before anything is done
 */
export async function* execute(plan: Plan, ports: ExecutePorts, signals: RunSignals = {}): AsyncGenerator<MigrationEvent, void, undefined> {
    for (const move of plan.moves) refuseWhatIsNotBuilt(move);
    const { journal, clock, run: id, controller } = ports;
    journal.startRun({ id, at: clock.now(), controller, simulated: ports.simulated ?? false, plan });
    yield* running(ports, plan, signals, async (context) => {
        context.emit({ type: 'run-started', version: eventsVersion, run: id, plan, simulated: ports.simulated ?? false });
        const listening: RunContext = {
            ...context,
            emit: (event) => {
                context.emit(event);
                run.hear(event);
                effort.hear(event);
            },
        };
        const effort = new Effort(plan.moves, context);
        const run = new Run(plan, listening);
        const outcome = await run.carryOut();
        await effort.settled();
        return outcome;
    });
}

/** A move of the plan as it stands in this run. */
interface Moving {
    step: PlannedMove;
    queued: QueuedMove;
    status: QueuedMove['status'];
    attempts: number;
    /** Attempts at an earlier destination. */
    before: number;
}

/** What becomes of a move that is returned because another of its gang has failed. */
interface Return {
    readonly because: string;
    /** It starts again with the others then. Undefined: it does not. */
    readonly againInMs: number | undefined;
}

class Run {
    readonly #context: RunContext;
    readonly #plan: Plan;
    readonly #moves: Map<MoveId, Moving>;
    /** Taken ahead of their turn, so that nothing but the phases is left to do when it comes. */
    readonly #ahead = new Map<MoveId, Promise<Claim>>();
    readonly #closing = new Map<MoveId, Promise<void>>();
    /** Made ready before their turn, each waiting at its gate. */
    readonly #ready = new Map<MoveId, Gate>();
    /** Made ready, and told that their turn does not come. */
    readonly #withdrawn = new Map<MoveId, MoveFailure>();
    /** Under way, and expected to end soon. */
    readonly #ending = new Set<MoveId>();
    readonly #queuedFor = new Set<MoveId>();
    /** Something has begun to send. */
    #sending = false;
    readonly #failures = new Map<number, number>();
    /** Members of gangs that wait for each other before they send. */
    readonly #musters = new Map<MoveId, Muster>();
    readonly #controls = new Map<MoveId, Control>();
    readonly #returned = new Map<MoveId, Return>();
    readonly #quiet: QuietMoments;
    /** Policy instances whose deadline has passed. */
    readonly #late = new Set<number>();
    readonly #underWay = new Set<Promise<void>>();
    #wake: () => void = () => undefined;

    constructor(plan: Plan, context: RunContext) {
        this.#plan = plan;
        this.#context = context;
        const first = queueOf(plan);
        this.#moves = new Map(
            plan.moves.flatMap((step, i) =>
                first[i] ? [[step.id, { step, queued: first[i], status: 'waiting', attempts: 0, before: 0 }]] : [],
            ),
        );
        this.#quiet = new QuietMoments(plan, context);
    }

    async carryOut(): Promise<'complete' | 'incomplete' | 'stopped'> {
        const { control } = this.#context;
        control.stop.addEventListener('abort', () => this.#wake(), { once: true });
        const over = new AbortController();
        const watching = [
            this.#quiet.watch(
                () => this.#ids('waiting'),
                () => this.#wake(),
                over.signal,
            ),
            this.#context.bandwidth.follow(over.signal, () => this.#wake()),
            ...this.#deadlines(over.signal),
        ];
        while (this.#some('waiting', 'delayed', 'running', 'settling')) {
            const woken = new Promise<void>((resolve) => (this.#wake = resolve));
            if (control.stop.aborted) await this.#skipTheRest();
            else this.#startWhatMay();
            if (this.#some('running', 'settling', 'delayed') || this.#waitsForItsMoment()) await woken;
        }
        over.abort();
        await Promise.all(watching);
        await Promise.all(this.#underWay);
        await Promise.all(this.#closing.values());
        const all = [...this.#moves.values()];
        if (all.every((m) => m.status === 'moved')) return 'complete';
        return control.stop.aborted ? 'stopped' : 'incomplete';
    }

    /** Nothing of a policy starts after its deadline. */
    #deadlines(over: AbortSignal): readonly Promise<void>[] {
        return this.#plan.instances.flatMap(({ deadlineMs }, instance) => {
            if (deadlineMs === undefined) return [];
            const passed = (): void => {
                this.#late.add(instance);
                this.#wake();
            };
            return this.#context.clock.sleep(milliseconds(deadlineMs), over).then(passed, () => undefined); // the run has ended before it
        });
    }

    #skipWhatIsTooLate(): void {
        for (const { step, status } of this.#moves.values()) {
            if (status !== 'waiting' && status !== 'delayed') continue;
            const { deadlineMs = 0 } = this.#plan.instances[step.instance] ?? {};
            if (this.#late.has(step.instance)) this.#skip(step.id, `the deadline of ${deadlineMs / 1000} s has passed`, 'deadline');
            else if (status === 'waiting' && this.#quiet.over(step.id))
                this.#skip(step.id, `no quiet moment came: it ${this.#quiet.heldBack(step.id) ?? 'waits'}`, 'no-quiet-moment');
        }
    }

    #waitsForItsMoment(): boolean {
        const { bandwidth } = this.#context;
        // Caps refuse it as long as a window is open, or none is.
        const waitsForWindow = (id: MoveId): boolean => bandwidth.refuses(id, []) !== undefined && bandwidth.admitsLater(id);
        return this.#ids('waiting').some((id) => this.#quiet.heldBack(id) !== undefined || waitsForWindow(id));
    }

    #startWhatMay(): void {
        this.#skipWhatIsTooLate();
        const { start, blocked } = startable({ moves: this.#queue() }, this.#plan.limits, this.#admits);
        this.#startAll(start);
        const idle = !this.#some('running', 'settling', 'delayed') && !this.#waitsForItsMoment();
        for (const { move, because, never } of blocked) {
            if (never || idle) this.#skip(move, because, never ? 'never-possible' : 'no-room');
            else if (!this.#queuedFor.has(move)) {
                this.#queuedFor.add(move);
                this.#context.emit({ type: 'move-queued', move, because });
            }
        }
        // Until the first one sends, all that hosts can do is to make it ready.
        if (idle || !this.#sending) return;
        this.#makeReady();
        this.#claimAhead(blocked.filter((b) => !b.never && !this.#ready.has(b.move)).map((b) => b.move));
    }

    readonly #admits: Admission = (candidate, beside) => this.#context.bandwidth.refuses(candidate, beside);

    /** Begin and prepare leave the wire idle: the next in line goes through them while one under way comes to its end. */
    #makeReady(): void {
        const ready = new Set(this.#ready.keys());
        for (const id of toReady({ moves: this.#queue() }, this.#plan.limits, this.#ending, ready, this.#admits)) {
            // What hooks do before a move is for a move that begins.
            if (hasHooksBefore(this.#move(id).step)) continue;
            const gate = new Gate();
            this.#ready.set(id, gate);
            this.#work(id, gate);
        }
    }

    /** Notices moves that are about to end, and those that need the wire no more. */
    hear(event: Untimed): void {
        if (event.type === 'phase-entered' && event.phase === 'perform' && !this.#sending) {
            this.#sending = true;
            this.#wake();
        }
        if (event.type === 'phase-ended' && event.phase === 'prepare' && event.error === undefined)
            this.#musters.get(event.move)?.settled(event.move);
        if (event.type === 'phase-ended' && event.phase === 'finish') {
            const move = this.#move(event.move);
            if (move.status === 'running') move.status = 'settling';
            this.#ending.delete(event.move);
            this.#wake();
        }
        const soon =
            (event.type === 'progress' && event.eta !== undefined && event.eta <= readyLead) ||
            (event.type === 'phase-entered' && event.phase === 'perform' && this.#isShort(event.move)) ||
            (event.type === 'phase-entered' && event.phase === 'finish');
        if (!soon || this.#ending.has(event.move) || this.#moves.get(event.move)?.status !== 'running') return;
        this.#ending.add(event.move);
        this.#wake();
    }

    /** One pass over all its memory at its cap, or at the speed of its slower link, ends within the lead: no progress need be waited for. */
    #isShort(id: MoveId): boolean {
        const { step } = this.#move(id);
        const links = linksOf({ source: step.source, destination: step.destination, network: step.route.network });
        const speeds = links.flatMap((link) => this.#context.bandwidth.capacityOf(link) ?? []);
        const rate = this.#context.bandwidth.capOf(id) ?? (speeds.length === 0 ? undefined : Math.min(...speeds));
        return rate !== undefined && (step.memory / rate) * 1000 <= readyLead;
    }

    #startAll(start: readonly MoveId[]): void {
        const together = new Map<PlannedGang, MoveId[]>();
        for (const id of start) {
            const { gang } = this.#move(id).queued;
            const party = gang && together.get(gang);
            if (!gang) this.#start(id);
            else if (party) party.push(id);
            else together.set(gang, [id]);
        }
        for (const party of together.values()) {
            if (party.length > 1) this.#startTogether(party);
            else for (const id of party) this.#start(id);
        }
    }

    /** All are made ready, and then sent at the same time. */
    #startTogether(party: readonly MoveId[]): void {
        const muster = new Muster(party);
        for (const id of party) {
            const move = this.#move(id);
            move.status = 'running';
            this.#musters.set(id, muster);
            this.#context.emit({ type: 'move-started', move: id, attempt: move.attempts + 1 });
            this.#work(id, muster.gateOf(id));
        }
    }

    #start(id: MoveId): void {
        const move = this.#move(id);
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
        const move = this.#move(id);
        move.attempts += 1;
        const control = this.#context.control.forOne();
        this.#controls.set(id, control);
        const work = this.#attempt(move.step, move.attempts, gate.opened, { ...this.#context, control })
            .then((end) => {
                this.#controls.delete(id);
                this.#musters.get(id)?.settled(id);
                this.#musters.delete(id);
                this.#ready.delete(id);
                this.#ending.delete(id);
                const withdrawn = this.#withdrawn.get(id);
                if (withdrawn === undefined || end.outcome !== 'aborted') this.#ended(move.step, end);
                else this.#skipped(move, withdrawn);
            })
            .finally(() => {
                this.#underWay.delete(work);
                this.#wake();
            });
        this.#underWay.add(work);
    }

    async #attempt(step: PlannedMove, number: number, turn: Promise<void>, context: RunContext): Promise<AttemptEnd> {
        const { ports, control } = context;
        const taken = this.#ahead.get(step.id);
        this.#ahead.delete(step.id);
        try {
            await this.#closing.get(step.id);
            const claimed = await (taken ?? claim(step, ports, control.cancel));
            try {
                await runHooksBefore(step, number, this.#context);
            } catch (error) {
                await this.#giveBack(step, claimed);
                throw error;
            }
            const end = await attempt(step, number, claimed, turn, context);
            // Nobody has to wait for the lock and the connections to be given back, but this VM's next attempt and the end of the run.
            this.#closing.set(step.id, this.#giveBack(step, claimed));
            if (end.outcome !== 'moved') return end;
            await verify(step, number, this.#context);
            await runHooksAfter(step, number, this.#context);
            return end;
        } catch (error) {
            const stopped = control.cancel.aborted;
            return { outcome: stopped ? 'aborted' : 'failed', vmOn: step.source, error: failureOf(error), retryable: !stopped };
        }
    }

    async #giveBack(step: PlannedMove, claimed: Claim): Promise<void> {
        try {
            await claimed[Symbol.asyncDispose]();
        } catch (error) {
            note(this.#context, 'warning', step.id, `the lock of ${step.vm.name} could not be given back: ${messageOf(error)}`);
        }
    }

    #ended(step: PlannedMove, end: AttemptEnd): void {
        const policy = this.#plan.instances[step.instance]?.onFailure;
        const move = this.#move(step.id);
        const { retry } = policy ?? { retry: undefined };
        const tries = move.attempts - move.before;
        const goesOn = !this.#context.control.stop.aborted && !this.#late.has(step.instance);
        const returned = this.#returned.get(step.id);
        this.#returned.delete(step.id);
        if (returned && end.outcome === 'aborted') {
            this.#comeBack(move, end, returned, goesOn);
            return;
        }
        if (end.outcome !== 'moved' && end.retryable && retry && tries <= retry.times && goesOn) {
            this.#returnGang(step, end, retry.everyMs);
            const because = `attempt ${move.attempts} failed (${end.error?.message ?? 'no reason given'}); retry ${tries} of ${retry.times} in ${retry.everyMs / 1000} s`;
            this.#context.emit({ type: 'move-queued', move: step.id, because });
            this.#delay(step.id, retry.everyMs);
            return;
        }
        if (end.outcome !== 'moved' && goesOn && this.#redirect(move, policy, end)) return;
        move.status = end.outcome === 'moved' ? 'moved' : 'failed';
        this.#close(step.id, end);
        if (end.outcome !== 'moved') this.#returnGang(step, end, undefined);
        if (end.outcome === 'failed' || end.outcome === 'held' || end.error?.code === 'aborted-by-policy')
            this.#onFailure(step, policy, end);
    }

    /** A VM that is still at its source, and has another place to go to. Whoever is all or none goes nowhere without the others. */
    #redirect(move: Moving, policy: OnFailure | undefined, end: AttemptEnd): boolean {
        const { otherDestination, ...step } = move.step;
        const failed = end.outcome === 'failed' || end.error?.code === 'aborted-by-policy';
        if (!otherDestination || !failed || end.vmOn !== step.source || policy?.then.includes('other-destination') !== true) return false;
        if (move.queued.gang?.allOrNone === true) return false;
        const { destination } = otherDestination;
        const redirected: PlannedMove = { ...step, ...otherDestination, actions: actionsOf({ ...step, ...otherDestination }, undefined) };
        try {
            this.#context.ports.journal.redirect(this.#context.ports.run, redirected);
        } catch (error) {
            note(this.#context, 'warning', step.id, `${step.vm.name} does not go to ${destination} instead: ${messageOf(error)}`);
            return false;
        }
        move.step = redirected;
        move.queued = { ...move.queued, destination, network: redirected.route.network };
        move.before = move.attempts;
        move.status = 'waiting';
        this.#context.bandwidth.redirect(redirected);
        const because = `it could not go to ${step.destination}: ${end.error?.message ?? 'no reason given'}`;
        this.#context.emit({ type: 'move-redirected', move: step.id, destination, because });
        this.#context.emit({ type: 'move-queued', move: step.id, because });
        return true;
    }

    /** Of a gang that is all or none, those that have not switched come back: to start again with the others, or for good. */
    #returnGang(step: PlannedMove, end: AttemptEnd, againInMs: number | undefined): void {
        const { gang } = this.#move(step.id).queued;
        if (gang?.allOrNone !== true) return;
        const because = `${step.vm.name} of ${gang.name} did not move (${end.error?.message ?? 'no reason given'}), and it is all or none`;
        for (const id of gang.moves) {
            const mate = this.#move(id);
            if (id === step.id) continue;
            if (mate.status === 'running') {
                this.#returned.set(id, { because, againInMs });
                this.#musters.get(id)?.sendAway(id, because);
                this.#controls.get(id)?.cancelAll({ why: 'plan-halted', detail: because });
            } else if (againInMs === undefined && (mate.status === 'waiting' || mate.status === 'delayed'))
                this.#skip(id, because, 'gang-failed');
        }
    }

    #comeBack(move: Moving, end: AttemptEnd, { because, againInMs }: Return, goesOn: boolean): void {
        const { id, vm } = move.step;
        if (againInMs !== undefined && goesOn) {
            this.#context.emit({ type: 'move-queued', move: id, because });
            this.#delay(id, againInMs);
            return;
        }
        move.status = 'failed';
        const error = { code: 'gang-failed', message: `${vm.name} was returned: ${because}`, hint: 'run the policy again to move it' };
        this.#close(id, { ...end, error });
    }

    #delay(id: MoveId, ms: number): void {
        const { clock, control } = this.#context;
        this.#move(id).status = 'delayed';
        void clock.sleep(milliseconds(ms), control.stop).then(
            () => {
                if (this.#move(id).status === 'delayed') this.#move(id).status = 'waiting';
                this.#wake();
            },
            () => this.#wake(), // the run is stopping: what is delayed is skipped
        );
    }

    #onFailure(step: PlannedMove, policy: OnFailure | undefined, end: AttemptEnd): void {
        const failures = (this.#failures.get(step.instance) ?? 0) + 1;
        this.#failures.set(step.instance, failures);
        const what = `${step.vm.name} did not move: ${end.error?.message ?? 'no reason given'}`;
        if (policy?.then.includes('report')) note(this.#context, 'warning', step.id, what);
        const spent = policy?.budget !== undefined && failures > policy.budget;
        if (policy?.then.includes('halt-plan') || spent) {
            const detail = spent ? `${what}; that is more than the budget of ${policy.budget} failures` : what;
            this.#context.control.halt({ why: 'plan-halted', detail });
        }
    }

    /** Locks and connections for those who come next: few, since each holds sessions of its hosts' SSH connections. */
    #claimAhead(next: readonly MoveId[]): void {
        for (const id of next.slice(0, readyAtMost - this.#ready.size)) {
            if (this.#ahead.has(id)) continue;
            const taken = claim(this.#move(id).step, this.#context.ports, this.#context.control.stop);
            taken.catch(() => undefined); // told when its turn comes
            this.#ahead.set(id, taken);
        }
    }

    async #skipTheRest(): Promise<void> {
        const left = [...this.#moves.values()].filter((m) => m.status === 'waiting' || m.status === 'delayed');
        for (const { step } of left) this.#skip(step.id, this.#context.control.reason?.detail ?? 'the run was stopped', 'stopped');
        const held = [...this.#ahead.values()];
        this.#ahead.clear();
        await Promise.allSettled(held.map(async (taken) => (await taken)[Symbol.asyncDispose]()));
    }

    #skip(id: MoveId, because: string, code: SkipCode): void {
        const move = this.#move(id);
        const hint = skipHints[code];
        const message = `${move.step.vm.name} was not started: ${because}`;
        const ready = this.#ready.get(id);
        if (ready) {
            // What it has begun is undone first.
            move.status = 'running';
            this.#withdrawn.set(id, { code, message, hint });
            ready.close(new MigrationError('cancelled', message, { hint }));
            return;
        }
        this.#skipped(move, { code, message, hint });
    }

    #skipped(move: Moving, error: MoveFailure): void {
        move.status = 'failed';
        this.#close(move.step.id, { outcome: 'skipped', vmOn: move.step.source, error });
    }

    /** In the journal, then told: once for every move. */
    #close(id: MoveId, { outcome, vmOn, error }: MoveEnd): void {
        const { ports, emit } = this.#context;
        try {
            ports.journal.endMove(ports.run, id, { outcome, vmOn, error });
        } catch (failure) {
            note(this.#context, 'alarm', id, `the end of ${id} could not be written down: ${messageOf(failure)}`);
        }
        emit({ type: 'move-ended', move: id, outcome, vmOn, error });
    }

    #queue(): QueuedMove[] {
        return [...this.#moves.values()].map((m) => ({ ...m.queued, status: m.status, heldBack: this.#quiet.heldBack(m.step.id) }));
    }

    #ids(status: QueuedMove['status']): MoveId[] {
        return [...this.#moves.values()].filter((m) => m.status === status).map((m) => m.step.id);
    }

    #some(...statuses: readonly QueuedMove['status'][]): boolean {
        return [...this.#moves.values()].some((m) => statuses.includes(m.status));
    }

    #move(id: MoveId): Moving {
        const move = this.#moves.get(id);
        if (!move) throw new Error(`no move ${id} in the plan`);
        return move;
    }
}

function refuseWhatIsNotBuilt(move: PlannedMove): void {
    const { kind } = move.technique;
    const feature = techniqueFeature[kind];
    if (executable.has(feature)) return;
    throw new MigrationError('not-built', `${move.vm.name} is to move by ${kind}, which is not built yet (${feature})`, {
        hint: 'use precopy',
        where: { vm: move.vm.name },
    });
}
