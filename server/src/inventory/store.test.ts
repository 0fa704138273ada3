import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { URI } from 'langium';
import { NodeFileSystem } from 'langium/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InventoryStore, locateInventory } from './store.js';

describe('where the inventory stands', () => {
    const policy = URI.parse('file:///work/policies/drain.mig');
    const folder = URI.parse('file:///work');

    test.each([
        ['what the policy names starts at its folder', 'hosts.yaml', 'other.yaml', 'file:///work/policies/hosts.yaml'],
        ['and may go up', '../hosts.yaml', undefined, 'file:///work/hosts.yaml'],
        ['or be absolute', '/etc/mig/hosts.yaml', undefined, 'file:///etc/mig/hosts.yaml'],
        ['the setting starts at the workspace folder', undefined, 'other.yaml', 'file:///work/other.yaml'],
    ])('%s', (_, named, setting, expected) => {
        expect(locateInventory(policy, named, setting, folder)?.toString()).toBe(expected);
    });

    test('with neither there is none', () => {
        expect(locateInventory(policy, undefined, '', folder)).toBeUndefined();
    });
});

describe('reading', () => {
    let place: string;
    beforeAll(async () => {
        place = await mkdtemp(path.join(tmpdir(), 'mig-inventory-'));
    });
    afterAll(() => rm(place, { recursive: true }));
    const store = new InventoryStore(NodeFileSystem.fileSystemProvider());
    const at = (name: string) => URI.file(path.join(place, name));

    test('an inventory is read, and read anew when its text has changed', async () => {
        await writeFile(path.join(place, 'a.yaml'), 'hosts:\n  alpha: { ssh: alpha }\n');
        const first = await store.read(at('a.yaml'));
        expect(first.inventory?.hosts.map((host) => host.name)).toEqual(['alpha']);
        expect(await store.read(at('a.yaml'))).toBe(first);
        await writeFile(path.join(place, 'a.yaml'), 'hosts:\n  beta: { ssh: beta }\n');
        expect((await store.read(at('a.yaml'))).inventory?.hosts.map((host) => host.name)).toEqual(['beta']);
    });

    test('a file that is not there says so', async () => {
        expect(await store.read(at('none.yaml'))).toMatchObject({ inventory: undefined, problem: 'there is no such file' });
    });

    test('a file with errors says how many, with a finding at the line of each', async () => {
        await writeFile(path.join(place, 'b.yaml'), 'hosts:\n  alpha: { ssh: alpha, zoen: east }\n');
        const { problem, findings } = await store.read(at('b.yaml'));
        expect(problem).toBe('it has an error');
        expect(findings.map((finding) => finding.range.start.line)).toEqual([1]);
    });
});
