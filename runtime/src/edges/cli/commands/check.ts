import type { Finding } from '@mig/language';
import type { Compiling } from '../compile/compiling.js';
import { type Console, Exit } from '../console.js';
import { policyFiles } from '../lint/files.js';
import { type Fixed, fixPolicy } from '../lint/fix.js';
import { Judge, type JudgedPolicy } from '../lint/judge.js';
import type { FindingsOf } from '../load.js';
import { showFindings, withFile } from '../show.js';
import { version } from '../version.js';

export type CheckFormat = 'text' | 'json' | 'sarif';

export interface CheckOptions {
    readonly inventory?: string;
    readonly set: Readonly<Record<string, string>>;
    readonly format: CheckFormat;
    /** The same as the format json. */
    readonly json?: boolean;
    readonly fix?: boolean;
}

/** Everything that can be found without asking a host, in each file. Ends with `invalid` where an error is left. */
export async function checkPolicies(
    words: readonly string[],
    options: CheckOptions,
    console: Console,
    compiling: Compiling,
): Promise<void> {
    using thread = compiling;
    const files = await policyFiles(words);
    const format = options.json === true ? 'json' : options.format;
    if (options.fix === true) await fixAll(files, options, format, console, thread);
    const judge = new Judge(options, thread, { kept: files.length === 1 });
    const policies: JudgedPolicy[] = [];
    for (const file of files) policies.push(await judge.policy(file));
    const all = once([...(await judge.besides()), ...policies]);
    switch (format) {
        case 'json':
            console.out(
                JSON.stringify(
                    all.flatMap(({ findings, sources }) => findings.map((f) => withFile(f, sources))),
                    null,
                    2,
                ),
            );
            break;
        case 'sarif': {
            const { sarifOf } = await import('../lint/sarif.js');
            console.out(JSON.stringify(sarifOf(all, version, process.cwd()), null, 2));
            break;
        }
        case 'text':
            for (const one of all) showFindings(one, console, {});
            console.out(summary(all, files));
    }
    if (count(all, (f) => f.severity === 'error') > 0) throw new Exit('invalid');
}

async function fixAll(
    files: readonly string[],
    options: CheckOptions,
    format: CheckFormat,
    console: Console,
    thread: Compiling,
): Promise<void> {
    const judge = new Judge(options, thread, { kept: false });
    const fixed: Fixed[] = [];
    for (const file of files) fixed.push(...(await fixPolicy(file, (one) => judge.policy(one))));
    const say = (line: string): void => (format === 'text' ? console.out(line) : console.err(line));
    for (const { path, finding, title } of fixed) {
        const { line, character } = finding.range.start;
        say(`fixed ${path}:${line + 1}:${character + 1} ${finding.id}: ${title}`);
    }
    if (fixed.length > 0) say(`${fixed.length} ${fixed.length === 1 ? 'fix' : 'fixes'} made`);
}

/** What several policies import is spoken of once. */
function once(all: readonly FindingsOf[]): readonly FindingsOf[] {
    const seen = new Set<string>();
    return all.map(({ findings, sources }) => ({
        sources,
        findings: findings.filter((finding) => {
            const { source, start, end } = finding.range;
            const key = JSON.stringify([sources[source]?.path, finding.id, start, end, finding.message]);
            return !seen.has(key) && seen.add(key);
        }),
    }));
}

function summary(all: readonly FindingsOf[], files: readonly string[]): string {
    const [errors, warnings] = [count(all, (f) => f.severity === 'error'), count(all, (f) => f.severity === 'warning')];
    if (errors + warnings === 0) return `${files.length === 1 ? (files[0] ?? '') : `${files.length} files`}: nothing found`;
    const mendable = count(all, (f) => f.fixes.length > 0 && f.range.source === 0);
    const fix = mendable === 0 ? '' : ` (${mendable} of them can be mended with --fix)`;
    return `${errors} ${errors === 1 ? 'error' : 'errors'}, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}${fix}`;
}

const count = (all: readonly FindingsOf[], that: (finding: Finding) => boolean): number =>
    all.reduce((sum, { findings }) => sum + findings.filter(that).length, 0);
