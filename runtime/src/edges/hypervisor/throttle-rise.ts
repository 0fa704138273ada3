/**
 * Throttling of a guest by a rung, whatever carries the words to QEMU. QEMU goes on in steps from what is in force, so the
 * first step is as long as it takes to come to the share that is asked for.
 */
import { throttleArguments } from '../../core/decide/ladder-actions.js';

export interface GuestThrottle {
    /** Shares of the guest's time. */
    readonly initial: number;
    readonly step: number | undefined;
    readonly max: number | undefined;
}

/** Sets migration parameters of QEMU. */
export type SetParameters = (values: Readonly<Record<string, number>>, signal: AbortSignal) => Promise<void>;

/** QEMU's own step, in per cent. */
const usualStep = 10;

export class ThrottleRise {
    readonly #set: SetParameters;
    /** The step that is set once the throttle has come up to its first share. */
    #rising: { readonly to: number; readonly step: number } | undefined;

    constructor(set: SetParameters) {
        this.#set = set;
    }

    /** @param now the throttle that is in force, 0 to 1 */
    async raise(throttle: GuestThrottle, now: number, signal: AbortSignal): Promise<void> {
        const wanted = throttleArguments(throttle);
        const to = wanted['cpu-throttle-initial'] ?? 1;
        await this.#set({ ...wanted, 'cpu-throttle-increment': Math.max(1, to - Math.round(now * 100)) }, signal);
        this.#rising = { to, step: wanted['cpu-throttle-increment'] ?? usualStep };
    }

    /** To be told what is in force, as often as it is asked for. */
    async seen(now: number | undefined, signal: AbortSignal): Promise<void> {
        const rising = this.#rising;
        if (rising === undefined || now === undefined || Math.round(now * 100) < rising.to) return;
        this.#rising = undefined;
        await this.#set({ 'cpu-throttle-increment': rising.step }, signal);
    }

    /** The migration is over: there is nothing to come up to any more. */
    forget(): void {
        this.#rising = undefined;
    }
}
