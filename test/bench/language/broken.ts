/** Texts that nobody would write: the compiler answers every one, soon, and with findings that stand in the text. */
import { spawnSync } from 'node:child_process';
import { compileText, type Finding } from '@mig/language';
import { evacuate, techniques, tour } from '../../../language/src/testing/tour.js';
import { smallPolicies } from './policies.js';

export interface Broken {
    readonly inputs: number;
    readonly exceptions: readonly string[];
    readonly slowestMs: number;
    readonly slowest: string;
    /** Texts that are broken for sure, of which nothing was said. */
    readonly unsaid: readonly string[];
    /** Findings outside the text. */
    readonly outside: readonly string[];
}

export const brokenOption = '--measure-broken';
const patienceMs = 20 * 60 * 1000;

/** In a process of its own, which is ended where it hangs. */
export function broken(mutations: number, bytes: number): Broken {
    const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [process.argv[1] ?? '', brokenOption, String(mutations), String(bytes)],
        {
            encoding: 'utf8',
            maxBuffer: 2 ** 26,
            timeout: patienceMs,
        },
    );
    if (status !== 0) throw new Error(`the compiler did not come to an end of broken texts: ${stderr.slice(-2000)}`);
    return JSON.parse(stdout) as Broken;
}

/** What the process of its own does. The same texts every time. */
export async function brokenHere(mutations: number, bytes: number): Promise<Broken> {
    const random = randomFrom(20260401);
    const whole = [tour, evacuate, smallPolicies(6)];
    const exceptions: string[] = [];
    const unsaid: string[] = [];
    const outside: string[] = [];
    let slowestMs = 0;
    let slowest = '';
    // What a start costs is no matter of these texts.
    await compileText({ uri: 'file:///b.mig', text: evacuate });
    const judge = async (text: string, isBroken: boolean): Promise<void> => {
        const began = performance.now();
        try {
            const { findings, program } = await compileText({ uri: 'file:///b.mig', text }, { read: () => Promise.resolve(techniques) });
            const own = findings.filter(({ range }) => range.source === 0);
            if (own.some((finding) => !isInside(finding, text))) outside.push(text);
            if (own.length === 0 && (isBroken || program === undefined)) unsaid.push(text);
        } catch (error) {
            exceptions.push(`${String(error)}: ${JSON.stringify(text.slice(0, 200))}`);
        }
        const ms = performance.now() - began;
        if (ms > slowestMs) [slowestMs, slowest] = [ms, text];
    };
    for (let index = 0; index < mutations; index++) {
        const text = mutated(whole[index % whole.length] ?? tour, random);
        await judge(text, !isBalanced(text));
    }
    for (let index = 0; index < bytes; index++) await judge(randomText(random), true);
    return { inputs: mutations + bytes, exceptions, slowestMs, slowest, unsaid, outside };
}

type Random = () => number;

/** Mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): Random {
    let state = seed;
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
}

const below = (limit: number, random: Random): number => Math.floor(random() * limit);

/** Cut off, or with up to four places left out, doubled, swapped or overwritten. */
function mutated(whole: string, random: Random): string {
    if (random() < 0.25) return whole.slice(0, below(whole.length, random));
    let text = whole;
    const times = 1 + below(4, random);
    for (let time = 0; time < times; time++) {
        const at = below(text.length, random);
        const end = at + 1 + below(random() < 0.5 ? 3 : 60, random);
        const part = text.slice(at, end);
        const from = below(text.length, random);
        const other = text.slice(from, from + 1 + below(20, random));
        const signs = '{}()[]"\'/*:;,.=<>+-%\n\u0000é09ax \ud83d';
        const sign = signs[below(signs.length, random)] ?? '{';
        const replacement = [other, '', part + part, sign][below(4, random)] ?? '';
        text = text.slice(0, at) + replacement + text.slice(end);
    }
    return text;
}

/** Bytes read as UTF-8; a letter comes first, so that there is always something in it that is no policy. */
function randomText(random: Random): string {
    const bytes = Uint8Array.from({ length: 1 + below(400, random) }, () => below(256, random));
    return `x${new TextDecoder().decode(bytes)}`;
}

/** Whether every bracket is closed by its like, by a reading of its own: outside of texts and comments. */
function isBalanced(text: string): boolean {
    const plain = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n\r]*|"(?:\\.|[^"\\\n\r])*"/g, ' ');
    const pairs: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
    const open: string[] = [];
    for (const sign of plain) {
        if (sign === '(' || sign === '[' || sign === '{') open.push(sign);
        const opening = pairs[sign];
        if (opening !== undefined && open.pop() !== opening) return false;
    }
    return open.length === 0;
}

function isInside({ range: { start, end } }: Finding, text: string): boolean {
    const lines = text.split(/\r\n|\n|\r/);
    const isPlace = ({ line, character }: Finding['range']['start']): boolean =>
        line < lines.length && character <= (lines[line]?.length ?? -1);
    return isPlace(start) && isPlace(end) && (start.line < end.line || (start.line === end.line && start.character <= end.character));
}
