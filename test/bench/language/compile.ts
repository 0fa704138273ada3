/** Parse, link and check, each measured in a process of its own: what it took, and the most memory that the process ever had. */
import { spawnSync } from 'node:child_process';
import { compileText } from '@mig/language';
import { type Files, realPolicies, smallFiles, smallPolicies } from './policies.js';

export interface Measure {
    readonly ms: number;
    /** The process's greatest resident size. */
    readonly peakMiB: number;
    readonly policies: number;
    readonly lines: number;
}

const texts = {
    'one-file': (count: number): Files => new Map([['main.mig', smallPolicies(count)]]),
    files: (count: number): Files => smallFiles(count, count / 10),
    real: (count: number): Files => new Map([['main.mig', realPolicies(count)]]),
} as const;

export type TextName = keyof typeof texts;

/** The argument that makes a benchmark's process measure one text and nothing else. */
export const measureOption = '--measure-compile';

/** Measures a text in a process of its own, which compiles it once, as a start of the program would. */
export function measured(text: TextName, count: number): Measure {
    const { status, stdout, stderr } = spawnSync(process.execPath, [process.argv[1] ?? '', measureOption, text, String(count)], {
        encoding: 'utf8',
        maxBuffer: 2 ** 24,
    });
    if (status !== 0) throw new Error(`${text} of ${count} ended with ${String(status)}: ${stderr.slice(-2000)}`);
    return JSON.parse(stdout) as Measure;
}

/** What the process of its own does. */
export async function measureHere(name: string, count: number): Promise<Measure> {
    const files = texts[name as TextName](count);
    const uriOf = (file: string): string => `file:///policies/${file}`;
    const byUri = new Map([...files].map(([file, text]) => [uriOf(file), text]));
    const began = performance.now();
    const { program, findings } = await compileText(
        { uri: uriOf('main.mig'), text: files.get('main.mig') ?? '' },
        { read: (uri) => Promise.resolve(byUri.get(uri)) },
    );
    const ms = performance.now() - began;
    if (findings.length > 0 || program === undefined)
        throw new Error(`a text that should be right: ${JSON.stringify(findings.slice(0, 3))}`);
    const lines = [...files.values()].reduce((sum, text) => sum + text.split('\n').length, 0);
    return { ms, peakMiB: process.resourceUsage().maxRSS / 1024, policies: program.policies.length, lines };
}
