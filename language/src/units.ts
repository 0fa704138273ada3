/**
 * Quantities and their units. Inside the project every quantity is a branded number in one base unit;
 * units as people write them exist only in policies, inventories and on screens.
 */

import { nearest } from './nearest.js';

declare const unit: unique symbol;
type Quantity<U extends string> = number & { readonly [unit]: U };

/** A size in bytes. */
export type Bytes = Quantity<'bytes'>;
/** A rate in bytes per second; bits per second in a policy are divided by eight. */
export type BytesPerSecond = Quantity<'bytes per second'>;
/** A duration in milliseconds. */
export type Milliseconds = Quantity<'milliseconds'>;
/** A share: 60 % is 0.6. May exceed 1 (a host that is overcommitted). */
export type Ratio = Quantity<'ratio'>;
/** Power in watts. */
export type Watts = Quantity<'watts'>;
/** A point in time: milliseconds since 1970-01-01 UTC. */
export type EpochMs = Quantity<'epoch milliseconds'>;

export const bytes = (n: number): Bytes => n as Bytes;
export const bytesPerSecond = (n: number): BytesPerSecond => n as BytesPerSecond;
export const milliseconds = (n: number): Milliseconds => n as Milliseconds;
export const ratio = (n: number): Ratio => n as Ratio;
export const watts = (n: number): Watts => n as Watts;
export const epochMs = (n: number): EpochMs => n as EpochMs;

export const kibibyte = 1024;
export const mebibyte = 1024 ** 2;
export const gibibyte = 1024 ** 3;

/** What a unit measures. `ratio` is written in percent. */
export type Dimension = 'duration' | 'size' | 'rate' | 'ratio' | 'power' | 'energy';

export interface Unit {
    /** As written in a policy. */
    readonly symbol: string;
    readonly dimension: Dimension;
    /** How many base units (ms, byte, byte/s, ratio, W, J) one of this unit is. */
    readonly factor: number;
}

const row = (dimension: Dimension, symbol: string, factor: number): Unit => ({ symbol, dimension, factor });

/** Every unit that may be written after a number, in policies and in inventories. */
export const units: readonly Unit[] = [
    row('duration', 'us', 0.001),
    row('duration', 'ms', 1),
    row('duration', 's', 1000),
    row('duration', 'min', 60_000),
    row('duration', 'h', 3_600_000),
    row('duration', 'd', 86_400_000),
    row('size', 'B', 1),
    row('size', 'KiB', kibibyte),
    row('size', 'MiB', mebibyte),
    row('size', 'GiB', gibibyte),
    row('size', 'TiB', 1024 ** 4),
    row('size', 'kB', 1e3),
    row('size', 'MB', 1e6),
    row('size', 'GB', 1e9),
    row('size', 'TB', 1e12),
    row('rate', 'bit/s', 1 / 8),
    row('rate', 'kbit/s', 1e3 / 8),
    row('rate', 'Mbit/s', 1e6 / 8),
    row('rate', 'Gbit/s', 1e9 / 8),
    row('rate', 'B/s', 1),
    row('rate', 'KiB/s', kibibyte),
    row('rate', 'MiB/s', mebibyte),
    row('rate', 'GiB/s', gibibyte),
    row('rate', 'kB/s', 1e3),
    row('rate', 'MB/s', 1e6),
    row('rate', 'GB/s', 1e9),
    row('ratio', '%', 0.01),
    row('power', 'W', 1),
    row('power', 'kW', 1000),
    row('energy', 'J', 1),
    row('energy', 'kJ', 1000),
    row('energy', 'Wh', 3600),
    row('energy', 'kWh', 3_600_000),
];

const bySymbol = new Map(units.map((u) => [u.symbol, u]));

export function findUnit(symbol: string): Unit | undefined {
    return bySymbol.get(symbol);
}

/** What people write and the language does not know, with the unit that they mean. */
export const unitNicknames: Readonly<Record<string, string>> = {
    usec: 'us',
    msec: 'ms',
    millis: 'ms',
    milliseconds: 'ms',
    sec: 's',
    secs: 's',
    second: 's',
    seconds: 's',
    mins: 'min',
    minute: 'min',
    minutes: 'min',
    hr: 'h',
    hour: 'h',
    hours: 'h',
    day: 'd',
    days: 'd',
    byte: 'B',
    bytes: 'B',
    bps: 'bit/s',
    kbps: 'kbit/s',
    Mbps: 'Mbit/s',
    Gbps: 'Gbit/s',
    // Whoever writes a small b means bits.
    'kb/s': 'kbit/s',
    'Mb/s': 'Mbit/s',
    'Gb/s': 'Gbit/s',
    percent: '%',
    watt: 'W',
    watts: 'W',
};

/** The outcome of reading a quantity: its base value, or what is wrong with it in words. */
export type ParsedQuantity =
    | { readonly ok: true; readonly dimension: Dimension; readonly value: number; readonly unit: Unit }
    | {
          readonly ok: false;
          readonly problem: string;
          /** The same quantity as it was probably meant, where that can be told. */
          readonly meant?: string;
          /** It may as well be another. */
          readonly guessed?: true;
      };

const quantityPattern = /^\s*(\d+(?:\.\d+)?)\s*(%\w*|[A-Za-z_]\w*(?:\/[A-Za-z]\w*)?)\s*$/;

/** Reads `8 Gbit/s`, `300ms` or `60%` as it stands in an inventory, a `--set` or a literal of the language. */
export function parseQuantity(text: string): ParsedQuantity {
    const match = quantityPattern.exec(text);
    if (!match) return { ok: false, problem: `'${text}' is not a quantity: write a number and a unit, such as 8 Gbit/s` };
    const [, number = '', symbol = ''] = match;
    const found = findUnit(symbol);
    if (!found) {
        const near = unitMeantBy(symbol);
        if (near === undefined) return { ok: false, problem: `'${symbol}' is not a unit` };
        return {
            ok: false,
            problem: `'${symbol}' is not a unit; did you mean ${near}?`,
            meant: near === '%' ? `${number}%` : `${number} ${near}`,
            ...(isBitOrByte(symbol) && { guessed: true }),
        };
    }
    return { ok: true, dimension: found.dimension, value: Number(number) * found.factor, unit: found };
}

/** The unit that a wrong one stands for: by another case, a nickname, or one slip of the finger. */
export function unitMeantBy(symbol: string): string | undefined {
    const lower = symbol.toLowerCase();
    const otherCase = units.find((u) => u.symbol.toLowerCase() === lower)?.symbol;
    const nickname = Object.entries(unitNicknames).find(([name]) => name.toLowerCase() === lower)?.[1];
    const symbols = units.map((u) => u.symbol).filter((s) => s.length > 1);
    return unitNicknames[symbol] ?? otherCase ?? nickname ?? nearest(symbol, symbols);
}

/** Whether bits may be meant as well as bytes: `mb/s`, `Mb`. Which of the two, a person has to say. */
export const isBitOrByte = (symbol: string): boolean => /^[kmgt]?b(\/s)?$/i.test(symbol) && symbol.includes('b');

/** Shows a base value in the unit that reads best: 1.5 GiB, 800 Mbit/s, 2 min 10 s. */
export function formatQuantity(value: number, dimension: Dimension): string {
    switch (dimension) {
        case 'duration':
            return formatDuration(value);
        case 'size':
            return scaled(value, [
                ['TiB', 1024 ** 4],
                ['GiB', gibibyte],
                ['MiB', mebibyte],
                ['KiB', kibibyte],
                ['B', 1],
            ]);
        case 'rate':
            return scaled(value * 8, [
                ['Gbit/s', 1e9],
                ['Mbit/s', 1e6],
                ['kbit/s', 1e3],
                ['bit/s', 1],
            ]);
        case 'ratio':
            return `${trim(value * 100)}%`;
        case 'power':
            return scaled(value, [
                ['kW', 1000],
                ['W', 1],
            ]);
        case 'energy':
            return scaled(value, [
                ['kWh', 3_600_000],
                ['kJ', 1000],
                ['J', 1],
            ]);
    }
}

function formatDuration(ms: number): string {
    if (ms < 1) return `${trim(ms * 1000)} us`;
    if (ms < 1000) return `${trim(ms)} ms`;
    if (ms < 60_000) return `${trim(ms / 1000)} s`;
    const seconds = Math.round(ms / 1000);
    const parts: readonly (readonly [number, string])[] = [
        [Math.floor(seconds / 86_400), 'd'],
        [Math.floor((seconds % 86_400) / 3600), 'h'],
        [Math.floor((seconds % 3600) / 60), 'min'],
        [seconds % 60, 's'],
    ];
    return parts
        .filter(([n]) => n > 0)
        .slice(0, 2)
        .map(([n, symbol]) => `${n} ${symbol}`)
        .join(' ');
}

function scaled(value: number, steps: readonly (readonly [string, number])[]): string {
    const step = steps.find(([, factor]) => Math.abs(value) >= factor) ?? steps.at(-1);
    return step ? `${trim(value / step[1])} ${step[0]}` : String(value);
}

const trim = (n: number): string => String(Number(n.toPrecision(3)));
