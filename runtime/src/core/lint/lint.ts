/**
 * The linter: what the compiler found, what the rules find that know hosts, and what the inventory does not have, with the
 * severities of mig.config.yaml and without what comments silence. The editor and every command go through here.
 */
import { anyInside, type Finding, isInside, type Program, type RuleName, type SourceRange, suppress } from '@mig/language';
import type { Inventory } from '../model/inventory.js';
import type { LastLook } from '../look/last-look.js';
import type { Snapshot } from '../model/snapshot.js';
import { hostFindings, hostRules, type HostRuleInput, missingFor, type RuleMemory } from '../rules/index.js';
import { unknownNames } from '../rules/names.js';
import { isLeftOut } from '../rules/run.js';
import { notBuilt } from '../rules/not-built.js';
import { inventoryRange } from '../rules/places.js';
import type { LintConfig } from './config.js';
import { isFixed, silenceable } from './known.js';

export interface LintInput {
    /** Undefined where the compiler found errors. */
    readonly program: Program | undefined;
    /** What the compiler found, and the rules that it ran. */
    readonly findings: readonly Finding[];
    /** The rules that it ran. */
    readonly textRules: readonly RuleName[];
    /** By `SourceRange.source`. */
    readonly sources: readonly { readonly text: string }[];
    readonly inventory: Inventory | undefined;
    /** What is known of hosts and VMs without asking them. */
    readonly look: LastLook;
    readonly config: LintConfig | undefined;
    /** What was found when an earlier version was looked at. */
    readonly memory?: RuleMemory;
}

/** Everything that can be found without a plan, in the order of the text. */
export function lint(input: LintInput): readonly Finding[] {
    const { program, inventory, look } = input;
    const snapshot = snapshotFor(input);
    if (program === undefined) return settled(input.findings, input, () => false);
    const hosts = { program, inventory, snapshot };
    const missing = tooManyFor(input) ?? missingFor(hosts, look.kind === 'none' ? look.why : undefined);
    const names = inventory ? unknownNames(program, inventory, snapshotIn(look)) : [];
    const found = [
        ...input.findings,
        ...hostFindingsBeside(names, hosts, input.memory),
        ...(missing ? [missing] : []),
        ...notBuilt(program, { kind: 'check' }),
        ...names,
    ];
    const { sound } = partsBeside(names, program);
    return settled(found, input, (id, line) => wasJudged(id, line, input, sound) && !found.some((one) => isLeftOut(one, id)));
}

/**
 * What the rules find that know hosts. Of a policy in which something is wrong already, such as a zone that no host is in,
 * they say nothing: it would be the same mistake once more.
 */
export function hostFindingsBeside(found: readonly Finding[], input: HostRuleInput, memory?: RuleMemory): readonly Finding[] {
    const errors = found.filter(({ severity }) => severity === 'error');
    const lines = new Set(errors.map(({ range: { source, start } }) => `${source}:${start.line}`));
    // In a group or a let, too: there is the mistake, and not what follows from it.
    const isEcho = ({ range }: Finding): boolean =>
        lines.has(`${range.source}:${range.start.line}`) && errors.some((error) => isInside(error.range, range));
    const all = hostFindings(input, memory).filter((one) => !isEcho(one));
    const { broken } = partsBeside(found, input.program);
    return broken.length === 0 ? all : all.filter(({ range }) => !broken.some((part) => isInside(range, part)));
}

/**
 * Pairs of a policy and a VM of simulated hosts that are judged in one check: a few milliseconds, for it is done at each
 * keystroke. Simulated hosts are for trying policies out; of real ones somebody has asked for the look. Names are known whatever their number.
 */
const mostStated = 4000;

const snapshotIn = (look: LastLook): Snapshot | undefined => (look.kind === 'none' ? undefined : look.snapshot);

function snapshotFor({ program, look }: Pick<LintInput, 'program' | 'look'>): Snapshot | undefined {
    const snapshot = snapshotIn(look);
    const pairs = (program?.policies.length ?? 0) * (snapshot?.vms.length ?? 0);
    return look.kind === 'stated' && pairs > mostStated ? undefined : snapshot;
}

/** MIG400, where there are too many VMs of simulated hosts for the policies. */
function tooManyFor(input: LintInput): Finding | undefined {
    const { program, look } = input;
    if (!program || look.kind !== 'stated' || snapshotFor(input)) return undefined;
    const [policies, vms] = [program.policies.length, look.snapshot.vms.length];
    return {
        id: 'MIG400',
        severity: 'info',
        message: `not everything was checked: with ${policies} policies and ${vms} VMs of simulated hosts rules on VMs would take too long`,
        hint: 'check the policies in smaller files; a plan looks at all VMs',
        range: inventoryRange(program),
        fixes: [],
    };
}

interface Parts {
    readonly sound: readonly SourceRange[];
    /** Those with an error in them. */
    readonly broken: readonly SourceRange[];
}

function partsBeside(found: readonly Finding[], { policies, sequences }: Program): Parts {
    const errors = found.filter((finding) => finding.severity === 'error');
    const all = [...policies, ...sequences].map((part) => part.range);
    if (errors.length === 0) return { sound: all, broken: [] };
    const isBroken = anyInside(errors.map(({ range }) => range));
    const { sound = [], broken = [] } = Object.groupBy(all, (part) => (isBroken(part) ? 'broken' : 'sound'));
    return { sound, broken };
}

/** What is left of findings after severities and comments, in the order of the text. Nothing is said of the comments. */
export function settle(findings: readonly Finding[], input: Pick<LintInput, 'textRules' | 'sources' | 'config'>): readonly Finding[] {
    return settled(findings, input, undefined);
}

/** Whether a rule has looked at all that could break it on a line: one without its inventory has not. */
type Judged = (id: string, line: number) => boolean;

function settled(
    findings: readonly Finding[],
    { textRules, sources, config }: Pick<LintInput, 'textRules' | 'sources' | 'config'>,
    judged: Judged | undefined,
): readonly Finding[] {
    const texts = sources.map((source) => source.text);
    const weighed = withSeverities(findings, config);
    const { kept, about } = suppress(weighed, texts, {
        rules: silenceable(textRules),
        isFixed,
        judged: (id, line) => config?.severities.get(id) !== 'off' && judged?.(id, line) === true,
    });
    // Each file answers for its own comments, when it is checked itself: here an import is seen through one policy only.
    const own = judged === undefined ? [] : withSeverities(about, config).filter((finding) => finding.range.source === 0);
    return inOrder(once([...kept, ...own]));
}

function withSeverities(findings: readonly Finding[], config: LintConfig | undefined): readonly Finding[] {
    if (config === undefined || config.severities.size === 0) return findings;
    return findings.flatMap((finding) => {
        const severity = config.severities.get(finding.id);
        if (severity === undefined || isFixed(finding.id)) return [finding];
        return severity === 'off' ? [] : [{ ...finding, severity }];
    });
}

function wasJudged(id: string, line: number, input: LintInput, parts: readonly SourceRange[]): boolean {
    const { inventory } = input;
    const snapshot = snapshotFor(input);
    if (id === 'MIG125') return inventory !== undefined && snapshotIn(input.look) !== undefined;
    const rule = hostRules.find((one) => one.id === id);
    if (rule === undefined) return id !== 'MIG400';
    if (rule.needs !== 'program' && inventory === undefined) return false;
    if (rule.needs === 'snapshot' && snapshot === undefined) return false;
    // A technique or a group is judged by the policies that use it, and these may be in other files.
    return parts.some(({ source, start, end }) => source === 0 && start.line <= line && line <= end.line);
}

function once(findings: readonly Finding[]): readonly Finding[] {
    const seen = new Set<string>();
    return findings.filter(({ id, range: { source, start, end }, message }) => {
        const key = [id, source, start.line, start.character, end.line, end.character, message].join(' ');
        return !seen.has(key) && seen.add(key);
    });
}

function inOrder(findings: readonly Finding[]): readonly Finding[] {
    return findings.toSorted(
        ({ range: a }, { range: b }) => a.source - b.source || a.start.line - b.start.line || a.start.character - b.start.character,
    );
}
