import { epochMs, milliseconds, type Bytes, type EpochMs } from '@mig/language';
import type { HostName, JobSummary, PlannedMove, Progress } from '../../core/index.js';
import type { Arrival, ArrivalEvent, Departure, DepartureEvent } from '../hypervisor/port.js';
import { messageOf, note, type RunContext } from './context.js';

/** What both hosts tell of one attempt while it lasts, passed on as events and kept for those who wait for it. */
export class AttemptObserver {
    readonly #step: PlannedMove;
    readonly #run: RunContext;
    readonly #resumedThere = Promise.withResolvers<undefined>();
    readonly #jobCompleted = Promise.withResolvers<undefined>();
    readonly #switched = Promise.withResolvers<undefined>();
    readonly #allSent = Promise.withResolvers<undefined>();
    readonly #cut = Promise.withResolvers<undefined>();
    #hasSwitched = false;
    #cutTold = false;
    #stoppedAt: EpochMs | undefined;
    #resumedAt: EpochMs | undefined;
    #iteration = 0;
    #last: Progress | undefined;
    #isSending = false;
    #standsStill = false;
    /** Called at each iteration boundary. */
    onIteration: ((iteration: number) => void) | undefined;
    /** Called when the source begins to send. */
    onSending: (() => void) | undefined;

    constructor(step: PlannedMove, run: RunContext, departure: Departure, arrival: Arrival) {
        this.#step = step;
        this.#run = run;
        void this.#consume(departure.events, (e) => this.#departed(e));
        void this.#consume(arrival.events, (e) => this.#arrived(e));
    }

    get iteration(): number {
        return this.#iteration;
    }
    /** The destination has told that its guest runs. */
    get resumedThere(): Promise<undefined> {
        return this.#resumedThere.promise;
    }
    /** The source has told its final figures. */
    get jobCompleted(): Promise<undefined> {
        return this.#jobCompleted.promise;
    }

    /** The source says that it has switched to post-copy: the guest's place is at the destination from now on. */
    get switched(): Promise<undefined> {
        return this.#switched.promise;
    }
    get isSending(): boolean {
        return this.#isSending;
    }
    /** The guest is stopped at its source: for its last pages, or by whoever may. */
    get standsStill(): boolean {
        return this.#standsStill;
    }
    get hasSwitched(): boolean {
        return this.#hasSwitched;
    }
    /** The source says that the migration is complete: nothing of the guest is left there alone. */
    get allSent(): Promise<undefined> {
        return this.#allSent.promise;
    }

    /** The source says that it no longer reaches the destination, and keeps what it has not sent. */
    get cut(): Promise<undefined> {
        return this.#cut.promise;
    }

    progressed(progress: Progress): void {
        this.#last = progress;
        this.#iteration = Math.max(this.#iteration, progress.iteration);
        const cap = this.#run.bandwidth.capOf(this.#step.id) ?? progress.cap;
        this.#run.emit({ type: 'progress', move: this.#step.id, ...progress, cap });
    }

    boundary(iteration: number, remaining: Bytes | undefined): void {
        this.#run.emit({ type: 'iteration', move: this.#step.id, iteration, remaining });
    }

    /** Figures of our own, where the hypervisor gave none. */
    summaryOfOurOwn(began: EpochMs): JobSummary | undefined {
        if (!this.#last) return undefined;
        const [from, to] = [this.#stoppedAt, this.#resumedAt];
        return {
            totalMs: milliseconds((to ?? this.#run.clock.now()) - began),
            downtimeMs: from === undefined || to === undefined ? undefined : milliseconds(to - from),
            transferred: this.#last.transferred,
            iterations: this.#iteration,
            normalPages: undefined,
            zeroPages: undefined,
        };
    }

    #departed(event: DepartureEvent): void {
        const { source } = this.#step;
        const at = this.#ourTime(event.at, source);
        switch (event.type) {
            case 'iteration':
                this.#iteration = event.iteration;
                this.onIteration?.(event.iteration);
                return;
            case 'guest-stopped':
                this.#stoppedAt = at;
                this.#standsStill = true;
                this.#run.emit({ type: 'guest-stopped', move: this.#step.id, on: source, at });
                return;
            case 'guest-resumed':
                this.#standsStill = false;
                this.#run.emit({ type: 'guest-resumed', move: this.#step.id, on: source, at });
                return;
            case 'job-completed':
                this.#run.emit({ type: 'job-completed', move: this.#step.id, ...event.summary });
                this.#jobCompleted.resolve(undefined);
                this.#allSent.resolve(undefined);
                return;
            case 'migration-status':
                return this.#status(event.status);
        }
    }

    #status(status: string): void {
        if (status === 'active') {
            this.#isSending = true;
            this.onSending?.();
        }
        if (status === 'postcopy-active' && !this.#hasSwitched) {
            this.#hasSwitched = true;
            this.#run.emit({ type: 'postcopy-started', move: this.#step.id });
            this.#switched.resolve(undefined);
        }
        if (status === 'postcopy-paused' && this.#hasSwitched && !this.#cutTold) {
            this.#cutTold = true;
            this.#cut.resolve(undefined);
            const { source, destination, vm } = this.#step;
            // The destination notices once its guest needs what is missing; until then it runs on.
            note(
                this.#run,
                'alarm',
                this.#step.id,
                `${vm.name}: ${source} no longer reaches ${destination}, and keeps the rest of its memory`,
            );
        }
        if (status === 'completed') this.#allSent.resolve(undefined);
    }

    #arrived(event: ArrivalEvent): void {
        const { destination } = this.#step;
        const at = this.#ourTime(event.at, destination);
        if (event.type === 'guest-resumed') {
            this.#resumedAt = at;
            this.#run.emit({ type: 'guest-resumed', move: this.#step.id, on: destination, at });
            this.#resumedThere.resolve(undefined);
        } else if (event.type === 'guest-stopped') {
            this.#run.emit({ type: 'guest-stopped', move: this.#step.id, on: destination, at });
        }
    }

    #ourTime(at: number, host: HostName): EpochMs {
        return epochMs(at - (this.#run.ports.clockOffsets?.[host] ?? 0));
    }

    async #consume<E>(events: AsyncIterable<E>, take: (event: E) => void): Promise<void> {
        try {
            for await (const event of events) take(event);
        } catch (error) {
            note(this.#run, 'warning', this.#step.id, `events of ${this.#step.vm.name} are no longer heard: ${messageOf(error)}`);
        }
    }
}
