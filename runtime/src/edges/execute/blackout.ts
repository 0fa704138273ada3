/**
 * Watches whether a VM answers on the network while it moves: asks a closed port of it every few milliseconds from the
 * place that the plan names, and tells the longest time without an answer. It disturbs nothing: a question is one packet,
 * a refusal is an answer, and the move neither waits for it nor depends on it.
 */
import { type EpochMs, milliseconds } from '@mig/language';
import type { Blackout, PlannedMove, PlannedProbe } from '../../core/index.js';
import { AnswerLog, expectedBlackout, isTheGuests, probeEvery, StandStill } from '../../core/decide/blackout.js';
import { hereText } from '../../core/show/around.js';
import { messageOf, note, type RunContext } from './context.js';
import type { Places } from './places.js';

/** What has not been answered by then was lost; it has been asked many times since. */
const oneQuestionMs = 2000;
/** Questions that wait for an answer at one time: while a VM does not answer they pile up. */
const openAtMost = 2 * Math.ceil(oneQuestionMs / probeEvery);
/** After its arrival a VM has this long to answer. */
const answersWithinMs = 10_000;
/** It has to go on answering for this long: a network that still sends to the source is found out by then. */
const answersForMs = 500;

export interface Watch extends AsyncDisposable {
    /** What the move's other parts tell of it. */
    hear(type: string, at: EpochMs): void;
    /** Waits until the VM answers where it has arrived, and tells how long it did not. */
    tell(): Promise<void>;
}

/** Undefined where the plan asks for none. */
export function watchBlackout(step: PlannedMove, run: RunContext): Watch | undefined {
    if (step.probe === undefined) return undefined;
    const { places } = run.ports;
    return places === undefined ? new Modelled(step, run) : new Probe(step, step.probe, places, run);
}

/** Hosts are simulated: nobody can be asked. */
class Modelled implements Watch {
    readonly #stood = new StandStill();

    readonly #step: PlannedMove;
    readonly #run: RunContext;

    constructor(step: PlannedMove, run: RunContext) {
        this.#step = step;
        this.#run = run;
    }

    hear(type: string, at: EpochMs): void {
        this.#stood.hear(type, at);
    }

    tell(): Promise<void> {
        const blackoutMs = expectedBlackout(this.#stood.total);
        const { id, probe } = this.#step;
        this.#run.emit({ type: 'blackout', move: id, from: probe?.from, blackoutMs, modelled: true, detail: undefined });
        return Promise.resolve();
    }

    [Symbol.asyncDispose](): Promise<void> {
        return Promise.resolve();
    }
}

class Probe implements Watch {
    readonly #log = new AnswerLog();
    readonly #stood = new StandStill();
    readonly #over = new AbortController();
    readonly #asking: Promise<void>;
    readonly #step: PlannedMove;
    readonly #probe: PlannedProbe;
    readonly #run: RunContext;
    #open = 0;
    #firstAnswer: EpochMs | undefined;
    /** Why the last question was not answered. */
    #failed: string | undefined;

    constructor(step: PlannedMove, probe: PlannedProbe, places: Places, run: RunContext) {
        this.#step = step;
        this.#probe = probe;
        this.#run = run;
        this.#asking = this.#ask(places);
    }

    hear(type: string, at: EpochMs): void {
        this.#stood.hear(type, at);
    }

    async tell(): Promise<void> {
        const { clock, control, emit } = this.#run;
        const arrived = clock.now();
        const answersAfter = (): boolean => (this.#log.lastAnswer ?? -Infinity) > arrived;
        try {
            while (!answersAfter() && clock.now() - arrived < answersWithinMs) await clock.sleep(probeEvery, control.cancel);
            if (answersAfter()) await clock.sleep(milliseconds(answersForMs), control.cancel);
        } catch {
            // The run is being stopped: what was seen until now is told.
        }
        const seen = this.#seen(clock.now());
        await this[Symbol.asyncDispose]();
        const { vm, id } = this.#step;
        emit({ type: 'blackout', move: id, from: this.#probe.from, ...seen });
        const where = `as seen from ${this.#probe.from ?? hereText}`;
        if (seen.blackoutMs === undefined)
            note(this.#run, 'warning', id, `${vm.name}: its blackout is not known: ${seen.detail ?? 'not seen'}`);
        else if (seen.goesOn) note(this.#run, 'warning', id, `${vm.name} has moved, and does not answer since, ${where}`);
    }

    async [Symbol.asyncDispose](): Promise<void> {
        this.#over.abort();
        await this.#asking;
    }

    #seen(now: EpochMs): Blackout {
        const { address, port } = this.#probe;
        const unseen = (why: string): Blackout => ({ blackoutMs: undefined, detail: why });
        const stopped = this.#stood.began ?? now;
        if (this.#firstAnswer === undefined || this.#firstAnswer > stopped) {
            const why = this.#failed === undefined ? '' : ` (${this.#failed})`;
            return unseen(`did not answer at ${address}, TCP port ${port}, before it was moved${why}`);
        }
        const since = this.#log.silence(now);
        const { longest } = this.#log;
        if (since && since.ms > Math.max(longest?.ms ?? 0, answersForMs)) return { blackoutMs: since.ms, goesOn: true, detail: undefined };
        if (!longest) return unseen(`answered once at ${address}, and not again`);
        if (!isTheGuests(longest))
            return unseen(`was not asked for ${longest.pauseMs} ms: the probe's machine, or the way to it, was busy`);
        return { blackoutMs: longest.ms, detail: undefined };
    }

    async #ask(places: Places): Promise<void> {
        const { clock } = this.#run;
        const over = this.#over.signal;
        const { from, address, port } = this.#probe;
        while (!over.aborted) {
            if (this.#open < openAtMost) {
                this.#log.ask(clock.now());
                this.#open += 1;
                const late = AbortSignal.any([over, AbortSignal.timeout(oneQuestionMs)]);
                void places
                    .ask(from, address, port, late)
                    .then(
                        () => {
                            if (over.aborted) return;
                            const now = clock.now();
                            this.#firstAnswer ??= now;
                            this.#log.answer(now);
                        },
                        (error: unknown) => (this.#failed = over.aborted ? this.#failed : messageOf(error)),
                    )
                    .finally(() => (this.#open -= 1));
            }
            await clock.sleep(probeEvery, over).catch(() => undefined);
        }
    }
}

/** A run in which the watch hears what is told of its move. */
export function heardBy(watch: Watch, { id }: PlannedMove, run: RunContext): RunContext {
    return {
        ...run,
        emit: (event) => {
            if ('move' in event && event.move === id) watch.hear(event.type, event.at ?? run.clock.now());
            run.emit(event);
        },
    };
}
