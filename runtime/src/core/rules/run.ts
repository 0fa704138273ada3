import type { Finding } from '@mig/language';
import type { Lack } from './lack.js';
import { inventoryRange } from './places.js';
import type { HostRule, HostRuleInput } from './rule.js';
import { some } from './words.js';

/** What the rules find that have what they need. A technique that several policies use is spoken of once. */
export function findingsOf(rules: readonly HostRule[], input: HostRuleInput): readonly Finding[] {
    const findings = new Map<string, Finding>();
    for (const { id, severity, check } of rules.filter((rule) => canRun(rule, input))) {
        check(input, (range, message, { hint, fixes = [] } = {}) => {
            const { source, start, end } = range;
            const key = [id, source, start.line, start.character, end.line, end.character, message].join(' ');
            if (!findings.has(key)) findings.set(key, { id, severity, message, hint, range, fixes });
        });
    }
    return [...findings.values()];
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
export function missing(rules: readonly HostRule[], input: HostRuleInput): Finding | undefined {
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
    return found(parts.join('; '), 'a plan looks at the hosts; the inventory may state what is known of them');
}
