/**
 * `npm run bench:language`: how fast policies are parsed, linked and checked, by the program and in the editor.
 * Options: --runs N, --only compile|keystroke|broken.
 */
import { atLeast, atMost, type Check, machine, median, report } from './checks.js';
import { broken, brokenHere, brokenOption } from './language/broken.js';
import { type Measure, measured, measureHere, measureOption, type TextName } from './language/compile.js';
import { keystrokes } from './language/keystroke.js';

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
            say(`${name}: ${Math.round(one.ms)} ms (${Math.round(one.cpuMs)} ms of CPU), ${Math.round(one.peakMiB)} MiB; ${phasesOf(one)}`);
            return one;
        });
    const ms = (all: readonly Measure[]): number => median(all.map((one) => one.ms));
    /** Of any run. */
    const peakMB = (all: readonly Measure[]): number => (Math.max(...all.map((one) => one.peakMiB)) * 2 ** 20) / 1e6;
    const few = series('1,000 policies in one file', 'one-file', 1000);
    const many = series('10,000 policies in one file', 'one-file', 10_000);
    const fewFiles = series('1,000 policies in 100 files', 'files', 1000);
    const eachFile = series('10,000 policies in 1,000 files, one by one', 'each-file', 10_000);
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
            'files one by one, 10,000': eachFile,
            'real size, 2,000': real,
        },
    };
}

/** `parse 850, link 90`, in milliseconds. */
const phasesOf = ({ phasesMs }: Measure): string =>
    Object.entries(phasesMs)
        .map(([phase, ms]) => `${phase} ${Math.round(ms)}`)
        .join(', ');

const percentile = (values: readonly number[], share: number): number =>
    [...values].sort((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN;

/** In a file of 1,000 lines beside an inventory with 500 VMs. */
async function typing(): Promise<Measured> {
    const found = await keystrokes(1000, 500, 100);
    const p95 = { mig: percentile(found.mig, 0.95), prisma: percentile(found.prisma, 0.95), yaml: percentile(found.yaml, 0.95) };
    say(`keystroke p95: mig ${p95.mig.toFixed(1)} ms, Prisma's ${p95.prisma.toFixed(1)} ms, YAML's ${p95.yaml.toFixed(1)} ms`);
    return {
        checks: [
            atMost('keystroke to diagnostics, p95', p95.mig, 60, 'ms'),
            atMost(
                'keystroke to diagnostics, median of the faster other server',
                median(found.mig) / Math.min(median(found.prisma), median(found.yaml)),
                1,
                'x',
            ),
        ],
        runs: { 'keystroke mig (ms)': found.mig, 'keystroke Prisma (ms)': found.prisma, 'keystroke YAML (ms)': found.yaml },
    };
}

function breaking(): Measured {
    const { inputs, exceptions, slowestMs, slowest, unsaid, outside } = broken(20_000, 2000);
    say(`${inputs} broken texts: the slowest took ${Math.round(slowestMs)} ms`);
    return {
        checks: [
            atLeast('broken texts', inputs, 22_000, ''),
            atMost('broken texts: exceptions', exceptions.length, 0, ''),
            atMost('broken texts: the slowest', slowestMs, 1000, 'ms'),
            atMost('broken texts: those of which nothing was said', unsaid.length, 0, ''),
            atMost('broken texts: those with a finding outside the text', outside.length, 0, ''),
        ],
        runs: { slowest: [slowest], exceptions: exceptions.slice(0, 10), unsaid: unsaid.slice(0, 10), outside: outside.slice(0, 10) },
    };
}

async function main(): Promise<void> {
    const parts = [
        ...(wanted('compile') ? [compiling()] : []),
        ...(wanted('keystroke') ? [await typing()] : []),
        ...(wanted('broken') ? [breaking()] : []),
    ];
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
} else if (process.argv.includes(brokenOption)) {
    const [mutations = '', bytes = ''] = process.argv.slice(process.argv.indexOf(brokenOption) + 1);
    process.stdout.write(JSON.stringify(await brokenHere(Number(mutations), Number(bytes))));
} else await main();
