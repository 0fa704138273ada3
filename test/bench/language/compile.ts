/**
 * Parse, link and check with every rule, each measured in a process of its own: what it took, and the most memory that the
 * process ever had. The inventory names 20 hosts with 500 VMs.
 */
import { spawnSync } from 'node:child_process';
import { type CompilePhase, compileText, epochMs, type Finding, textRules } from '@mig/language';
import { type Inventory, LastLooks, lint, parseInventory } from '@mig/runtime/core';
import { heapOfCompiler } from '../../../runtime/src/edges/cli/compile/thread.js';
import { type Files, inventory, realPolicies, smallFiles, smallPolicies } from './policies.js';

/** The rules that know hosts come after everything that needs the text only. */
type Phase = CompilePhase | 'hosts';

export interface Measure {
    readonly ms: number;
    /** Of all cores, and other than `ms` hardly longer where others are at work. */
    readonly cpuMs: number;
    readonly phasesMs: Readonly<Record<Phase, number>>;
    /** The process's greatest resident size. */
    readonly peakMiB: number;
    readonly policies: number;
    readonly lines: number;
}

interface Text {
    readonly files: (count: number) => Files;
    /** Checks the files that main.mig imports one by one, as `mig-run check` does for a directory, and not main.mig. */
    readonly oneByOne?: boolean;
}

const texts = {
    'one-file': { files: (count) => new Map([['main.mig', smallPolicies(count)]]) },
    files: { files: (count) => smallFiles(count, count / 10) },
    'each-file': { files: (count) => smallFiles(count, count / 10), oneByOne: true },
    real: { files: (count) => new Map([['main.mig', realPolicies(count)]]) },
} as const satisfies Readonly<Record<string, Text>>;

export type TextName = keyof typeof texts;

/** The argument that makes a benchmark's process measure one text and nothing else. */
export const measureOption = '--measure-compile';

/** Measures a text in a process of its own, which compiles it once, as a start of the program would. */
export function measured(text: TextName, count: number): Measure {
    const script = process.argv[1] ?? '';
    // As the thread that compiles is started.
    const { status, stdout, stderr } = spawnSync(process.execPath, [...heapOfCompiler, script, measureOption, text, String(count)], {
        encoding: 'utf8',
        maxBuffer: 2 ** 24,
    });
    if (status !== 0) throw new Error(`${text} of ${count} ended with ${String(status)}: ${stderr.slice(-2000)}`);
    return JSON.parse(stdout) as Measure;
}

/** What the process of its own does. */
export async function measureHere(name: string, count: number): Promise<Measure> {
    const { files: filesOf, oneByOne = false }: Text = texts[name as TextName];
    const files = filesOf(count);
    const uriOf = (file: string): string => `file:///policies/${file}`;
    const byUri = new Map([...files].map(([file, text]) => [uriOf(file), text]));
    const entries = [...files.keys()].filter((file) => (oneByOne ? file.startsWith('part') : file === 'main.mig'));
    const hosts = inventoryOf(inventory(500));
    const look = new LastLooks().of(undefined, '', hosts, epochMs(0));
    const watch = new Watch();
    const usedBefore = process.cpuUsage();
    const began = performance.now();
    let policies = 0;
    for (const file of entries) {
        const text = files.get(file) ?? '';
        const compiled = await compileText(
            { uri: uriOf(file), text },
            { read: (uri) => Promise.resolve(byUri.get(uri)), entered: (phase) => watch.enter(phase) },
        );
        watch.enter('hosts');
        const sources = compiled.sources.map(({ uri }) => ({ text: byUri.get(uri) ?? '' }));
        const findings = lint({ ...compiled, textRules, sources, inventory: hosts, look, config: undefined });
        watch.leave();
        mustBeRight(findings);
        policies += compiled.program?.policies.length ?? 0;
    }
    const ms = performance.now() - began;
    const { user, system } = process.cpuUsage(usedBefore);
    const lines = [...files.values()].reduce((sum, text) => sum + text.split('\n').length, 0);
    const peakMiB = process.resourceUsage().maxRSS / 1024;
    return { ms, cpuMs: (user + system) / 1000, phasesMs: watch.spent, peakMiB, policies, lines };
}

/** What the policies use that is not built yet, and what is not known without a look at the hosts, is no mistake of theirs. */
const noMistake: ReadonlySet<string> = new Set(['MIG090', 'MIG400']);

function mustBeRight(findings: readonly Finding[]): void {
    const wrong = findings.filter(({ id }) => !noMistake.has(id));
    if (wrong.length > 0) throw new Error(`a text that should be right: ${JSON.stringify(wrong.slice(0, 3))}`);
}

function inventoryOf(text: string): Inventory {
    const { inventory: found, findings } = parseInventory(text, 'file:///policies/hosts.yaml');
    if (!found) throw new Error(`an inventory that should be right: ${JSON.stringify(findings.slice(0, 3))}`);
    return found;
}

/** How long each phase took, however often it was entered. */
class Watch {
    readonly spent: Record<Phase, number> = { parse: 0, link: 0, check: 0, rules: 0, assemble: 0, hosts: 0 };
    private now: { readonly phase: Phase; readonly since: number } | undefined;

    enter(phase: Phase): void {
        this.leave();
        this.now = { phase, since: performance.now() };
    }

    leave(): void {
        if (this.now) this.spent[this.now.phase] += performance.now() - this.now.since;
        this.now = undefined;
    }
}
