/** What a move really sends is kept at its share: settings of its cap that change from look to look, and for a moment between them. */
import { milliseconds, type Bytes, type BytesPerSecond, type Milliseconds } from '@mig/language';
import { libvirtStep, pulseMs, pulseOver, restarted, settingFor, trimmed, type TrimLook, type TrimState } from '../../core/index.js';
import type { Clock } from './clock.js';

export interface TrimPorts {
    readonly clock: Clock;
    /** What its host's hypervisor sends at once; undefined: any number of bytes. */
    readonly portion: Bytes | undefined;
    /** Sets the cap that is in force for it now: of pre-copy or, once it has switched, of post-copy. */
    readonly set: (setting: BytesPerSecond, signal: AbortSignal) => Promise<void>;
    /** One change of caps at a time. */
    readonly serially: (work: () => Promise<void>) => Promise<void>;
    /** It sends no more. */
    readonly hasLeft: () => boolean;
}

export class Trimming {
    readonly #ports: TrimPorts;
    /** What was last set: its share, or less, where it was seen to send more than that. */
    #setting: BytesPerSecond | undefined;
    #balance: TrimState | undefined;

    constructor(ports: TrimPorts) {
        this.#ports = ports;
    }

    /** A share has been set: what was sent before counts no more. */
    restart(share: BytesPerSecond | undefined): void {
        this.#setting = share && settingFor(share, libvirtStep, this.#ports.portion);
        this.#balance = this.#balance && restarted(this.#balance);
    }

    /**
     * What it had sent by then: where its share is not met by what was set, less is set, or as much as the share again.
     * Gives when to look next.
     */
    async look(look: TrimLook, signal: AbortSignal): Promise<Milliseconds> {
        this.#balance = trimmed(this.#balance, look, libvirtStep, this.#ports.portion);
        const {
            setting,
            pulse,
            pace: { lookIn },
        } = this.#balance;
        if (pulse !== undefined) {
            await this.#set(pulse, signal);
            void this.#endPulse(this.#balance, signal);
        } else if (setting !== this.#setting) await this.#set(setting, signal);
        return lookIn;
    }

    /** What is set for a moment only goes back by itself, unless something else was set meanwhile. */
    async #endPulse(pulsed: TrimState, signal: AbortSignal): Promise<void> {
        const { clock, portion, serially, hasLeft } = this.#ports;
        const began = clock.now();
        try {
            await clock.sleep(pulseMs, signal);
            await serially(async () => {
                if (this.#balance !== pulsed || hasLeft()) return;
                await this.#set(pulsed.setting, signal);
                const now = clock.now();
                this.#balance = pulseOver(pulsed, milliseconds(now - began), now, portion);
            });
        } catch {
            this.#setting = undefined; // the next look sets it again, and tells why that cannot be
        }
    }

    async #set(setting: BytesPerSecond, signal: AbortSignal): Promise<void> {
        this.#setting = setting;
        await this.#ports.set(setting, signal);
    }
}
