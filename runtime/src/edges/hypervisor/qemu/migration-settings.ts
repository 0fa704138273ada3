/** What the migration of one VM was set to at its source, and what QEMU says of it. */
import { type BytesPerSecond, bytesPerSecond, type Milliseconds, milliseconds } from '@mig/language';
import {
    encryptionSetting,
    type MoveTechnique,
    optionSettings,
    type OptionSetting,
    qmpUnlimited,
    type SettingFigure,
} from '../../../core/index.js';
import type { MoveSetting } from '../port.js';
import type { QmpConnection } from './qmp.js';

/** QEMU's names. */
const rates = { bandwidth: 'max-bandwidth', 'postcopy-bandwidth': 'max-postcopy-bandwidth' } as const;

export class MigrationSettings {
    readonly #qmp: QmpConnection;
    /** Figures that were asked for, and QEMU's name for each. */
    readonly #figures = new Map<SettingFigure, { readonly name: string; readonly asked: number | undefined }>();
    #options: readonly OptionSetting[] = [];

    constructor(qmp: QmpConnection) {
        this.#qmp = qmp;
    }

    /** As the technique has had them set (settings.ts). */
    are(technique: MoveTechnique): void {
        this.#options = [...optionSettings(technique), ...encryptionSetting(technique)];
        const { xbzrleCache, downtimeMs } = technique.options;
        if (xbzrleCache !== undefined) this.#figures.set('compression-cache', { name: 'xbzrle-cache-size', asked: xbzrleCache });
        if (downtimeMs !== undefined) this.#figures.set('downtime-limit', { name: 'downtime-limit', asked: wholeMs(downtimeMs) });
    }

    /** Returns what QEMU says of it; undefined: unlimited. */
    async setRate(setting: keyof typeof rates, rate: BytesPerSecond | undefined, signal: AbortSignal): Promise<BytesPerSecond | undefined> {
        const name = rates[setting];
        await this.#set(name, rate === undefined ? qmpUnlimited : Math.max(1, Math.floor(rate)), signal);
        this.#figures.set(setting, { name, asked: rate });
        const got = await this.#parameter(name, signal);
        return got === undefined ? undefined : bytesPerSecond(got);
    }

    async setDowntimeLimit(limit: Milliseconds, signal: AbortSignal): Promise<Milliseconds | undefined> {
        const asked = wholeMs(limit);
        await this.#set('downtime-limit', asked, signal);
        this.#figures.set('downtime-limit', { name: 'downtime-limit', asked });
        const got = await this.#parameter('downtime-limit', signal);
        return got === undefined ? undefined : milliseconds(got);
    }

    async read(signal: AbortSignal): Promise<readonly MoveSetting[]> {
        const [parameters, capabilities] = await Promise.all([
            this.#qmp.execute('query-migrate-parameters', undefined, signal),
            this.#qmp.execute('query-migrate-capabilities', undefined, signal),
        ]);
        const on = capabilities.list.flatMap((one) => (one.at('state').flag === true ? [one.at('capability').text ?? ''] : []));
        const said = {
            parameters: Object.fromEntries(parameters.keys.map((name) => [name, parameters.at(name).value])),
            capabilities: new Set(on),
        };
        const figures = [...this.#figures].map(([setting, { name, asked }]): MoveSetting => {
            const got = limited(parameters.at(name).number);
            return asked === undefined ? { setting, asked, got } : { setting, asked, got };
        });
        return [...this.#options.map((read) => read(said)), ...figures];
    }

    async #set(name: string, value: number, signal: AbortSignal): Promise<void> {
        await this.#qmp.execute('migrate-set-parameters', { [name]: value }, signal);
    }

    async #parameter(name: string, signal: AbortSignal): Promise<number | undefined> {
        return limited((await this.#qmp.execute('query-migrate-parameters', undefined, signal)).at(name).number);
    }
}

/** QEMU takes no fraction, and 0 for something else. */
const wholeMs = (limit: number): number => Math.max(1, Math.floor(limit));

/** Undefined: unlimited. */
const limited = (value: number | undefined): number | undefined => (value === undefined || value >= qmpUnlimited ? undefined : value);
