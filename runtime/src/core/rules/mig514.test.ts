import { compileText } from '@mig/language';
import { expect, test } from 'vitest';
import { host, inventoryOf, snapshot, vm } from '../testing/builders.js';
import { hostFindings } from './index.js';

const shop = (name: string, on: string, app = 'shop') => vm(name, on, { tags: { app } });
const seen = snapshot([host('a'), host('b'), host('c')], [shop('w1', 'a'), shop('w2', 'a'), shop('w3', 'b'), shop('x', 'a', 'alone')]);

async function found(clauses: string): Promise<readonly string[]> {
    const text = `policy p {\n${clauses}\nto hosts using precopy { after 5 min: abort } on failure report\n}`;
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text });
    if (!program) throw new Error(findings.map(({ message }) => message).join('; '));
    return hostFindings({ program, inventory: inventoryOf(seen), snapshot: seen })
        .filter(({ id }) => id === 'MIG514')
        .map(({ message }) => message);
}

test('a gang is counted over all hosts, or on the host that is emptied', async () => {
    expect(await found('move vms together by vm.tag.app  at most 2 at once in all')).toEqual([
        'the gang of which vm.tag.app is "shop" has 3 VMs (w1, w2 and w3), and at most 2 may move at once in all: it starts in parts',
    ]);
    expect(await found('when host is in maintenance  move vms on host together by vm.tag.app  at most 2 at once in all')).toEqual([]);
    expect(await found('move vms together by vm.tag.app all or none  at most 1 at once per host')).toEqual([
        'the gang of which vm.tag.app is "shop" has 2 VMs on a (w1 and w2), and at most 1 may move at once per host: it can never start, because all of it starts or none',
    ]);
    expect(await found('move vms together by vm.tag.app  at most 1 out of each host')).toHaveLength(1);
});

test('what fits, takes some of its VMs only, or has no limit is left alone', async () => {
    expect(await found('move vms together by vm.tag.app  at most 3 at once in all')).toEqual([]);
    expect(await found('move vms limit 2 together by vm.tag.app  at most 1 at once in all')).toEqual([]);
    expect(await found('move vms where vm.tag.app == "alone" together by vm.tag.app  at most 1 at once in all')).toEqual([]);
    expect(await found('move vms together by vm.tag.app')).toEqual([]);
    expect(await found('move vms together by vm.name  at most 1 at once in all')).toEqual([]);
});
