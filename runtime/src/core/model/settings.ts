/**
 * What a migration is set to, one row a setting: what it is called, how it is counted, and what it means where a
 * hypervisor says that it is something else than was asked. Executor and simulator tell of them by the same events,
 * reports show them, and the rule of a difference is read from here.
 */
import { formatQuantity } from '@mig/language';
import type { HostName } from './inventory.js';

export interface SettingKind {
    readonly name: string;
    readonly unit: 'rate' | 'duration' | 'size' | 'share' | 'number' | 'word';
    /** More than was asked breaks a promise of the policy, and is an alarm; every other difference is a warning. */
    readonly more: 'alarm' | 'warning';
}

const rows = {
    bandwidth: { name: 'the cap', unit: 'rate', more: 'alarm' },
    'postcopy-bandwidth': { name: 'the cap of post-copy', unit: 'rate', more: 'alarm' },
    'disk-bandwidth': { name: 'the cap of the copy of a disk', unit: 'rate', more: 'alarm' },
    'downtime-limit': { name: 'the downtime limit', unit: 'duration', more: 'warning' },
    streams: { name: 'the number of streams', unit: 'number', more: 'warning' },
    compression: { name: 'the compression', unit: 'word', more: 'warning' },
    encryption: { name: 'the encryption', unit: 'word', more: 'warning' },
    'compression-level': { name: 'the level of compression', unit: 'number', more: 'warning' },
    'compression-cache': { name: 'the xbzrle cache', unit: 'size', more: 'warning' },
    'throttle-first': { name: 'the first share of the throttle', unit: 'share', more: 'alarm' },
    'throttle-step': { name: 'the step of the throttle', unit: 'share', more: 'alarm' },
    'throttle-most': { name: 'the most that the throttle takes', unit: 'share', more: 'alarm' },
} as const satisfies Readonly<Record<string, SettingKind>>;

export type SettingName = keyof typeof rows;

/** Settings that are words, such as `zstd`; the others are bytes/s, ms, bytes, shares from 0 to 1, or numbers. */
export type SettingWord = { [Name in SettingName]: (typeof rows)[Name]['unit'] extends 'word' ? Name : never }[SettingName];
export type SettingFigure = Exclude<SettingName, SettingWord>;
export type SettingValue = number | string;

/** What was asked for and what there is, as far as that can be read. */
export type SettingRead =
    | { readonly setting: SettingFigure; readonly asked: number; readonly got: number | undefined }
    | { readonly setting: SettingWord; readonly asked: string; readonly got: string | undefined };

/** As a report is read: a setting that this version does not know has its own name. */
export const settingKind = (setting: string): SettingKind =>
    (rows as Readonly<Record<string, SettingKind>>)[setting] ?? { name: setting, unit: 'word', more: 'warning' };

/** As a host has it that takes what it is asked for. */
export const takenAsAsked = (read: SettingRead): SettingRead =>
    isWord(read) ? { ...read, got: read.asked } : { ...read, got: read.asked };

const isWord = (read: SettingRead): read is Extract<SettingRead, { readonly asked: string }> => typeof read.asked === 'string';

export interface SettingVerdict {
    readonly agrees: boolean;
    /** What a person has to be told. Undefined: nothing. */
    readonly said: { readonly level: 'info' | 'warning' | 'alarm'; readonly text: string } | undefined;
}

/** Whether a setting is as it was asked for, and what a difference counts for. `unread`: why it could not be read. */
export function judgeSetting({ setting, asked, got }: SettingRead, on: HostName, unread?: string): SettingVerdict {
    const { more } = rows[setting];
    if (got === asked) return { agrees: true, said: undefined };
    if (got === undefined && unread !== undefined)
        return { agrees: false, said: { level: 'info', text: `${rows[setting].name} on ${on} was not read back: ${unread}` } };
    const [was, is] = [settingText(setting, asked), got === undefined ? undefined : settingText(setting, got)];
    const level = typeof asked === 'number' && typeof got === 'number' && got > asked ? more : 'warning';
    return { agrees: false, said: { level, text: differs(rows[setting].name, on, was, is) } };
}

/** What is said when a setting reads back as something else. */
export function differs(setting: string, on: HostName, asked: string, got: string | undefined): string {
    return got === undefined
        ? `${setting} was set to ${asked}, and ${on} cannot say what it is now`
        : `${setting} was set to ${asked}, and ${on} says that it is ${got}`;
}

/** A value in the words of its unit. */
export function settingText(setting: string, value: SettingValue): string {
    if (typeof value === 'string') return value;
    const { unit } = settingKind(setting);
    if (unit === 'number' || unit === 'word') return String(value);
    return formatQuantity(value, unit === 'share' ? 'ratio' : unit);
}
