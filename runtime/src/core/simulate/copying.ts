/**
 * The sending of one attempt in virtual time: its rounds, its ladder and its switch to post-copy, with the events that an
 * executor would report. What goes before it and after it is the course of the move (course.ts).
 */
import { bytes, bytesPerSecond, milliseconds, ratio, type BytesPerSecond, type Milliseconds } from '@mig/language';
import { measuredHypervisorsOwn, moveTechnique, ownSwitch, switchComesIn } from '../decide/move-technique.js';
import { optionSettings } from '../decide/option-settings.js';
import { actionText, decide, nextClockTime, startLadder, type LadderAction, type LadderState } from '../decide/ladder.js';
import { readyLead } from '../decide/queue.js';
import { firstStopLimit, stopLimitAt, type StopLimit } from '../decide/stop-limit.js';
import { notEndedWithin, stopped, type StoppedBy } from '../decide/stops.js';
import { trimEvery } from '../decide/trim.js';
import type { MoveEvent, MoveFailure } from '../model/events.js';
import type { PlannedMove, Reason } from '../model/plan.js';
import { takenAsAsked, type SettingFigure } from '../model/settings.js';
import { defaultTimeBound, lookEvery, resumeTime } from './assumptions.js';
import { memorySpeed, wireRate } from './copy-speed.js';
import { isAtSource, pageSize, pauseGuest, standsStill, withDowntimeLimit, type GuestMemory, type PrecopyState } from './copy-state.js';
import { advance, switchToPostcopy, throttleGuest, timeToExpectedEnd, timeToNextEvent } from './precopy.js';
import { startCopy } from './start-copy.js';
import { throttleSettings } from './throttle.js';

type OfOneMove<E> = E extends unknown ? Omit<E, 'at' | 'move'> : never;
/** An event of a move, before it is known which and when. */
export type CourseEvent = OfOneMove<MoveEvent>;

/** The move whose memory is sent. */
export interface CopyOwner {
    readonly planned: PlannedMove;
    readonly progressEvery: Milliseconds;
    readonly emit: (event: CourseEvent) => void;
    readonly note: (text: string) => void;
    /** It is expected to end soon: told once. */
    readonly onAboutToEnd: () => void;
    /** It has been stopped. */
    readonly onAborted: (failure: MoveFailure) => void;
    /** The destination has what its guest needs to run, and the rest follows. */
    readonly onSwitched: () => void;
    /** All has been sent. `resumesAt`: the guest is not running at its destination before then, though it has switched. */
    readonly onSent: (resumesAt: number | undefined) => void;
}

export class Copying {
    /** A rung's own cap, on top of those of the plan. */
    rungCap: BytesPerSecond | undefined;
    readonly #owner: CopyOwner;
    /** Its technique does, and not only a rung. */
    readonly #switchesItself: boolean;
    #state: PrecopyState;
    #ladder: LadderState;
    #stopLimit: StopLimit | undefined;
    /** The time that `#state` is of. */
    #now = 0;
    /** The ladder's time counts from here. */
    #startedAt = 0;
    #performSince = 0;
    #copyStartedAt = 0;
    #progressAt = Infinity;
    #performBoundAt = Infinity;
    /** After a switch: when the guest runs at its destination. */
    #resumesAt = Infinity;
    #switched = false;
    #over = false;
    #rate = bytesPerSecond(0);
    #cap: BytesPerSecond | undefined;
    #toldOfEnd = false;

    constructor(guest: GuestMemory, owner: CopyOwner) {
        this.#owner = owner;
        this.#switchesItself = ownSwitch(owner.planned.technique) !== undefined;
        this.#ladder = startLadder(owner.planned.technique);
        this.#state = startCopy(owner.planned.technique, guest);
    }

    get stage(): PrecopyState['stage'] {
        return this.#state.stage;
    }

    get switched(): boolean {
        return this.#switched;
    }

    /** Its own cap, as an executor sets it. */
    get cap(): BytesPerSecond | undefined {
        return this.#cap;
    }

    /** What bounds it besides the links: QEMU lifts its cap once the guest is stopped. */
    get bound(): BytesPerSecond {
        const { stage, machine } = this.#state;
        const { postcopyBandwidth: own } = this.#owner.planned.technique.options;
        const cap = isAtSource({ stage }) || stage === 'postcopy' ? (this.#cap ?? Infinity) : Infinity;
        const after = stage === 'postcopy' && typeof own === 'number' ? own : Infinity;
        const mirrored = stage === 'mirroring' ? (this.#state.mirror?.cap ?? Infinity) : Infinity;
        return bytesPerSecond(Math.min(cap, after, mirrored, machine.fastest));
    }

    /** Memory begins to flow. `startedAt`: the move did; `performSince`: its perform did. */
    begin(now: number, startedAt: number, performSince: number): void {
        this.#now = now;
        this.#startedAt = startedAt;
        this.#performSince = performSince;
        this.#copyStartedAt = now;
        this.#progressAt = now + this.#owner.progressEvery;
        this.#performBoundAt = performSince + defaultTimeBound;
        const mirrors = this.#state.stage === 'mirroring';
        if (mirrors) this.#diskCapApplied();
        else this.#owner.emit({ type: 'iteration', iteration: 1, remaining: whole(this.#state.remaining) });
        if (standsStill(this.#state)) this.#owner.emit({ type: 'guest-stopped', on: this.#owner.planned.source });
        this.#stopLimit = firstStopLimit(this.#owner.planned.technique, this.#cap !== undefined);
        if (this.#stopLimit) this.#stopWithin(this.#stopLimit.now);
        else if (this.#owner.planned.technique.options.downtimeMs !== undefined) this.#applied('downtime-limit', this.#state.downtimeLimit);
        this.#optionsApplied();
        this.#switchIfDue();
        this.#judge(mirrors ? 'clock' : 'iteration');
    }

    /** The next time at which something happens if the rate stays; Infinity: never. */
    dueAt(): number {
        const event = this.#now + timeToNextEvent(this.#state, this.#rate);
        const judged = isAtSource(this.#state) || this.#state.stage === 'postcopy';
        return Math.min(
            event,
            this.#resumesAt,
            this.#progressAt,
            this.#aboutToEndAt(),
            this.#ownSwitchAt(),
            judged ? this.#ladderClockAt() : Infinity,
        );
    }

    /** Lets time pass until `now`, which is not later than `dueAt()`, and does what is due then. */
    step(now: number): void {
        const clockAt = this.#clockAt();
        const aboutToEndAt = this.#aboutToEndAt();
        const ownSwitchAt = this.#ownSwitchAt();
        const { state, happened } = advance(this.#state, milliseconds(Math.max(0, now - this.#now)), this.#rate);
        const stood = standsStill(this.#state);
        this.#now = now;
        this.#state = state;
        if (now >= this.#resumesAt) {
            this.#resumesAt = Infinity;
            this.#owner.emit({ type: 'guest-resumed', on: this.#owner.planned.destination });
        }
        for (const { kind, state: then } of happened) {
            if (kind === 'sent') return this.#end();
            if (kind === 'switched') {
                this.#owner.onSwitched();
                this.#performSince = now;
                this.#resumesAt = now + resumeTime;
                continue;
            }
            this.#owner.emit({ type: 'iteration', iteration: then.iteration, remaining: whole(then.remaining) });
            if (kind === 'iteration') {
                this.#switchIfDue();
                this.#judgeStop(then);
                if (this.#judge('iteration')) return;
            } else if (!stood) this.#owner.emit({ type: 'guest-stopped', on: this.#owner.planned.source });
        }
        const judged = isAtSource(this.#state) || this.#state.stage === 'postcopy';
        if (judged && now >= clockAt - clockSlack && this.#judge('clock')) return;
        if (now >= ownSwitchAt && this.#ownSwitchAt() < Infinity) this.#switch();
        if (now >= aboutToEndAt) this.tellOfEnd();
        if (now >= this.#progressAt) {
            this.#reportProgress();
            this.#progressAt = now + Math.max(this.#owner.progressEvery, (now - this.#copyStartedAt) * progressSpacing);
        }
    }

    /** The rate that the links give, from the time of its last step on. */
    flow(rate: BytesPerSecond): void {
        this.#rate = rate;
    }

    get rate(): BytesPerSecond {
        return this.#rate;
    }

    /** Another cap of its own, from the time of its last step on. */
    limit(cap: BytesPerSecond | undefined): void {
        this.#cap = cap;
    }

    /** A host says what its cap is. */
    tellOfCap(): void {
        if (!this.#switched) {
            if (this.#cap !== undefined) this.#applied('bandwidth', this.#cap);
            return;
        }
        const { postcopyBandwidth: own } = this.#owner.planned.technique.options;
        const cap = typeof own === 'number' ? Math.min(own, this.#cap ?? own) : this.#cap;
        if (cap !== undefined) this.#applied('postcopy-bandwidth', cap);
    }

    tellOfEnd(): void {
        if (this.#toldOfEnd) return;
        this.#toldOfEnd = true;
        this.#owner.onAboutToEnd();
    }

    /** It is stopped: nothing flows any more. */
    abort(by: StoppedBy, because: string): void {
        this.#over = true;
        this.#owner.onAborted(stopped(this.#owner.planned.vm.name, by, because));
    }

    /** Post-copy and hybrid switch by themselves. */
    #switchIfDue(): void {
        const own = ownSwitch(this.#owner.planned.technique);
        if (own && this.#state.stage === 'copying' && this.#state.iteration >= own.atIteration) this.#switch();
    }

    #switch(): void {
        const stood = standsStill(this.#state);
        this.#state = switchToPostcopy(this.#state);
        this.#switched = true;
        this.#owner.emit({ type: 'iteration', iteration: this.#state.iteration, remaining: whole(this.#state.remaining) });
        if (!stood) this.#owner.emit({ type: 'guest-stopped', on: this.#owner.planned.source });
        this.#owner.emit({ type: 'postcopy-started' });
        this.tellOfCap();
    }

    /** When the ladder's clock, or the bound on all moves, has its next say. */
    #clockAt(): number {
        return Math.min(this.#ladderClockAt(), this.#switched ? Infinity : this.#performBoundAt);
    }

    #ladderClockAt(): number {
        return this.#startedAt + (nextClockTime(this.#ladder, milliseconds(this.#now - this.#startedAt + clockSlack)) ?? Infinity);
    }

    /** The next look at its progress that shows that it ends soon, if the rate stays. */
    #aboutToEndAt(): number {
        if (this.#toldOfEnd) return Infinity;
        const seen = this.#now + timeToExpectedEnd(this.#state, this.#rate, readyLead);
        return this.#lookFrom(seen, lookEvery);
    }

    /** The first look at its progress from a time on. */
    #lookFrom(time: number, every: Milliseconds): number {
        const looks = Math.max(1, Math.ceil((time - this.#copyStartedAt) / every - clockSlack));
        return Math.max(this.#now, this.#copyStartedAt + looks * every);
    }

    /** The look at which a technique switches before its first pass is over, if the rate stays. */
    #ownSwitchAt(): number {
        if (!this.#switchesItself || this.#switched || this.#state.stage !== 'copying') return Infinity;
        const { iteration, remaining, transferred, guest } = this.#state;
        const comesIn = switchComesIn(
            this.#owner.planned.technique,
            {
                iteration,
                remaining: whole(remaining),
                transferred,
                rate: wireRate(this.#state, this.#rate),
                held: bytes(guest.size * (1 - guest.zeroShare) + measuredHypervisorsOwn),
            },
            bytesPerSecond(memorySpeed(this.#state, this.#rate) * 1000),
        );
        return comesIn === Infinity ? Infinity : this.#lookFrom(this.#now + comesIn, trimEvery);
    }

    #judgeStop({ iteration, remaining }: PrecopyState): void {
        const before = this.#stopLimit;
        if (!before) return;
        const rate = wireRate(this.#state, this.#rate);
        this.#stopLimit = stopLimitAt(before, { iteration, remaining: whole(remaining), rate });
        if (this.#stopLimit.now !== before.now) this.#stopWithin(this.#stopLimit.now);
    }

    #stopWithin(limit: Milliseconds): void {
        this.#state = withDowntimeLimit(this.#state, limit);
        this.#applied('downtime-limit', limit);
    }

    /** Judges the ladder and does what it says. True when the move is aborted. */
    #judge(at: 'iteration' | 'clock'): boolean {
        if (!this.#switched && this.#now >= this.#performBoundAt - clockSlack) {
            this.abort('bound', notEndedWithin(defaultTimeBound));
            return true;
        }
        if (this.#ladder.fired.length + this.#ladder.voided.length === this.#ladder.rungs.length) return false;
        const { actions, reasons, voided, state } = decide(this.#ladder, {
            at,
            elapsed: milliseconds(this.#now - this.#startedAt + clockSlack),
            iteration: this.#state.iteration,
            remaining: this.#state.remaining,
            rate: wireRate(this.#state, this.#rate),
            dirtyRate: this.#state.seenDirtyRate,
            throttle: this.#state.throttle?.share,
            switched: this.#switched,
        });
        this.#ladder = state;
        for (const { because } of voided) this.#owner.note(`${this.#owner.planned.vm.name}: ${because.text}`);
        for (const [i, action] of actions.entries()) this.#fire(action, reasons[i]);
        return this.#over;
    }

    #fire(action: LadderAction, because: Reason | undefined): void {
        const text = because?.text ?? '';
        this.#owner.emit({ type: 'rung-fired', rung: action.rung, action: actionText(action), because: text });
        switch (action.kind) {
            case 'downtime':
                this.#stopLimit = undefined;
                return this.#stopWithin(action.limit);
            case 'bandwidth':
                this.rungCap = action.rate;
                return;
            case 'abort':
                return this.abort('ladder', text);
            case 'throttle':
                this.#state = throttleGuest(this.#state, throttleSettings(action));
                return;
            case 'switch-to-postcopy':
                return this.#switch();
            case 'pause':
                if (!standsStill(this.#state)) this.#owner.emit({ type: 'guest-stopped', on: this.#owner.planned.source });
                this.#state = pauseGuest(this.#state);
                return;
            case 'report':
                return;
        }
    }

    #end(): void {
        this.#over = true;
        this.#reportProgress();
        const { transferred, normalBytes, zeroBytes, iteration, stoppedFor } = this.#state;
        this.#owner.emit({
            type: 'job-completed',
            totalMs: milliseconds(this.#now - this.#performSince),
            downtimeMs: milliseconds(stoppedFor + resumeTime),
            transferred: whole(transferred),
            iterations: iteration,
            normalPages: Math.round(normalBytes / pageSize),
            zeroPages: Math.round(zeroBytes / pageSize),
        });
        this.#owner.onSent(this.#resumesAt === Infinity ? undefined : this.#resumesAt);
    }

    #reportProgress(): void {
        const copy = this.#state;
        const rate = wireRate(copy, this.#rate);
        this.#owner.emit({
            type: 'progress',
            total: copy.guest.size,
            remaining: whole(copy.remaining),
            transferred: whole(copy.transferred),
            rate: bytesPerSecond(Math.round(rate)),
            dirtyRate: copy.seenDirtyRate === undefined ? undefined : bytesPerSecond(Math.round(copy.seenDirtyRate)),
            iteration: copy.iteration,
            throttle: copy.throttle?.share ?? ratio(0),
            cap: this.#cap,
            eta: rate > 0 ? milliseconds(Math.round((((copy.mirror?.left ?? 0) + copy.remaining) / rate) * 1000)) : undefined,
            ...(copy.mirror && { disks: { total: copy.mirror.total, remaining: whole(copy.mirror.left) } }),
        });
    }

    #diskCapApplied(): void {
        const cap = Math.min(this.#state.mirror?.cap ?? Infinity, this.#cap ?? Infinity);
        if (Number.isFinite(cap)) this.#applied('disk-bandwidth', cap);
    }

    /** A simulated host takes what it is asked for. */
    #optionsApplied(): void {
        const { technique, source: on } = this.#owner.planned;
        const asked = moveTechnique(technique);
        if (asked.options.xbzrleCache !== undefined) this.#applied('compression-cache', asked.options.xbzrleCache);
        for (const option of optionSettings(asked))
            this.#owner.emit({ type: 'setting-applied', on, agrees: true, ...takenAsAsked(option(undefined)) });
    }

    #applied(setting: SettingFigure, value: number): void {
        const { source } = this.#owner.planned;
        this.#owner.emit({ type: 'setting-applied', setting, on: source, asked: value, got: value, agrees: true });
    }
}

/** Progress is told of ever less often the longer a copy lasts: what does not end would be told of for ever. */
const progressSpacing = 1 / 100;

/** Milliseconds: a clock time that is reached but for a rounding error is reached. */
const clockSlack = 1e-6;

const whole = (size: number) => bytes(Math.round(size));
