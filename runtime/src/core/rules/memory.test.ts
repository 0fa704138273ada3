import { compileText, type Finding, type Program } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { parseInventory } from '../inventory/parse.js';
import type { Inventory } from '../model/inventory.js';
import { simulatedSnapshot } from '../testing/simulated.js';
import { hostFindings, type HostRule, type HostRuleInput, hostRules, RuleMemory } from './index.js';

const root = 'file:///rules/';

/** The policies of all rules in one file, with what is wrong with each of them. */
async function together(rules: readonly HostRule[], which: 'avoid' | 'prefer'): Promise<Program> {
    const programs = await Promise.all(
        rules.map(async (rule) => {
            const read = (uri: string): Promise<string | undefined> => Promise.resolve(rule.files?.[uri.slice(root.length)]);
            const { program } = await compileText({ uri: `${root}main.mig`, text: rule[which] }, { read });
            if (!program) throw new Error(`${rule.id} does not compile`);
            return program;
        }),
    );
    const [first] = programs;
    if (!first) throw new Error('there are no rules');
    return { ...first, policies: programs.flatMap((one) => one.policies), sequences: programs.flatMap((one) => one.sequences) };
}

const sorted = (findings: readonly Finding[]): readonly Finding[] =>
    [...findings].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));

function inventoryOf(rule: HostRule): Inventory | undefined {
    const yaml = rule.files?.['hosts.yaml'];
    return yaml === undefined ? undefined : parseInventory(yaml, 'hosts.yaml').inventory;
}

describe.each(hostRules.filter((rule) => rule.byPart === true).map((rule) => [rule.id, rule] as const))('%s', (_, rule) => {
    test.each(['avoid', 'prefer'] as const)('finds of each part what it finds of all together (%s)', async (which) => {
        const program = await together(hostRules, which);
        const inventory = inventoryOf(rule);
        const plain = inventory && simulatedSnapshot(inventory);
        const snapshot = plain && (rule.exampleSnapshot?.(plain) ?? plain);
        const input: HostRuleInput = { program, inventory, snapshot };
        const found = hostFindings(input).filter(({ id }) => id === rule.id);
        expect(sorted(hostFindings(input, new RuleMemory()).filter(({ id }) => id === rule.id))).toEqual(sorted(found));
        if (which === 'avoid') expect(found).not.toEqual([]);
    });
});

test('a part that is the same object is not looked at again, until the hosts are others', async () => {
    const looked: string[] = [];
    const program = await together(hostRules, 'avoid');
    const memory = new RuleMemory();
    const find = (input: HostRuleInput): void => {
        memory.ofParts(input, ({ program: { policies, sequences } }) => {
            looked.push(...[...policies, ...sequences].map(({ name = '' }) => name));
            return [];
        });
    };
    const input = { program, inventory: undefined, snapshot: undefined };
    const all = program.policies.length + program.sequences.length;
    find(input);
    expect(looked).toHaveLength(all);
    const [first, ...others] = program.policies;
    if (!first) throw new Error('there are no policies');
    find({ ...input, program: { ...program, policies: [{ ...first, name: 'changed' }, ...others] } });
    expect(looked.slice(all)).toEqual(['changed']);
    find({ ...input, inventory: parseInventory('hosts:\n  a: { ssh: root@a }\n', 'hosts.yaml').inventory });
    expect(looked).toHaveLength(2 * all + 1);
});
