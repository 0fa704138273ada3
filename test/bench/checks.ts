/** What every benchmark of the project prints: one JSON document on stdout, a table on stderr, exit 1 where a check does not hold. */
import { createHash, randomBytes } from 'node:crypto';
import os from 'node:os';

export interface Check {
    readonly name: string;
    readonly value: number;
    readonly unit: string;
    /** The value must be at most, or at least, this. */
    readonly bar: { readonly atMost: number } | { readonly atLeast: number };
    readonly holds: boolean;
}

export interface Outcome {
    readonly checks: readonly Check[];
    readonly machine: Machine;
    /** Raw samples by series. */
    readonly runs: Readonly<Record<string, readonly unknown[]>>;
}

export interface Machine {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGiB: number;
    readonly kernel: string;
    readonly node: string;
    /** SHA-256 over a fixed amount of memory, MiB/s on one core: a score to compare machines by. */
    readonly calibration: number;
}

export const atMost = (name: string, value: number, bar: number, unit: string): Check => ({
    name,
    value,
    unit,
    bar: { atMost: bar },
    holds: value <= bar,
});
export const atLeast = (name: string, value: number, bar: number, unit: string): Check => ({
    name,
    value,
    unit,
    bar: { atLeast: bar },
    holds: value >= bar,
});

export function median(values: readonly number[]): number {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = Math.floor(sorted.length / 2);
    const [low, high] = [sorted[middle - 1], sorted[middle]];
    if (high === undefined) return Number.NaN;
    return sorted.length % 2 === 1 || low === undefined ? high : (low + high) / 2;
}

export function machine(): Machine {
    const block = randomBytes(8 * 2 ** 20);
    const rates = Array.from({ length: 5 }, () => {
        const began = process.hrtime.bigint();
        for (let i = 0; i < 4; i++) createHash('sha256').update(block).digest();
        return 32 / (Number(process.hrtime.bigint() - began) / 1e9);
    });
    return {
        cpu: os.cpus()[0]?.model ?? 'unknown',
        cores: os.availableParallelism(),
        memoryGiB: Math.round(os.totalmem() / 2 ** 30),
        kernel: os.release(),
        node: process.version,
        calibration: Math.round(median(rates)),
    };
}

/** Prints the outcome and sets the exit code. */
export function report(outcome: Outcome): void {
    process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
    const rows = outcome.checks.map((c) => [
        c.holds ? 'holds' : 'FAILS',
        c.name,
        `${Number(c.value.toPrecision(4))} ${c.unit}`,
        'atMost' in c.bar ? `at most ${c.bar.atMost}` : `at least ${c.bar.atLeast}`,
    ]);
    const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
    for (const row of rows) process.stderr.write(`${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}\n`);
    if (outcome.checks.some((c) => !c.holds)) process.exitCode = 1;
}
