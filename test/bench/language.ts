/**
 * `npm run bench:language`: how fast policies are parsed, linked and checked, by the program and in the editor.
 * Options: --runs N, --only compile|keystroke|broken.
 */
import { atMost, type Check, machine, median, report } from './checks.js';
import { type Measure, measured, measureHere, measureOption, type TextName } from './language/compile.js';

const option = (name: string): string | undefined => {
    const at = process.argv.indexOf(name);
    return at < 0 ? undefined : process.argv[at + 1];
};
const runs = Number(option('--runs')) || 3;
const wanted = (part: 'compile' | 'keystroke' | 'broken'): boolean => (option('--only') ?? part) === part;
const say = (text: string) => process.stderr.write(`${text}\n`);

interface Measured {
    readonly checks: readonly Check[];
    readonly runs: Readonly<Record<string, readonly unknown[]>>;
}

function compiling(): Measured {
    const series = (name: string, text: TextName, count: number): readonly Measure[] =>
        Array.from({ length: runs }, () => {
            const one = measured(text, count);
            say(`${name}: ${Math.round(one.ms)} ms, ${Math.round(one.peakMiB)} MiB`);
            return one;
        });
    const ms = (all: readonly Measure[]): number => median(all.map((one) => one.ms));
    /** Of any run. */
    const peakMB = (all: readonly Measure[]): number => (Math.max(...all.map((one) => one.peakMiB)) * 2 ** 20) / 1e6;
    const few = series('1,000 policies in one file', 'one-file', 1000);
    const many = series('10,000 policies in one file', 'one-file', 10_000);
    const fewFiles = series('1,000 policies in 100 files', 'files', 1000);
    const files = series('10,000 policies in 1,000 files', 'files', 10_000);
    const real = series('2,000 policies of real size', 'real', 2000);
    return {
        checks: [
            atMost('10,000 policies in one file: time', ms(many), 2500, 'ms'),
            atMost('10,000 policies in one file: memory', peakMB(many), 700, 'MB'),
            atMost('10,000 policies in one file: time, of 1,000', ms(many) / ms(few), 12, 'x'),
            atMost('10,000 policies in 1,000 files: time', ms(files), 2500, 'ms'),
            atMost('10,000 policies in 1,000 files: memory', peakMB(files), 700, 'MB'),
            atMost('10,000 policies in 1,000 files: time, of 1,000 in 100', ms(files) / ms(fewFiles), 12, 'x'),
            atMost('2,000 policies of real size: time', ms(real), 3000, 'ms'),
            atMost('2,000 policies of real size: memory', peakMB(real), 700, 'MB'),
        ],
        runs: {
            'one file, 1,000': few,
            'one file, 10,000': many,
            'files, 1,000': fewFiles,
            'files, 10,000': files,
            'real size, 2,000': real,
        },
    };
}

async function main(): Promise<void> {
    const parts = [...(wanted('compile') ? [compiling()] : [])];
    report({
        checks: parts.flatMap((part) => part.checks),
        machine: machine(),
        runs: Object.assign({}, ...parts.map((part) => part.runs)) as Measured['runs'],
    });
}

const here = process.argv.indexOf(measureOption);
if (here > 0) {
    const [text = '', count = ''] = process.argv.slice(here + 1);
    process.stdout.write(JSON.stringify(await measureHere(text, Number(count))));
} else await main();
