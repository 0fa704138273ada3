import { milliseconds, type Milliseconds } from '@mig/language';
import { judgeSetting, type PlannedMove, type SettingRead } from '../../core/index.js';
import type { Departure } from '../hypervisor/port.js';
import { note, type RunContext } from './context.js';

/** Reads back what one move was set to, and tells where its source has something else. Caps are `ShareOut`'s matter. */
export class ReadBack {
    readonly #step: PlannedMove;
    readonly #run: Pick<RunContext, 'emit'>;
    readonly #departure: Pick<Departure, 'settings' | 'setDowntimeLimit'>;
    #optionsRead = false;
    #limitRead = false;

    constructor(step: PlannedMove, run: Pick<RunContext, 'emit'>, departure: Pick<Departure, 'settings' | 'setDowntimeLimit'>) {
        this.#step = step;
        this.#run = run;
        this.#departure = departure;
    }

    /** Once the migration is active: before that the hypervisor has only stored them, after it it has others. */
    async options(signal: AbortSignal): Promise<void> {
        if (this.#optionsRead || !this.#departure.settings) return;
        this.#optionsRead = true;
        for (const { unread, ...read } of await this.#departure.settings(signal)) {
            if (read.asked !== undefined && !toldElsewhere.has(read.setting)) this.#tell(read, unread);
        }
    }

    /** The limit was given to begin and perform already: once the migration is active it is set again, since only then can it be read back. */
    async downtimeLimit(signal: AbortSignal): Promise<void> {
        const { downtimeMs } = this.#step.technique.options;
        if (this.#limitRead || downtimeMs === undefined) return;
        this.#limitRead = true;
        await this.setDowntimeLimit(milliseconds(downtimeMs), signal);
    }

    async setDowntimeLimit(limit: Milliseconds, signal: AbortSignal): Promise<void> {
        const { got } = await this.#departure.setDowntimeLimit(limit, signal);
        this.#tell({ setting: 'downtime-limit', asked: limit, got });
    }

    #tell(read: SettingRead, unread?: string): void {
        const { source, id } = this.#step;
        const { agrees, said } = judgeSetting(read, source, unread);
        this.#run.emit({ type: 'setting-applied', move: id, on: source, agrees, ...read });
        if (said) note(this.#run, said.level, id, said.text);
    }
}

/** These are told of whenever they are set. */
const toldElsewhere: ReadonlySet<string> = new Set(['bandwidth', 'postcopy-bandwidth', 'downtime-limit']);
