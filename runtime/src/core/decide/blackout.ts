/**
 * Blackout: how long a VM did not answer on the network while it moved, as a probe sees it. It is asked again and again,
 * and the longest time between two answers counts.
 */
import { type EpochMs, type Milliseconds, milliseconds } from '@mig/language';

/** How often a VM is asked. */
export const probeEvery = milliseconds(10);

/**
 * A port that practically nothing listens on (tcpmux): the guest's kernel refuses by itself, so that no program in it is
 * disturbed, and a refusal is an answer.
 */
export const closedPort = 1;

/** From the moment that the guest runs at its destination until the network knows it: QEMU announces it at once, and switches learn by that. */
export const announceTime = milliseconds(10);

/** What a probe may be expected to see of a guest that stands still for so long. */
export const expectedBlackout = (downtime: Milliseconds): Milliseconds => milliseconds(downtime + announceTime + probeEvery);

/** A time without an answer. */
export interface Silence {
    readonly ms: Milliseconds;
    /** For so long within it the probe itself did not ask: its machine was busy, or the way to its place. */
    readonly pauseMs: Milliseconds;
}

/** What a probe has asked and heard, kept as no more than figures. */
export class AnswerLog {
    #asked: EpochMs | undefined;
    #answered: EpochMs | undefined;
    #pause = 0;
    #longest: Silence | undefined;

    ask(at: EpochMs): void {
        if (this.#asked !== undefined) this.#pause = Math.max(this.#pause, at - this.#asked);
        this.#asked = at;
    }

    answer(at: EpochMs): void {
        const silence = this.silence(at);
        if (silence && (this.#longest === undefined || silence.ms > this.#longest.ms)) this.#longest = silence;
        this.#answered = at;
        this.#pause = 0;
    }

    /** Since the last answer; undefined before the first. */
    silence(now: EpochMs): Silence | undefined {
        if (this.#answered === undefined) return undefined;
        // What it has not asked since counts as a pause too.
        const waiting = this.#asked === undefined ? 0 : now - this.#asked;
        return { ms: milliseconds(Math.max(0, now - this.#answered)), pauseMs: milliseconds(Math.max(this.#pause, waiting)) };
    }

    /** Between two answers; undefined before the second. */
    get longest(): Silence | undefined {
        return this.#longest;
    }

    get lastAnswer(): EpochMs | undefined {
        return this.#answered;
    }
}

/** A pause of this length is ordinary: what it hides is below what a probe is good for. */
const ordinaryPauseMs = 5 * probeEvery;

/** Whether a silence is the guest's: one in which the probe itself mostly paused says nothing of it. */
export const isTheGuests = ({ ms, pauseMs }: Silence): boolean => pauseMs <= Math.max(ordinaryPauseMs, ms / 2);

/** How long a guest has stood still, from the events of its move. */
export class StandStill {
    #since: EpochMs | undefined;
    #total = 0;
    #first: EpochMs | undefined;

    hear(type: string, at: EpochMs): void {
        if (type === 'guest-stopped') {
            this.#since ??= at;
            this.#first ??= at;
        } else if (type === 'guest-resumed' && this.#since !== undefined) {
            this.#total += at - this.#since;
            this.#since = undefined;
        }
    }

    get total(): Milliseconds {
        return milliseconds(this.#total);
    }

    /** When it first stood still; undefined: it has not. */
    get began(): EpochMs | undefined {
        return this.#first;
    }
}
