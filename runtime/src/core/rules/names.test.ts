import { compileText, type Mention } from '@mig/language';
import { expect, test } from 'vitest';
import { host, inventoryOf, snapshot, vm } from '../testing/builders.js';
import { nowhere, program } from '../testing/program.js';
import { unknownNames } from './names.js';

const seen = snapshot([host('kvm-a', { rack: 'r1', tags: { gen: '4' } }), host('kvm-b')], [vm('db', 'kvm-a', { tags: { pinned: '' } })]);
const mention = (of: Mention['of'], name: string): Mention => ({ of, name, range: nowhere });
const check = (...mentions: readonly Mention[]) => unknownNames(program([], { mentions }), inventoryOf(seen), seen);

test('names that are there are not found', () => {
    expect(
        check(
            mention('host', 'kvm-a'),
            mention('vm', 'db'),
            mention('zone', 'z1'),
            mention('rack', 'r1'),
            mention('tag', 'pinned'),
            mention('tag', 'gen=4'),
            mention('network', 'mig'),
            mention('network', 'br0'),
        ),
    ).toEqual([]);
});

test.each([
    ['host', 'kvm-c', 'MIG121', 'error', 'the inventory has no host "kvm-c"', 'did you mean "kvm-a"?'],
    ['vm', 'dbb', 'MIG122', 'error', 'no host runs a VM "dbb"', 'did you mean "db"?'],
    ['zone', 'z2', 'MIG123', 'error', 'no host of the inventory is in a zone "z2"', 'did you mean "z1"?'],
    ['rack', 'elsewhere', 'MIG124', 'error', 'no host of the inventory is in a rack "elsewhere"', 'known: r1'],
    ['tag', 'pined', 'MIG125', 'warning', 'no VM and no host has a tag "pined"', 'did you mean "pinned"?'],
    ['network', 'mug', 'MIG126', 'error', 'no host has a network "mug"', 'did you mean "mig"?'],
] as const)('an unknown %s is found, with what was meant', (of, name, id, severity, message, hint) => {
    expect(check(mention(of, name))).toMatchObject([{ id, severity, message, hint }]);
});

test('a tag that no VM bears at present is worth a word, and no warning', () => {
    expect(check(mention('tag', 'canary'))).toMatchObject([{ id: 'MIG125', severity: 'info' }]);
});

test('what was meant can be put in its place, where the name stands by itself', async () => {
    const text =
        'policy p {\n  move vm "a", "dbb" where vm.host == "kvm-c" or host.zone in ["z1", "z11"] or vm.tag.pined == "x"\n  to hosts using precopy\n}';
    const { program: made } = await compileText({ uri: 'file:///test.mig', text });
    const fixes = (made ? unknownNames(made, inventoryOf(seen), seen) : []).flatMap((f) => f.fixes);
    // None of them is made without a person: another host than was meant would be moved.
    expect(fixes.map(({ title, edits: [edit], asks }) => [title, edit && marked(text, edit.range), asks])).toEqual([
        ['Change to "db"', '"dbb"', true],
        ['Change to "kvm-a"', '"kvm-c"', true],
        ['Change to "z1"', '"z11"', true],
    ]);
});

test('a VM may be on a host that does not answer', () => {
    const silent = snapshot([host('kvm-a'), host('kvm-b', { unreachable: 'no route' })], []);
    const found = unknownNames(program([], { mentions: [mention('vm', 'db')] }), inventoryOf(silent), silent);
    expect(found).toMatchObject([{ severity: 'warning', message: 'no host runs a VM "db" (but kvm-b does not answer)' }]);
});

test('without a Snapshot nothing is said of VMs and tags', () => {
    const mentions = [mention('vm', 'x'), mention('tag', 'y'), mention('host', 'kvm-z')];
    expect(unknownNames(program([], { mentions }), inventoryOf(seen), undefined).map((f) => f.id)).toEqual(['MIG121']);
});

test('a scenario may name hosts and VMs of its own', () => {
    const range = (from: number, to: number) => ({ source: 0, start: { line: from, character: 0 }, end: { line: to, character: 0 } });
    const scenarios = [{ name: 's', given: [], runs: [], expects: [], nameRange: nowhere, range: range(5, 9) }];
    const made = program([], { scenarios, mentions: [{ of: 'host', name: 'x', range: range(6, 6) }] });
    expect(unknownNames(made, inventoryOf(seen), seen)).toEqual([]);
});

test('an exception for a tag that no VM bears yet is worth no word, unless it looks like a slip', async () => {
    const except = async (tag: string) => {
        const text = `policy p { move vms except vm.tags contains "${tag}"  to hosts  using precopy }`;
        const { program: compiled } = await compileText({ uri: 'file:///test.mig', text });
        if (!compiled) throw new Error('it does not compile');
        return unknownNames(compiled, inventoryOf(seen), seen).map(({ severity }) => severity);
    };
    expect(await except('canary')).toEqual([]);
    expect(await except('pined')).toEqual(['warning']);
});

const marked = (text: string, { start, end }: Mention['range']): string | undefined =>
    text.split('\n')[start.line]?.slice(start.character, end.character);
