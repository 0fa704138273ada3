import { milliseconds, type Bytes, type EpochMs, type Milliseconds } from '@mig/language';
import {
    decide,
    firstStopLimit,
    nextClockTime,
    notEndedWithin,
    startLadder,
    stopLimitAt,
    switchesNow,
    switchRefused,
    trimEvery,
    actionText,
    type LadderAction,
    type LadderSample,
    type LadderState,
    type PlannedMove,
    type Progress,
    type StopLimit,
    type StoppedBy,
} from '../../core/index.js';
import { HypervisorError } from '../hypervisor/errors.js';
import type { Departure } from '../hypervisor/port.js';
import { within } from './bounds.js';
import { since } from './clock.js';
import { messageOf, note, type RunContext } from './context.js';
import type { AttemptObserver } from './observer.js';
import type { Phases } from './phases.js';
import { ReadBack } from './read-back.js';

/** A question that is not answered by then is given up: the ladder and the bounds go on without it. */
const askWithin = milliseconds(5_000);

/** Answers of a host that say that nothing was done. */
const refusals: readonly string[] = ['refused', 'feature-missing', 'no-such-vm'];

/** Why a move was cancelled while it sent. */
export interface CancelledBy {
    readonly what: StoppedBy;
    readonly because: string;
}

/** Watches a move while it sends: progress, the ladder at boundaries and by the clock, and cancelling. */
export class Sending {
    readonly #step: PlannedMove;
    readonly #run: RunContext;
    readonly #departure: Departure;
    readonly #observer: AttemptObserver;
    readonly #phases: Phases;
    readonly #began: EpochMs;
    readonly #over = new AbortController();
    readonly #readBack: ReadBack;
    #ladder: LadderState;
    #progress: Progress | undefined;
    #stopLimit: StopLimit | undefined;
    #stopLimited = false;
    /** By the source's host for the guest and its hypervisor, when it began to send. */
    #held: Bytes | undefined;
    #capConfirmed = false;
    /** What is sent beyond a cap is taken off by then (decide/trim.ts). */
    #lookIn = trimEvery;
    #cancelledBy: CancelledBy | undefined;
    /** The switch to post-copy has been asked for, and the source has not refused: from then on nothing is cancelled. */
    #switchAsked = false;
    #lateTold = false;
    #refusalTold = false;
    #turn: Promise<void> = Promise.resolve();

    constructor(step: PlannedMove, run: RunContext, departure: Departure, observer: AttemptObserver, phases: Phases, began: EpochMs) {
        this.#step = step;
        this.#run = run;
        this.#departure = departure;
        this.#observer = observer;
        this.#phases = phases;
        this.#began = began;
        this.#ladder = startLadder(step.technique);
        this.#readBack = new ReadBack(step, run, departure);
    }

    get cancelledBy(): CancelledBy | undefined {
        return this.#cancelledBy;
    }

    /** Whether the source may have switched to post-copy: asked to, or seen to. */
    get maySwitched(): boolean {
        return this.#switchAsked || this.#observer.hasSwitched;
    }

    /** Watches until the memory has been sent, and gives what came of it. `bound` is the longest that it may take. */
    async during<T>(performing: Promise<T>, bound: Milliseconds): Promise<T> {
        const cancel = (): void => void this.#cancel({ what: 'request', because: this.#run.control.reason?.detail ?? 'cancelled' });
        this.#run.control.cancel.addEventListener('abort', cancel, { once: true });
        this.#run.bandwidth.onAbort(this.#step.id, (because) => void this.#cancel({ what: 'window', because }));
        this.#observer.onIteration = (iteration) => this.#inTurn(() => this.#atBoundary(iteration));
        this.#observer.onSending = () => {
            this.#inTurn(() => this.#switchIfDue(this.#observer.iteration));
            this.#inTurn(() => this.#limitStop(this.#observer.iteration));
            this.#inTurn(() => this.#askWhatIsHeld());
            this.#inTurn(() => this.#readBack.options(this.#over.signal));
        };
        const watching = this.#watch(bound);
        if (this.#run.control.cancel.aborted) cancel();
        try {
            return await performing;
        } finally {
            this.#over.abort();
            this.#observer.onIteration = undefined;
            this.#observer.onSending = undefined;
            this.#run.control.cancel.removeEventListener('abort', cancel);
            this.#run.bandwidth.onAbort(this.#step.id, undefined);
            await watching;
            await this.#turn;
        }
    }

    async #watch(bound: Milliseconds): Promise<void> {
        const start = this.#run.clock.now();
        let look: number = start;
        for (;;) {
            const now = this.#run.clock.now();
            // From look to look, however long one takes; after a long one not at once again.
            if (now >= look) look = Math.max(look + this.#lookIn, now + this.#lookIn / 2);
            const elapsed = since(this.#run.clock, this.#began);
            const next = nextClockTime(this.#ladder, elapsed) ?? Infinity;
            try {
                await this.#run.clock.sleep(milliseconds(Math.max(1, Math.min(look - now, next - elapsed))), this.#over.signal);
            } catch {
                return; // perform has settled
            }
            this.#inTurn(() => this.#atClock());
            await this.#turn;
            if (since(this.#run.clock, start) <= bound) continue;
            const because = notEndedWithin(bound);
            if (!this.maySwitched) {
                await this.#cancel({ what: 'bound', because });
                return;
            }
            if (!this.#lateTold)
                note(
                    this.#run,
                    'warning',
                    this.#step.id,
                    `${this.#step.vm.name}: ${because}; after a switch to post-copy it is not stopped`,
                );
            this.#lateTold = true;
        }
    }

    async #atClock(): Promise<void> {
        const progress = await this.#ask();
        if (progress) this.#observer.progressed(progress);
        await this.#switchIfDue(this.#observer.iteration);
        await this.#judge('clock', this.#observer.iteration);
        if (!this.maySwitched) await this.#limitStop(this.#observer.iteration);
    }

    async #atBoundary(iteration: number): Promise<void> {
        await this.#switchIfDue(iteration);
        if (this.maySwitched) return;
        const progress = await this.#ask();
        this.#observer.boundary(iteration, progress?.remaining);
        await this.#limitStop(iteration);
        await this.#judge('iteration', iteration);
    }

    async #ask(): Promise<Progress | undefined> {
        const what = { call: 'progress', host: this.#step.source, vm: this.#step.vm.name };
        const asked = await within(this.#run.clock, askWithin, what, (late) =>
            this.#departure.progress(AbortSignal.any([this.#over.signal, late])),
        );
        if (asked === undefined) return this.#progress;
        const { bandwidth } = this.#run;
        this.#progress = { ...asked, cap: bandwidth.capOf(this.#step.id) ?? asked.cap };
        // A hypervisor that is about to send may still take the cap that it had read before the last change.
        if (!this.#capConfirmed && (this.#observer.isSending || asked.transferred > 0)) {
            this.#capConfirmed = true;
            await bandwidth.confirm(this.#step.id, this.#over.signal);
        }
        this.#lookIn = await bandwidth.measured(this.#step.id, asked, this.#over.signal);
        return this.#progress;
    }

    /** Held low under a cap, and raised where a guest needs it (decide/stop-limit.ts). A limit that is not taken is set again at the next look. */
    async #limitStop(iteration: number): Promise<void> {
        if (!this.#stopLimited) {
            if (!this.#observer.isSending && this.#progress === undefined) return;
            const { id, technique } = this.#step;
            this.#stopLimit = firstStopLimit(technique, this.#run.bandwidth.capOf(id) !== undefined);
            if (this.#stopLimit) await this.#readBack.setDowntimeLimit(this.#stopLimit.now, this.#over.signal);
            this.#stopLimited = true;
        }
        if (!this.#stopLimit) return this.#readBack.downtimeLimit(this.#over.signal);
        if (this.#observer.standsStill) return;
        const { remaining, rate } = this.#progress ?? { remaining: undefined, rate: undefined };
        const next = stopLimitAt(this.#stopLimit, { iteration, remaining, rate });
        if (next.now !== this.#stopLimit.now) await this.#readBack.setDowntimeLimit(next.now, this.#over.signal);
        this.#stopLimit = next;
    }

    /** Of the guest's memory what was never touched passes at once: the end of a first pass is seen coming by the rest alone. */
    async #askWhatIsHeld(): Promise<void> {
        if (this.#step.technique.kind !== 'hybrid') return;
        const what = { call: 'its memory', host: this.#step.source, vm: this.#step.vm.name };
        this.#held = await within(this.#run.clock, askWithin, what, async (late) =>
            this.#departure.memoryHeld?.(AbortSignal.any([this.#over.signal, late])),
        );
    }

    async #judge(at: LadderSample['at'], iteration: number): Promise<void> {
        const { remaining, rate, dirtyRate, throttle } = this.#progress ?? {
            remaining: undefined,
            rate: undefined,
            dirtyRate: undefined,
            throttle: undefined,
        };
        const decision = decide(this.#ladder, {
            at,
            elapsed: since(this.#run.clock, this.#began),
            iteration,
            remaining,
            rate,
            dirtyRate,
            throttle,
            switched: this.maySwitched,
        });
        this.#ladder = decision.state;
        for (const { because } of decision.voided) note(this.#run, 'info', this.#step.id, `${this.#step.vm.name}: ${because.text}`);
        for (const [i, action] of decision.actions.entries()) {
            const because = decision.reasons[i]?.text ?? '';
            this.#run.emit({ type: 'rung-fired', move: this.#step.id, rung: action.rung, action: actionText(action), because });
            await this.#act(action, because);
        }
    }

    async #act(action: LadderAction, because: string): Promise<void> {
        switch (action.kind) {
            case 'downtime':
                this.#stopLimit = undefined;
                return this.#readBack.setDowntimeLimit(action.limit, this.#over.signal);
            case 'bandwidth':
                return this.#run.bandwidth.limit(this.#step.id, action.rate, this.#over.signal);
            case 'report':
                return note(this.#run, 'warning', this.#step.id, `${this.#step.vm.name}: ${because}`);
            case 'switch-to-postcopy':
                return this.#switch();
            case 'pause':
                return this.#departure.pauseGuest(this.#over.signal);
            case 'throttle':
                return this.#departure.throttleGuest(action, this.#over.signal);
            case 'abort':
                return this.#cancel({ what: 'ladder', because });
        }
    }

    /** Post-copy and hybrid switch by themselves: as soon as memory is sent, or once every page has been. */
    async #switchIfDue(iteration: number): Promise<void> {
        const sends = this.#observer.isSending || this.#progress !== undefined;
        const { remaining, rate, transferred } = this.#progress ?? {};
        const pass = { iteration, remaining, rate, transferred, held: this.#held };
        if (sends && !this.maySwitched && switchesNow(this.#step.technique, pass)) await this.#switch();
    }

    /** On disk before it is asked for (safety.md rule 1). What is refused is asked again at the next look. */
    async #switch(): Promise<void> {
        if (this.maySwitched || this.#cancelledBy) return;
        this.#phases.mark(['switch']);
        this.#switchAsked = true;
        try {
            await this.#departure.startPostcopy(this.#over.signal);
        } catch (error) {
            // Where no answer came it may have switched.
            if (!(error instanceof HypervisorError) || !refusals.includes(error.code)) throw error;
            // A refusal is an answer: it has not. It is asked again at the next look, and the rungs that a switch makes void hold on.
            this.#switchAsked = false;
            this.#ladder = switchRefused(this.#ladder);
            if (!this.#refusalTold)
                note(this.#run, 'info', this.#step.id, `${this.#step.source} did not switch to post-copy: ${error.message}`);
            this.#refusalTold = true;
        }
    }

    async #cancel(by: CancelledBy): Promise<void> {
        if (this.#cancelledBy || this.#over.signal.aborted) return;
        if (this.maySwitched) {
            const text = `${this.#step.vm.name} has switched to post-copy and goes on to its end: ${by.because}`;
            return note(this.#run, 'warning', this.#step.id, text);
        }
        this.#cancelledBy = by;
        try {
            await this.#departure.cancel(this.#over.signal);
        } catch (error) {
            this.#complain(error);
        }
    }

    /** One thing at a time: a boundary and the clock must not judge the same ladder at once. */
    #inTurn(work: () => Promise<void>): void {
        this.#turn = this.#turn.then(work).catch((error: unknown) => this.#complain(error));
    }

    /** A figure that cannot be had while the move ends is no news; anything else is told, and does not end the move. */
    #complain(error: unknown): void {
        if (!this.#over.signal.aborted) note(this.#run, 'warning', this.#step.id, `${this.#step.vm.name}: ${messageOf(error)}`);
    }
}
