import { compileText, epochMs, textRules } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { parseInventory } from '../inventory/parse.js';
import { type LastLook, LastLooks } from '../look/last-look.js';
import { parseConfig } from './config.js';
import { explain, ruleDocs } from './docs.js';
import { lint, settle } from './lint.js';

const hosts = `
hosts:
  a: { driver: simulated, zone: east, simulated: { memory: 8 GiB, cpus: 4 }, migration: { network: m, address: 10.0.0.1 } }
  b: { driver: simulated, zone: east, simulated: { memory: 8 GiB, cpus: 4 }, migration: { network: m, address: 10.0.0.2 } }
`;

/** What is found in a policy whose second clause's line may have a comment above. */
const policy = (comment = '', zone = 'east'): string => `inventory "hosts.yaml"
${comment}
policy drain {
  when host is in maintenance
  move vms on host
  to hosts where host.zone == "${zone}"
  using precopy { after 5 min: abort }
  on failure leave and report
}
`;

async function input(text: string, { config = '', inventoried = true } = {}) {
    const { program, findings } = await compileText({ uri: 'file:///p.mig', text });
    return {
        program,
        findings,
        textRules,
        sources: [{ text }],
        inventory: inventoried ? parseInventory(hosts, 'file:///hosts.yaml').inventory : undefined,
        look: { kind: 'none' } as const,
        config: parseConfig(config, textRules).config,
    };
}
const ids = async (text: string, options?: Parameters<typeof input>[1]): Promise<readonly string[]> =>
    lint(await input(text, options))
        .filter((finding) => finding.severity !== 'info')
        .map((finding) => finding.id);

describe('VMs of simulated hosts', () => {
    const stated = (vms: number): LastLook => {
        const all = Array.from({ length: vms }, (_, i) => `{ name: vm${i}, memory: 64 MiB, tags: [web] }`).join(', ');
        const yaml = hosts.replace('cpus: 4 }', `cpus: 4, vms: [${all}] }`);
        const { inventory } = parseInventory(yaml, 'file:///hosts.yaml');
        return inventory ? new LastLooks().of(undefined, '', inventory, epochMs(0)) : { kind: 'none' };
    };
    const judged = async (text: string, vms: number): Promise<readonly string[]> =>
        lint({ ...(await input(text)), look: stated(vms) }).map(({ id, message }) => `${id} ${message}`);
    const wrong = policy().replace('vms on host', 'vm "vm1", "wm0"');

    test('are judged as the inventory states them', async () => {
        expect(await judged(wrong, 2)).toEqual(['MIG122 no host runs a VM "wm0"']);
        expect(await judged(policy().replace('vms on host', 'vms on host where vm.tags contains "wbe"'), 2)).toEqual([
            'MIG125 no VM and no host has a tag "wbe"',
        ]);
    });

    test('are left to plans where there are too many for the policies, and that is told; their names are known still', async () => {
        const many = Array.from({ length: 41 }, (_, i) => policy().replace('inventory "hosts.yaml"', '').replace('drain', `drain${i}`));
        expect(await judged(many.join('').replace('vms on host', 'vm "vm1", "wm0"'), 100)).toEqual([
            'MIG400 not everything was checked: with 41 policies and 100 VMs of simulated hosts rules on VMs would take too long',
            'MIG122 no host runs a VM "wm0"',
        ]);
    });
});

describe('the linter', () => {
    test('finds nothing in a policy that is right', async () => {
        expect(await ids(policy())).toEqual([]);
    });

    test('finds what the compiler, the inventory and the runtime have against it, in the order of the text', async () => {
        const text = policy('', 'west').replace('using precopy { after 5 min: abort }', 'using scatter-gather via 2 hosts');
        expect(await ids(text)).toEqual(['MIG123', 'MIG090']);
        expect(await ids(policy().replace('vms', 'vmz'))).toEqual(['MIG001']);
    });

    test('says what it could not look at, until it is told not to', async () => {
        const bare = policy().replace('inventory "hosts.yaml"', '');
        const found = lint(await input(bare, { inventoried: false }));
        expect(found.map((finding) => finding.id)).toContain('MIG400');
        const quiet = await input(bare, { inventoried: false, config: 'rules: { MIG400: off }' });
        expect(lint(quiet).map((finding) => finding.id)).not.toContain('MIG400');
    });

    test('says nothing twice', async () => {
        const given = await input(policy('', 'west'));
        const finding = { ...lint(given)[0], id: 'MIG399', fixes: [] } as (typeof given.findings)[number];
        expect(settle([finding, { ...finding }], given)).toHaveLength(1);
    });
});

describe('comments and severities', () => {
    test('silence no error that is no rule', async () => {
        expect(await ids(policy('// mig-disable-next-line MIG123 -- a', 'west'))).toEqual(['MIG009', 'MIG123']);
    });

    test('are judged only where the rule could look', async () => {
        expect(await ids(policy('// mig-disable-next-line MIG125 -- tags come later'))).toEqual([]);
        expect(await ids(policy('// mig-disable-next-line MIG401 -- upgraded tonight'))).toEqual(['MIG009']);
        expect(await ids(policy('// mig-disable-next-line MIG401 -- upgraded tonight'), { inventoried: false })).toEqual([]);
    });

    test('say nothing of comments where a plan is made', async () => {
        const given = await input(policy('// mig-disable-next-line MIG401 -- upgraded tonight'));
        expect(settle(given.findings, given)).toEqual([]);
    });

    test('make a warning an error, and take it away', async () => {
        const stale = policy('// mig-disable-next-line MIG401 -- upgraded tonight');
        const severities = async (config: string) =>
            lint(await input(stale, { config })).flatMap((f) => (f.id === 'MIG009' ? [f.severity] : []));
        expect(await severities('')).toEqual(['warning']);
        expect(await severities('rules: { stale-suppression: error }')).toEqual(['error']);
        expect(await severities('rules: { stale-suppression: off }')).toEqual([]);
        expect(await severities('rules: { MIG401: off }')).toEqual([]);
    });
});

describe('the linter’s own rules', () => {
    test.each(['MIG007', 'MIG008', 'MIG009'])('%s is found in what its page says to avoid, and not in what it prefers', async (id) => {
        const found = explain(id);
        if (found.kind !== 'rule') throw new Error('it is a rule');
        expect(await ids(found.rule.avoid, { inventoried: false })).toContain(id);
        expect(await ids(found.rule.prefer, { inventoried: false })).not.toContain(id);
    });

    test('every id and every name is given once', () => {
        const rules = ruleDocs();
        expect(new Set(rules.flatMap((rule) => [rule.id, rule.name])).size).toBe(rules.length * 2);
    });

    test('an id is explained, also that of an error, and a misspelt one is guessed', () => {
        expect(explain('stale-suppression')).toMatchObject({ kind: 'rule', rule: { id: 'MIG009' } });
        expect(explain('mig001')).toMatchObject({ kind: 'error', id: 'MIG001' });
        expect(explain('stale-supression')).toEqual({ kind: 'unknown', meant: 'stale-suppression' });
    });
});
