import type { Finding } from '@mig/language';
import { partNames, versionsOf } from '../versions/versions-of.js';
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

/** MIG400: which rules could not be applied, and for want of what. Undefined where nothing was missing. */
export function missing(rules: readonly HostRule[], input: HostRuleInput): Finding | undefined {
    const { program, inventory, snapshot } = input;
    const left = rules.filter((rule) => !canRun(rule, input));
    const unversioned = inventory
        ? versionsOf(inventory, snapshot).flatMap(({ host, versions }) =>
              versions.qemu === undefined && inventory.hosts.some((h) => h.name === host && h.driver !== 'simulated') ? [host] : [],
          )
        : [];
    if (left.length === 0 && unversioned.length === 0) return undefined;
    const without = (needs: HostRule['needs'], what: string): readonly string[] => {
        const rules = left.filter((rule) => rule.needs === needs);
        return rules.length === 0 ? [] : [`for want of ${what} ${rules.length} rules (${rules.map(({ id }) => id).join(', ')})`];
    };
    const versions =
        unversioned.length === 0 ? [] : [`the versions of ${partNames.qemu} and libvirt are not known on ${some(unversioned)}`];
    const parts = [...without('inventory', 'an inventory'), ...without('snapshot', 'a look at the hosts'), ...versions];
    return {
        id: 'MIG400',
        severity: 'info',
        message: `not everything was checked: ${parts.join('; ')}`,
        hint: hintFor(inventory !== undefined, unversioned.length > 0),
        range: inventoryRange(program),
        fixes: [],
    };
}

function hintFor(hasInventory: boolean, lacksVersions: boolean): string {
    if (!hasInventory) return 'name the hosts with `inventory "hosts.yaml"`';
    return `let the hosts be looked at${lacksVersions ? ', or state what they run under `versions` in the inventory' : ''}`;
}
