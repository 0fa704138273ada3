/**
 * The course of one move in virtual time, attempt after attempt, with the events that an executor would report.
 *
 *   begin ▶ prepare ▶ ready ▶ join ▶ connect ▶ copy ▶ resume ▶ finish ▶ confirm ▶ ended
 *
 * A move that is made ready before its turn stays in `ready` until it comes. An aborted copy goes to a cancelled finish
 * and ends; a move whose turn does not come goes from `ready` to a cancelled finish and confirm. After a switch to
 * post-copy finish begins as soon as the destination has what it needs, and lasts until every page is there.
 */
import { epochMs, milliseconds, type BytesPerSecond, type Milliseconds } from '@mig/language';
import { calledBack } from '../decide/after-end.js';
import { shareRequest, type ShareRequest } from '../decide/bandwidth.js';
import { expectedBlackout, StandStill } from '../decide/blackout.js';
import type { MoveEvent, MoveFailure } from '../model/events.js';
import type { MovePhase, PlannedMove, PlannedProbe } from '../model/plan.js';
import { linksUsed, phaseOverhead, phaseSpread, resumeTime } from './assumptions.js';
import { isAtSource, type GuestMemory } from './copy-state.js';
import { Copying, type CourseEvent } from './copying.js';
import { randomOf } from './random.js';

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
    readonly #guest: GuestMemory;
    readonly #settings: CourseSettings;
    #copying: Copying;
    readonly #stood = new StandStill();
    #now = 0;
    #startedAt = 0;
    #phaseStartedAt = 0;
    #stageEndsAt = Infinity;
    #cancelled = false;
    #hasTurn = false;
    #withdrawn = false;

    constructor(planned: PlannedMove, guest: GuestMemory, settings: CourseSettings) {
        this.planned = planned;
        this.request = shareRequest(planned);
        this.links = linksUsed(planned);
        this.#guest = guest;
        this.#settings = settings;
        this.#copying = this.#newCopying();
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

    /** What bounds it besides the links. */
    get bound(): BytesPerSecond {
        return this.#copying.bound;
    }

    /** A rung's own cap, on top of those of the plan. */
    get rungCap(): BytesPerSecond | undefined {
        return this.#copying.rungCap;
    }

    /** Changes when bandwidth has to be shared out again because of this move. */
    get demand(): string {
        if (!this.sharing) return '';
        const stage = this.sending ? this.#copying.stage : 'about to send';
        const { rungCap } = this.#copying;
        return rungCap === undefined ? stage : `${stage} ${rungCap}`;
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
        const why = calledBack(this.planned.vm.name, because);
        const sends = this.stage === 'connect' || (this.stage === 'copy' && isAtSource(this.#copying));
        if (this.stage === 'copy') this.step(now);
        this.#now = now;
        if (sends) this.#copying.abort('request', because);
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
        return this.stage === 'copy' ? this.#copying.dueAt() : this.#stageEndsAt;
    }

    /** Lets time pass until `now`, which is not later than `dueAt()`, and does what is due then. */
    step(now: number): void {
        const due = this.stage !== 'copy' && now >= this.#stageEndsAt;
        this.#now = now;
        if (this.stage === 'copy') this.#copying.step(now);
        else if (due) this.#stepPhase(now);
    }

    /** The rate that the links give, from `now` on. True where it is another than before, so that `dueAt()` has changed. */
    flow(rate: BytesPerSecond, now: number): boolean {
        if (rate === this.#copying.rate) return false;
        this.step(now);
        this.#copying.flow(rate);
        return true;
    }

    /** Another cap of its own, as an executor sets it. */
    limit(cap: BytesPerSecond | undefined, now: number): void {
        if (cap === this.#copying.cap) return;
        if (this.sending) this.step(now);
        else this.#now = now;
        this.#copying.limit(cap);
        if (this.sharing) this.#copying.tellOfCap();
    }

    /** Stops the copy because a window has closed; false where it has nothing to stop, or it is no longer safe. */
    closeWindow(because: string, now: number): boolean {
        if (this.stage === 'copy') this.step(now);
        if (this.stage !== 'copy' || !isAtSource(this.#copying)) return false;
        this.#copying.abort('window', because);
        return true;
    }

    #stepPhase(now: number): void {
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
                if (this.#copying.switched) return this.#leaveSwitched();
                this.stage = 'finish';
                this.#stageEndsAt = now + Math.max(0, this.#duration('finish') - resumeTime);
                return;
            case 'finish':
                this.#leave('finish');
                if (!this.#cancelled || this.#withdrawn) return this.#enter('confirm');
                return this.#endAttempt();
            case 'confirm':
                this.#leave('confirm');
                if (!this.#cancelled) {
                    this.#emit({ type: 'arrived', carried: carriedWith(this.planned) });
                    if (this.planned.probe) this.#emit(this.#blackout(this.planned.probe));
                }
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
        this.#cancelled = false;
        this.#hasTurn = false;
        this.#withdrawn = false;
        this.#copying = this.#newCopying();
    }

    #newCopying(): Copying {
        const { progressEvery, note, onAboutToEnd } = this.#settings;
        return new Copying(this.#guest, {
            planned: this.planned,
            progressEvery,
            emit: (event) => this.#emit(event),
            note: (text) => note(this.planned, text),
            onAboutToEnd: () => onAboutToEnd(this.planned),
            onAborted: (failure) => this.#aborted(failure),
            onSwitched: () => {
                this.#leave('perform');
                this.#phaseStartedAt = this.#now;
                this.#emit({ type: 'phase-entered', phase: 'finish' });
            },
            onSent: (resumesAt) => this.#sent(resumesAt),
        });
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
        this.#copying.begin(this.#now, this.#startedAt, this.#phaseStartedAt);
    }

    #aborted(failure: MoveFailure): void {
        this.failure = failure;
        this.#cancelled = true;
        this.#leave('perform', failure.message);
        this.#enter('finish');
    }

    #sent(resumesAt: number | undefined): void {
        if (!this.#copying.switched) {
            this.#leave('perform');
            return this.#enter('finish');
        }
        if (resumesAt === undefined) return this.#leaveSwitched();
        this.stage = 'resume';
        this.#stageEndsAt = resumesAt;
    }

    /** The guest runs at its destination, and all of it is there. */
    #leaveSwitched(): void {
        this.#copying.tellOfEnd();
        this.#leave('finish');
        this.#enter('confirm');
    }

    #enter(phase: MovePhase): void {
        this.#phaseStartedAt = this.#now;
        this.#emit({ type: 'phase-entered', phase });
        if (phase === 'finish' && !this.#withdrawn) this.#copying.tellOfEnd();
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

    #blackout({ from }: PlannedProbe): CourseEvent {
        return { type: 'blackout', from, blackoutMs: expectedBlackout(this.#stood.total), modelled: true, detail: undefined };
    }

    #emit(event: CourseEvent): void {
        this.#stood.hear(event.type, epochMs(this.#now));
        const at = epochMs(Math.round((this.#settings.startOfTime + this.#now) * 1000) / 1000);
        // It was made for this, and is completed rather than copied: there are hundreds of thousands of them.
        this.#settings.emit(Object.assign(event, { at, move: this.planned.id }));
    }
}

function carriedWith({ persistent, autostart }: PlannedMove): readonly string[] {
    return ['tags and metadata', ...(persistent ? ['definition'] : []), ...(autostart ? ['autostart'] : [])];
}
