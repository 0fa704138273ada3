import { type Finding, rulesOfFilesAlone } from '@mig/language';
import { agoText, isMigrationError } from '../../../core/index.js';
import { wallClock } from '../../observe/observe.js';
import type { Compiling } from '../compile/compiling.js';
import { type Console, Exit } from '../console.js';
import { policyFiles } from '../lint/files.js';
import { type Fixed, fixPolicy } from '../lint/fix.js';
import { Judge, type JudgedPolicy, type JudgeOptions } from '../lint/judge.js';
import { type FindingsOf, standardInput } from '../load.js';
import { readSnapshot, stateDirectory } from '../pipeline.js';
import { showError, showFindings, withFile } from '../show.js';
import { version } from '../version.js';

export type CheckFormat = 'text' | 'json' | 'sarif';

export interface CheckOptions {
    readonly inventory?: string;
    readonly snapshot?: string;
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
    refuseInput(files, options, console);
    const unread = new Unread(console);
    const { inventory, set } = options;
    const snapshot = options.snapshot === undefined ? undefined : await readSnapshot(options.snapshot);
    const by: JudgeOptions = { set, state: stateDirectory(), ...(inventory !== undefined && { inventory }), ...(snapshot && { snapshot }) };
    if (options.fix === true) await fixAll(files, by, format, console, thread, unread);
    const judge = new Judge(by, thread, { kept: files.length === 1 });
    const policies: JudgedPolicy[] = [];
    for (const file of files) policies.push(...(await unread.without(file, () => judge.policy(file))));
    const all = once([...(await judge.besides()), ...withoutLent(policies)]);
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
            console.out(JSON.stringify(sarifOf(all, version, { directory: process.cwd(), unread: unread.reasons }), null, 2));
            break;
        }
        case 'text':
            for (const one of all.filter(({ findings }) => findings.length > 0)) {
                showFindings(one, console, {});
                console.err('');
            }
            if (policies.length > 0) console.out(`${summary(all, policies)}${seenText(policies)}`);
    }
    if (unread.reasons.length > 0) throw new Exit('usage');
    if (count(all, (f) => f.severity === 'error') > 0) throw new Exit('invalid');
}

/** Files that cannot be read are told of once, and stand in no other file's way. */
class Unread {
    readonly #console: Console;
    readonly #reasons = new Map<string, string>();

    constructor(console: Console) {
        this.#console = console;
    }

    get reasons(): readonly string[] {
        return [...this.#reasons.values()];
    }

    /** What becomes of one file; nothing where it cannot be read. */
    async without<T>(file: string, act: () => Promise<T>): Promise<readonly T[]> {
        if (this.#reasons.has(file)) return [];
        try {
            return [await act()];
        } catch (error) {
            if (!isMigrationError(error) || error.code !== 'file-unreadable') throw error;
            showError(error, this.#console);
            this.#reasons.set(file, error.message);
            return [];
        }
    }
}

function refuseInput(files: readonly string[], { fix }: CheckOptions, console: Console): void {
    if (fix !== true || !files.includes(standardInput.word)) return;
    console.err('mig-run check --fix writes files: it cannot mend what comes from standard input.');
    throw new Exit('usage');
}

async function fixAll(
    files: readonly string[],
    options: JudgeOptions,
    format: CheckFormat,
    console: Console,
    thread: Compiling,
    unread: Unread,
): Promise<void> {
    const judge = new Judge(options, thread, { kept: false });
    const fixed: Fixed[] = [];
    for (const file of files) fixed.push(...(await unread.without(file, () => fixPolicy(file, (one) => judge.policy(one)))).flat());
    const say = (line: string): void => (format === 'text' ? console.out(line) : console.err(line));
    for (const { path, finding, title } of fixed) {
        const { line, character } = finding.range.start;
        say(`fixed ${path}:${line + 1}:${character + 1} ${finding.id}: ${title}`);
    }
    if (fixed.length > 0) say(`${fixed.length} ${fixed.length === 1 ? 'fix' : 'fixes'} made`);
}

/** What a file declares may be used by others that import it: of one that is checked along with such a file, nothing is said to be unused. */
function withoutLent(policies: readonly JudgedPolicy[]): readonly JudgedPolicy[] {
    const lent = new Set(policies.flatMap(({ sources }) => sources.slice(1).map(({ path }) => path)));
    return policies.map((policy) => {
        const [own] = policy.sources;
        if (own === undefined || !lent.has(own.path)) return policy;
        return { ...policy, findings: policy.findings.filter(({ id, range }) => range.source !== 0 || !rulesOfFilesAlone.has(id)) };
    });
}

/** What several policies import is spoken of once. */
function once(all: readonly FindingsOf[]): readonly FindingsOf[] {
    const seen = new Set<string>();
    return all.map(({ findings, sources }) => ({
        sources,
        findings: findings.filter((finding) => {
            const { source, start, end } = finding.range;
            // What could not be looked at is the same for all.
            const place = finding.id === 'MIG400' ? [] : [sources[source]?.path, start, end];
            const key = JSON.stringify([finding.id, finding.message, ...place]);
            return !seen.has(key) && seen.add(key);
        }),
    }));
}

function summary(all: readonly FindingsOf[], policies: readonly JudgedPolicy[]): string {
    const [errors, warnings] = [count(all, (f) => f.severity === 'error'), count(all, (f) => f.severity === 'warning')];
    if (errors + warnings === 0) return `${policies.length === 1 ? (policies[0]?.path ?? '') : `${policies.length} files`}: nothing found`;
    const files = all.filter(({ sources }) => sources[0]?.path !== standardInput.shown);
    const mendable = count(files, (f) => f.fixes.some(({ asks }) => !asks) && f.range.source === 0);
    const fix = mendable === 0 ? '' : ` (${mendable} of them can be mended with --fix)`;
    return `${errors} ${errors === 1 ? 'error' : 'errors'}, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}${fix}`;
}

/** By which look at hosts and VMs it was judged; nothing where by none. */
function seenText(policies: readonly JudgedPolicy[]): string {
    const times = policies.flatMap(({ look }) => (look.kind === 'seen' ? [look.snapshot.takenAt] : []));
    return times.length === 0 ? '' : `; hosts and VMs as they were ${agoText(wallClock() - Math.min(...times))} ago`;
}

const count = (all: readonly FindingsOf[], that: (finding: Finding) => boolean): number =>
    all.reduce((sum, { findings }) => sum + findings.filter(that).length, 0);
