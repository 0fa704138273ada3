/**
 * Throttling of a guest while it is sent. libvirt turns auto-converge on at the start of a migration and has no call for
 * it later, so a rung that throttles goes through QEMU's monitor, which taints the domain (inventory: `monitor`).
 * Until then the throttle is held so low that the guest does not feel it.
 */
import { milliseconds, type Milliseconds } from '@mig/language';
import { throttleArguments } from '../../../core/decide/ladder-actions.js';
import { type GuestThrottle, ThrottleRise } from '../throttle-rise.js';
import type { QemuMonitor } from './qemu-monitor.js';

export class Throttle {
    readonly #monitor: QemuMonitor;
    readonly #rise = new ThrottleRise((values, signal) => this.#set(values, signal));
    #touched = false;

    constructor(monitor: QemuMonitor) {
        this.#monitor = monitor;
    }

    /** Before the first byte: the most that `throttle … up to …` allows, for which libvirt has no parameter. */
    async bound(throttle: GuestThrottle, signal: AbortSignal): Promise<void> {
        if (throttle.max !== undefined) await this.#set(throttleArguments(throttle), signal);
    }

    /** @param now the throttle that is in force, 0 to 1 */
    raise(throttle: GuestThrottle, now: number, signal: AbortSignal): Promise<void> {
        return this.#rise.raise(throttle, now, signal);
    }

    /** To be told what is in force, as often as it is asked for. */
    seen(now: number | undefined, signal: AbortSignal): Promise<void> {
        return this.#rise.seen(now, signal);
    }

    /** After a migration that did not come about: the next one is not bound by what this one set. */
    async release(): Promise<void> {
        if (!this.#touched) return;
        this.#rise.forget();
        await this.#set({ 'max-cpu-throttle': 99 }, AbortSignal.timeout(releaseWithin)).catch(() => undefined); // the guest is gone, or its host
    }

    async #set(values: Readonly<Record<string, number>>, signal: AbortSignal): Promise<void> {
        this.#touched ||= this.#monitor.allowed;
        await this.#monitor.execute('migrate-set-parameters', values, asking, signal);
    }
}

const asking = {
    what: 'to throttle',
    leave: 'the rung that throttles and `up to`',
    bounds: 'shares lie between 1% and 99%, and the first is not above the last',
};

const releaseWithin: Milliseconds = milliseconds(2_000);
