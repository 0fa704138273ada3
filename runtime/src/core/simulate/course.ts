/**
 * The course of one move in virtual time, attempt after attempt, with the events that an executor would report.
 *
 *   begin ▶ prepare ▶ ready ▶ join ▶ connect ▶ copy ▶ resume ▶ finish ▶ confirm ▶ ended
 *
 * A move that is made ready before its turn stays in `ready` until it comes. An aborted copy goes to a cancelled finish
 * and ends; a move whose turn does not come goes from `ready` to a cancelled finish and confirm. After a switch to
 * post-copy finish begins as soon as the destination has what it needs, and lasts until every page is there.
 */
import { bytes, bytesPerSecond, epochMs, formatQuantity, milliseconds, type BytesPerSecond, type Milliseconds } from '@mig/language';
import { shareRequest, type ShareRequest } from '../decide/bandwidth.js';
import { ownSwitch } from '../decide/move-technique.js';
import { actionText, decide, nextClockTime, startLadder, type LadderAction, type LadderState } from '../decide/ladder.js';
import { readyLead } from '../decide/queue.js';
import type { MoveEvent, MoveFailure } from '../model/events.js';
import type { MovePhase, PlannedMove, Reason } from '../model/plan.js';
import { defaultTimeBound, linksUsed, lookEvery, phaseOverhead, phaseSpread, resumeTime } from './assumptions.js';
import {
    advance,
    pageSize,
    pauseGuest,
    standsStill,
    switchToPostcopy,
    throttleGuest,
    timeToExpectedEnd,
    timeToNextEvent,
    wireRate,
    withDowntimeLimit,
    type GuestMemory,
    type PrecopyState,
} from './precopy.js';
import { randomOf } from './random.js';
import { startCopy } from './start-copy.js';
import { throttleSettings } from './throttle.js';

type Stage = 'waiting' | 'begin' | 'prepare' | 'ready' | 'join' | 'connect' | 'copy' | 'resume' | 'finish' | 'confirm' | 'ended';

export interface CourseSettings {
    readonly seed: number;
    readonly progressEvery: Milliseconds;
    /** Virtual time 0. */
    readonly startOfTime: number;
    readonly emit: (event: MoveEvent) => void;
    /** Something worth telling that is no event of its own. */
    readonly note: (move: PlannedMove, text: string) => void;
    /** A move that sends is expected to end soon: told once in an attempt. */
    readonly onAboutToEnd: (move: PlannedMove) => void;
}

type WithoutPlace<E> = E extends unknown ? Omit<E, 'at' | 'move'> : never;

export class MoveCourse {
    readonly planned: PlannedMove;
    readonly request: ShareRequest;
    /** The directed links that it loads while it sends. */
    readonly links: readonly string[];
    attempt = 0;
    /** Of these, made at an earlier destination. */
    attemptsBefore = 0;
    stage: Stage = 'waiting';
    /** How the last attempt ended, once `stage` is `ended`. */
    failure: MoveFailure | undefined;
    /** A rung's own cap, on top of those of the plan. */
    rungCap: BytesPerSecond | undefined;
    readonly #guest: GuestMemory;
    readonly #settings: CourseSettings;
    #copy: PrecopyState;
    #ladder: LadderState;
    #now = 0;
    #startedAt = 0;
    #phaseStartedAt = 0;
    #stageEndsAt = Infinity;
    #progressAt = Infinity;
    #performBoundAt = Infinity;
    /** After a switch: when the guest runs at its destination. */
    #resumesAt = Infinity;
    #switched = false;
    #copyStartedAt = 0;
    #rate = bytesPerSecond(0);
    #cap: BytesPerSecond | undefined;
    #cancelled = false;
    #hasTurn = false;
    #withdrawn = false;
    #toldOfEnd = false;

    constructor(planned: PlannedMove, guest: GuestMemory, settings: CourseSettings) {
        this.planned = planned;
        this.request = shareRequest(planned);
        this.links = linksUsed(planned);
        this.#guest = guest;
        this.#settings = settings;
        this.#ladder = startLadder(planned.technique);
        this.#copy = this.#newCopy();
    }

    /** It was made ready, and its turn did not come. */
    get withdrawn(): boolean {
        return this.#withdrawn;
    }

    /** It has a share of the caps: from just before it may send until it has sent all. */
    get sharing(): boolean {
        return this.stage === 'join' || this.stage === 'connect' || this.stage === 'copy';
    }

    /** It loads links now. */
    get sending(): boolean {
        return this.stage === 'copy';
    }

    /** What bounds it besides the links: QEMU lifts its cap once the guest is stopped. */
    get bound(): BytesPerSecond {
        const { stage, machine } = this.#copy;
        const { postcopyBandwidth: own } = this.planned.technique.options;
        const cap = stage === 'copying' || stage === 'postcopy' ? (this.#cap ?? Infinity) : Infinity;
        const after = stage === 'postcopy' && typeof own === 'number' ? own : Infinity;
        return bytesPerSecond(Math.min(cap, after, machine.fastest));
    }

    /** Changes when bandwidth has to be shared out again because of this move. */
    get demand(): string {
        return this.sharing ? `${this.sending ? this.#copy.stage : 'about to send'} ${this.rungCap ?? ''}` : '';
    }

    /** Its turn has come: an attempt begins, or goes on if it was made ready. */
    start(now: number): void {
        const begun = this.stage !== 'waiting';
        if (!begun) this.#beginAttempt();
        this.#now = now;
        this.#startedAt = now;
        this.#hasTurn = true;
        this.#emit({ type: 'move-started', attempt: this.attempt });
        if (!begun) this.#enter('begin');
        else if (this.stage === 'ready') this.#join();
    }

    /** It starts together with others: an attempt begins, and waits for `release` before it sends. */
    startTogether(now: number): void {
        this.#beginAttempt();
        this.#now = now;
        this.#startedAt = now;
        this.#emit({ type: 'move-started', attempt: this.attempt });
        this.#enter('begin');
    }

    /** All that start together are ready. A ladder's times do not count the waiting. */
    release(now: number): void {
        this.#hasTurn = true;
        if (this.stage !== 'ready') return;
        this.#now = now;
        this.#startedAt = now;
        this.#join();
    }

    /** It comes back, since another of its gang has failed. False where its guest has been stopped to be switched: it goes on. */
    recall(now: number, because: string): boolean {
        const hint = 'run the policy again to move it';
        const why: MoveFailure = { code: 'gang-failed', message: `${this.planned.vm.name} was returned: ${because}`, hint };
        const sends = this.stage === 'connect' || (this.stage === 'copy' && this.#copy.stage === 'copying');
        if (this.stage === 'copy') this.step(now);
        this.#now = now;
        if (sends) this.#abort(why.code, because, hint);
        else if (this.stage === 'join') {
            this.#withdrawn = true;
            this.#undo();
        } else if (this.stage === 'begin' || this.stage === 'prepare' || this.stage === 'ready') this.withdraw(now, why);
        else return false;
        this.failure = why;
        return true;
    }

    /** An attempt begins before its turn, and waits for it before it sends. */
    makeReady(now: number): void {
        this.#beginAttempt();
        this.#now = now;
        this.#enter('begin');
    }

    /** The turn of a move that was made ready does not come: what it has begun is undone. */
    withdraw(now: number, why: MoveFailure): void {
        this.#withdrawn = true;
        this.failure = why;
        if (this.stage !== 'ready') return; // after prepare
        this.#now = now;
        this.#undo();
    }

    /** The next time at which something happens if the rate stays; Infinity: never. */
    dueAt(): number {
        if (this.stage !== 'copy') return this.#stageEndsAt;
        const event = this.#now + timeToNextEvent(this.#copy, this.#rate);
        const clock =
            this.#copy.stage === 'copying' || this.#copy.stage === 'postcopy'
                ? nextClockTime(this.#ladder, milliseconds(this.#now - this.#startedAt + clockSlack))
                : undefined;
        return Math.min(
            event,
            this.#resumesAt,
            this.#progressAt,
            this.#aboutToEndAt(),
            clock === undefined ? Infinity : this.#startedAt + clock,
        );
    }

    /** Lets time pass until `now`, which is not later than `dueAt()`, and does what is due then. */
    step(now: number): void {
        if (this.stage === 'copy') this.#stepCopy(now);
        else if (now >= this.#stageEndsAt) this.#stepPhase(now);
        else this.#now = now;
    }

    /** The rate that the links give, from `now` on. True where it is another than before, so that `dueAt()` has changed. */
    flow(rate: BytesPerSecond, now: number): boolean {
        if (rate === this.#rate) return false;
        this.step(now);
        this.#rate = rate;
        return true;
    }

    /** Another cap of its own, as an executor sets it. */
    limit(cap: BytesPerSecond | undefined, now: number): void {
        if (cap === this.#cap) return;
        if (this.sending) this.step(now);
        else this.#now = now;
        this.#cap = cap;
        if (cap !== undefined && this.sharing) this.#applied(this.#switched ? 'postcopy-bandwidth' : 'bandwidth', cap);
    }

    /** Stops the copy for a reason that is not its ladder's; false where it has nothing to stop, or it is no longer safe. */
    abortFor(because: string, now: number): boolean {
        if (this.stage === 'copy') this.step(now);
        if (this.stage !== 'copy' || this.#copy.stage !== 'copying') return false;
        this.#abort('aborted-by-policy', because, 'give it a longer window, or begin earlier');
        return true;
    }

    #stepPhase(now: number): void {
        this.#now = now;
        switch (this.stage) {
            case 'begin':
                this.#leave('begin');
                return this.#enter('prepare');
            case 'prepare':
                this.#leave('prepare');
                if (this.#withdrawn) return this.#undo();
                if (this.#hasTurn) return this.#join();
                this.stage = 'ready';
                this.#stageEndsAt = Infinity;
                return;
            case 'join':
                return this.#enter('perform');
            case 'connect':
                return this.#startCopy();
            case 'resume':
                this.#emit({ type: 'guest-resumed', on: this.planned.destination });
                if (this.#switched) return this.#leaveSwitched();
                this.stage = 'finish';
                this.#stageEndsAt = now + Math.max(0, this.#duration('finish') - resumeTime);
                return;
            case 'finish':
                this.#leave('finish');
                if (!this.#cancelled || this.#withdrawn) return this.#enter('confirm');
                return this.#endAttempt();
            case 'confirm':
                this.#leave('confirm');
                if (!this.#cancelled) this.#emit({ type: 'arrived', carried: carriedWith(this.planned) });
                return this.#endAttempt();
            case 'waiting':
            case 'ready':
            case 'copy':
            case 'ended':
                return;
        }
    }

    #beginAttempt(): void {
        this.attempt += 1;
        this.failure = undefined;
        this.rungCap = undefined;
        this.#cap = undefined;
        this.#cancelled = false;
        this.#hasTurn = false;
        this.#withdrawn = false;
        this.#toldOfEnd = false;
        this.#switched = false;
        this.#resumesAt = Infinity;
        this.#ladder = startLadder(this.planned.technique);
        this.#copy = this.#newCopy();
    }

    #join(): void {
        this.stage = 'join';
        this.#stageEndsAt = this.#now;
    }

    #undo(): void {
        this.#cancelled = true;
        this.#enter('finish');
    }

    #endAttempt(): void {
        this.stage = 'ended';
        this.#stageEndsAt = Infinity;
    }

    #startCopy(): void {
        this.stage = 'copy';
        this.#stageEndsAt = Infinity;
        this.#copyStartedAt = this.#now;
        this.#progressAt = this.#now + this.#settings.progressEvery;
        this.#rate = bytesPerSecond(0);
        this.#performBoundAt = this.#phaseStartedAt + defaultTimeBound;
        this.#emit({ type: 'iteration', iteration: 1, remaining: whole(this.#copy.remaining) });
        if (standsStill(this.#copy)) this.#emit({ type: 'guest-stopped', on: this.planned.source });
        if (this.planned.technique.options.downtimeMs !== undefined) this.#applied('downtime-limit', this.#copy.downtimeLimit);
        this.#switchIfDue();
    }

    /** Post-copy and hybrid switch by themselves. */
    #switchIfDue(): void {
        const own = ownSwitch(this.planned.technique);
        if (own && this.#copy.stage === 'copying' && this.#copy.iteration >= own.atIteration) this.#switch();
    }

    #switch(): void {
        const stood = standsStill(this.#copy);
        this.#copy = switchToPostcopy(this.#copy);
        this.#switched = true;
        this.#emit({ type: 'iteration', iteration: this.#copy.iteration, remaining: whole(this.#copy.remaining) });
        if (!stood) this.#emit({ type: 'guest-stopped', on: this.planned.source });
        this.#emit({ type: 'postcopy-started' });
        if (this.#cap !== undefined) this.#applied('postcopy-bandwidth', this.#cap);
    }

    #stepCopy(now: number): void {
        const clockAt = this.#clockAt();
        const aboutToEndAt = this.#aboutToEndAt();
        const { state, happened } = advance(this.#copy, milliseconds(Math.max(0, now - this.#now)), this.#rate);
        const stood = standsStill(this.#copy);
        this.#now = now;
        this.#copy = state;
        if (now >= this.#resumesAt) {
            this.#resumesAt = Infinity;
            this.#emit({ type: 'guest-resumed', on: this.planned.destination });
        }
        for (const { kind, state: then } of happened) {
            if (kind === 'sent') return this.#endCopy();
            if (kind === 'switched') {
                this.#leave('perform');
                this.#phaseStartedAt = now;
                this.#emit({ type: 'phase-entered', phase: 'finish' });
                this.#resumesAt = now + resumeTime;
                continue;
            }
            this.#emit({ type: 'iteration', iteration: then.iteration, remaining: whole(then.remaining) });
            if (kind === 'iteration') {
                this.#switchIfDue();
                if (this.#judge('iteration')) return;
            } else if (!stood) this.#emit({ type: 'guest-stopped', on: this.planned.source });
        }
        const judged = this.#copy.stage === 'copying' || this.#copy.stage === 'postcopy';
        if (judged && now >= clockAt - clockSlack && this.#judge('clock')) return;
        if (now >= aboutToEndAt) this.#tellOfEnd();
        if (now >= this.#progressAt) {
            this.#reportProgress();
            this.#progressAt = now + this.#settings.progressEvery;
        }
    }

    /** When the ladder's clock, or the bound on all moves, has its next say. */
    #clockAt(): number {
        const next = nextClockTime(this.#ladder, milliseconds(this.#now - this.#startedAt + clockSlack));
        return Math.min(this.#startedAt + (next ?? Infinity), this.#switched ? Infinity : this.#performBoundAt);
    }

    /** The next look at its progress that shows that it ends soon, if the rate stays. */
    #aboutToEndAt(): number {
        if (this.#toldOfEnd) return Infinity;
        const seen = this.#now + timeToExpectedEnd(this.#copy, this.#rate, readyLead);
        const looks = Math.max(1, Math.ceil((seen - this.#copyStartedAt) / lookEvery - clockSlack));
        return Math.max(this.#now, this.#copyStartedAt + looks * lookEvery);
    }

    #tellOfEnd(): void {
        if (this.#toldOfEnd) return;
        this.#toldOfEnd = true;
        this.#settings.onAboutToEnd(this.planned);
    }

    /** Judges the ladder and does what it says. True when the move is aborted. */
    #judge(at: 'iteration' | 'clock'): boolean {
        if (!this.#switched && this.#now >= this.#performBoundAt - clockSlack) {
            const because = `it has not ended within ${formatQuantity(defaultTimeBound, 'duration')}`;
            this.#abort('timed-out', because, 'give its technique a rung `after ...: abort`, with the time that it may take');
            return true;
        }
        if (this.#ladder.fired.length + this.#ladder.voided.length === this.#ladder.rungs.length) return false;
        const { actions, reasons, voided, state } = decide(this.#ladder, {
            at,
            elapsed: milliseconds(this.#now - this.#startedAt + clockSlack),
            iteration: this.#copy.iteration,
            remaining: this.#copy.remaining,
            rate: wireRate(this.#copy, this.#rate),
            dirtyRate: this.#copy.seenDirtyRate,
            throttle: this.#copy.throttle?.share,
            switched: this.#switched,
        });
        this.#ladder = state;
        for (const { because } of voided) this.#settings.note(this.planned, `${this.planned.vm.name}: ${because.text}`);
        for (const [i, action] of actions.entries()) this.#fire(action, reasons[i]);
        return this.stage !== 'copy';
    }

    #fire(action: LadderAction, because: Reason | undefined): void {
        const text = because?.text ?? '';
        this.#emit({ type: 'rung-fired', rung: action.rung, action: actionText(action), because: text });
        switch (action.kind) {
            case 'downtime':
                this.#copy = withDowntimeLimit(this.#copy, action.limit);
                return this.#applied('downtime-limit', action.limit);
            case 'bandwidth':
                this.rungCap = action.rate;
                return;
            case 'abort':
                return this.#abort('aborted-by-policy', text, 'give it more bandwidth, a longer downtime, or more time');
            case 'throttle':
                this.#copy = throttleGuest(this.#copy, throttleSettings(action));
                return;
            case 'switch-to-postcopy':
                return this.#switch();
            case 'pause':
                if (!standsStill(this.#copy)) this.#emit({ type: 'guest-stopped', on: this.planned.source });
                this.#copy = pauseGuest(this.#copy);
                return;
            case 'report':
                return;
        }
    }

    #abort(code: string, because: string, hint: string): void {
        this.failure = { code, message: `${this.planned.vm.name} was stopped: ${because}`, hint };
        this.#cancelled = true;
        this.#leave('perform', this.failure.message);
        this.#enter('finish');
    }

    #endCopy(): void {
        this.#reportProgress();
        const { transferred, normalBytes, zeroBytes, iteration, stoppedFor } = this.#copy;
        this.#emit({
            type: 'job-completed',
            totalMs: milliseconds(this.#now - this.#phaseStartedAt),
            downtimeMs: milliseconds(stoppedFor + resumeTime),
            transferred: whole(transferred),
            iterations: iteration,
            normalPages: Math.round(normalBytes / pageSize),
            zeroPages: Math.round(zeroBytes / pageSize),
        });
        if (!this.#switched) {
            this.#leave('perform');
            return this.#enter('finish');
        }
        if (this.#resumesAt === Infinity) return this.#leaveSwitched();
        this.stage = 'resume';
        this.#stageEndsAt = this.#resumesAt;
    }

    /** The guest runs at its destination, and all of it is there. */
    #leaveSwitched(): void {
        this.#tellOfEnd();
        this.#leave('finish');
        this.#enter('confirm');
    }

    #enter(phase: MovePhase): void {
        this.#phaseStartedAt = this.#now;
        this.#emit({ type: 'phase-entered', phase });
        if (phase === 'finish' && !this.#withdrawn) this.#tellOfEnd();
        this.stage = phase === 'perform' ? 'connect' : phase === 'finish' && !this.#cancelled ? 'resume' : phase;
        this.#stageEndsAt = this.#now + (this.stage === 'resume' ? resumeTime : this.#duration(phase));
    }

    #leave(phase: MovePhase, error?: string): void {
        this.#emit({ type: 'phase-ended', phase, tookMs: milliseconds(this.#now - this.#phaseStartedAt), error });
    }

    #duration(phase: MovePhase): number {
        const draw = randomOf(this.#settings.seed, `${this.planned.id}/${this.attempt}/${phase}`);
        return phaseOverhead[phase] * (1 + phaseSpread * (2 * draw - 1));
    }

    #newCopy(): PrecopyState {
        return startCopy(this.planned.technique, this.#guest);
    }

    #reportProgress(): void {
        const copy = this.#copy;
        const rate = wireRate(copy, this.#rate);
        this.#emit({
            type: 'progress',
            total: copy.guest.size,
            remaining: whole(copy.remaining),
            transferred: whole(copy.transferred),
            rate: bytesPerSecond(Math.round(rate)),
            dirtyRate: copy.seenDirtyRate === undefined ? undefined : bytesPerSecond(Math.round(copy.seenDirtyRate)),
            iteration: copy.iteration,
            throttle: copy.throttle?.share,
            cap: this.#cap,
            eta: rate > 0 ? milliseconds(Math.round((copy.remaining / rate) * 1000)) : undefined,
        });
    }

    #applied(setting: 'bandwidth' | 'postcopy-bandwidth' | 'downtime-limit', value: number): void {
        this.#emit({ type: 'setting-applied', setting, on: this.planned.source, asked: value, got: value, agrees: true });
    }

    #emit(event: WithoutPlace<MoveEvent>): void {
        const at = epochMs(Math.round((this.#settings.startOfTime + this.#now) * 1000) / 1000);
        this.#settings.emit({ ...event, at, move: this.planned.id });
    }
}

/** Milliseconds: a clock time that is reached but for a rounding error is reached. */
const clockSlack = 1e-6;

const whole = (size: number) => bytes(Math.round(size));

function carriedWith({ persistent, autostart }: PlannedMove): readonly string[] {
    return ['tags and metadata', ...(persistent ? ['definition'] : []), ...(autostart ? ['autostart'] : [])];
}
