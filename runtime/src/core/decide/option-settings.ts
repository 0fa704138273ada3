/**
 * What the options of a technique set a migration to, where libvirt has no call to read it back: QEMU is asked through its
 * monitor for its own parameters and capabilities. One place says what is asked for and where it stands, for the plan,
 * the driver and the simulator.
 */
import type { SettingFigure, SettingRead, SettingWord } from '../model/settings.js';
import { percent } from './ladder-actions.js';
import { compressionOf, isThrottled } from './migrate-call.js';
import type { MoveTechnique } from './move-technique.js';

/** Commands of QEMU's monitor that only read. */
export const readingCommands = ['query-migrate-parameters', 'query-migrate-capabilities'] as const;

/** What QEMU says of a migration: its parameters, and the capabilities that are on. */
export interface QemuSettings {
    readonly parameters: Readonly<Record<string, unknown>>;
    readonly capabilities: ReadonlySet<string>;
}

/** A setting as QEMU has it; as it was asked for, and nothing got, where QEMU was not asked. */
export type OptionSetting = (qemu: QemuSettings | undefined) => SettingRead;

/** In the order in which a technique is written; none where it asks for nothing of the kind. */
export function optionSettings(technique: MoveTechnique): readonly OptionSetting[] {
    const { streams, compression, throttle } = technique.options;
    const found: OptionSetting[] = [];
    if (streams !== undefined) {
        found.push(figure('streams', streams, (qemu) => (qemu.capabilities.has('multifd') ? number(qemu, 'multifd-channels') : 1)));
    }
    const method = compressionOf(technique);
    if (method === 'xbzrle') found.push(word('compression', method, ({ capabilities }) => (capabilities.has(method) ? method : 'none')));
    else if (method !== undefined) {
        const old = method === 'mt';
        const has = ({ parameters, capabilities }: QemuSettings): unknown =>
            old ? (capabilities.has('compress') ? method : 'none') : parameters['multifd-compression'];
        found.push(word('compression', method, has));
        const level = compression?.level;
        if (level !== undefined)
            found.push(figure('compression-level', level, (qemu) => number(qemu, old ? 'compress-level' : `multifd-${method}-level`)));
    }
    if (throttle === undefined || !isThrottled(technique)) return found;
    const share = (setting: SettingFigure, asked: number | undefined, parameter: string): void => {
        if (asked === undefined) return;
        const got = (qemu: QemuSettings): number | undefined => (qemu.capabilities.has('auto-converge') ? number(qemu, parameter) : 0);
        found.push(figure(setting, percent(asked) / 100, (qemu) => hundredth(got(qemu))));
    };
    share('throttle-first', throttle.initial, 'cpu-throttle-initial');
    share('throttle-step', throttle.step, 'cpu-throttle-increment');
    share('throttle-most', throttle.max, 'max-cpu-throttle');
    return found;
}

/**
 * Whether the stream is encrypted, of a technique that asks for it. Only where QEMU is ours (driver qemu): libvirt answers for
 * its flag, and its monitor is not used for what it does itself.
 */
export const encryptionSetting = ({ options }: MoveTechnique): readonly OptionSetting[] =>
    options.tls === true ? [word('encryption', 'TLS', ({ parameters }) => (parameters['tls-creds'] ? 'TLS' : 'none'))] : [];

const figure =
    (setting: SettingFigure, asked: number, got: (qemu: QemuSettings) => number | undefined): OptionSetting =>
    (qemu) => ({ setting, asked, got: qemu && got(qemu) });

function word(setting: SettingWord, asked: string, got: (qemu: QemuSettings) => unknown): OptionSetting {
    return (qemu) => {
        const value = qemu && got(qemu);
        return { setting, asked, got: typeof value === 'string' ? value : undefined };
    };
}

function number({ parameters }: QemuSettings, name: string): number | undefined {
    const value = parameters[name];
    return typeof value === 'number' ? value : undefined;
}

const hundredth = (value: number | undefined): number | undefined => (value === undefined ? undefined : value / 100);
