import type { Finding, Policy } from '@mig/language';
import type { Lack } from './lack.js';
import type { RuleMemory } from './memory.js';
import { inventoryRange } from './places.js';
import type { HostReport, HostRule, HostRuleInput } from './rule.js';
import { few } from '../satisfy/few.js';
import { some } from './words.js';

/**
 * What the rules find that have what they need. A technique that several policies use is spoken of once. With a memory, what
 * is known of parts that are the same objects as before is not looked for again.
 */
export function findingsOf(rules: readonly HostRule[], input: HostRuleInput, memory?: RuleMemory): readonly Finding[] {
    const running = rules.filter((rule) => canRun(rule, input));
    const by = (some: readonly HostRule[], seen: HostRuleInput): readonly Finding[] => some.flatMap((rule) => foundBy(rule, seen));
    const parted = memory ? running.filter((rule) => rule.byPart === true) : [];
    const whole = memory ? running.filter((rule) => rule.byPart !== true) : running;
    const found = [...by(whole, input), ...(memory?.ofParts(input, (part) => by(parted, part)) ?? [])];
    const findings = new Map<string, Finding>();
    for (const finding of found) {
        const { source, start, end } = finding.range;
        const key = [finding.id, source, start.line, start.character, end.line, end.character, finding.message].join(' ');
        if (!findings.has(key)) findings.set(key, finding);
    }
    return [...findings.values()];
}

/** MIG500: what one rule did not look at. */
function leftOutOf(policies: readonly Policy[], rule: HostRule, { program, inventory, snapshot }: HostRuleInput): Finding | undefined {
    const [first] = policies;
    if (!first) return undefined;
    const hosts = snapshot?.hosts.length ?? inventory?.hosts.length ?? 0;
    const among = snapshot ? `${snapshot.vms.length} VMs on ${hosts} hosts` : `${hosts} hosts`;
    const some = few(policies.map(({ name }) => name));
    return {
        id: 'MIG500',
        severity: 'info',
        message: `${rule.id} (${rule.name}) did not look at ${policies.length} of ${program.policies.length} policies: ${some}; with ${among} it would take too long`,
        hint: 'check the file in parts, with policies that act on the same VMs together in one',
        range: first.nameRange,
        fixes: [],
    };
}

/** Whether it says that the rule of this id did not look at everything. */
export const isLeftOut = (finding: Finding, id: string): boolean => finding.id === 'MIG500' && finding.message.startsWith(`${id} (`);

/** What one rule finds. */
function foundBy(rule: HostRule, input: HostRuleInput): readonly Finding[] {
    const { id, severity, check } = rule;
    const found: Finding[] = [];
    const report: HostReport = (range, message, { hint, fixes = [] } = {}) => {
        found.push({ id, severity, message, hint, range, fixes });
    };
    check(input, report, (policies) => {
        const unseen = leftOutOf(policies, rule, input);
        if (unseen) found.push(unseen);
    });
    return found;
}

function canRun({ needs }: HostRule, { inventory, snapshot }: HostRuleInput): boolean {
    switch (needs) {
        case 'program':
            return true;
        case 'inventory':
            return inventory !== undefined;
        case 'snapshot':
            return snapshot !== undefined;
    }
}

/**
 * MIG400: what was not judged, and for want of what. Undefined where nothing that the program asks for was left out; also where
 * the inventory that it names could not be read, which is told by itself.
 */
export function missing(rules: readonly HostRule[], input: HostRuleInput, noLook?: string): Finding | undefined {
    const { program, inventory } = input;
    if (program.policies.length + program.sequences.length === 0) return undefined;
    const found = (message: string, hint: string): Finding => ({
        id: 'MIG400',
        severity: 'info',
        message: `not everything was checked: ${message}`,
        hint,
        range: inventoryRange(program),
        fixes: [],
    });
    if (inventory === undefined) {
        if (program.inventory !== undefined) return undefined;
        const left = rules.filter((rule) => !canRun(rule, input)).length;
        return found(
            `for want of an inventory nothing is said of hosts and their VMs (${left} rules)`,
            'name the hosts with `inventory "hosts.yaml"`',
        );
    }
    const lacks = rules.flatMap(({ id, lacks }) => (lacks?.(input) ?? []).map((lack) => ({ ...lack, id })));
    if (lacks.length === 0) return undefined;
    const wantOf = ({ of, hosts }: Lack): string => `for want of ${of}${hosts.length === 0 ? '' : ` on ${some(hosts)}`}`;
    const parts = [...new Set(lacks.map(wantOf))].map((want) => {
        const all = lacks.filter((lack) => wantOf(lack) === want);
        const [what, ids] = [new Set(all.map((lack) => lack.what)), new Set(all.map(({ id }) => id))];
        return `${want} nothing is said of ${[...what].join(', ')} (${[...ids].join(', ')})`;
    });
    const cure =
        '`mig-run observe` or a plan looks at the hosts, and a check goes by that for a week; the inventory may state what is known of them';
    return found(parts.join('; '), noLook === undefined ? cure : `${noLook}; ${cure}`);
}
