import { readFileSync } from 'node:fs';
import { bytesPerSecond, parseQuantity } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { hostFiles, knownHostsText } from './host-files.js';
import { inventoryText } from './inventory-file.js';
import { quote, shapeArguments } from './scripts.js';
import { defaultHosts, defaultLab, placeHosts } from './spec.js';

const [first] = defaultHosts;

describe('placing hosts', () => {
    test('every host has addresses and identities of its own', () => {
        const hosts = placeHosts(defaultLab);
        for (const field of ['controlAddress', 'migrationAddress', 'uuid', 'machineId'] as const) {
            expect(new Set(hosts.map((host) => host[field])).size, field).toBe(3);
        }
    });
    test('the same lab is placed the same way each time', () => expect(placeHosts(defaultLab)).toEqual(placeHosts(defaultLab)));
    test.each([
        ['a lab without hosts', { name: 'x', hosts: [] }, 'at least one host'],
        ['a host named twice', { name: 'x', hosts: [first!, first!] }, 'kvm-a twice'],
        ['a name with a slash', { name: '../x', hosts: [first!] }, "'../x' cannot name a lab"],
        ['a link without a rate', { name: 'x', hosts: [{ ...first!, linkRate: bytesPerSecond(0) }] }, 'above zero'],
    ])('%s is refused', (_, spec, message) => {
        expect(() => placeHosts(spec)).toThrow(message);
    });
});

describe('the inventory', () => {
    test('of the default lab is examples/lab.yaml', () => {
        expect(readFileSync(new URL('../../../../examples/lab.yaml', import.meta.url), 'utf8')).toBe(inventoryText(defaultLab));
    });
    test('names each host once, with readable capacities and its own migration address', () => {
        const inventory = parse(inventoryText(defaultLab)) as {
            hosts: Record<string, { maintenance?: boolean; migration: { address: string }; links: { capacity: string }[] }>;
        };
        expect(Object.keys(inventory.hosts)).toEqual(['kvm-a', 'kvm-b', 'kvm-c']);
        expect(Object.values(inventory.hosts).map((host) => host.maintenance)).toEqual([true, undefined, undefined]);
        expect(inventory.hosts['kvm-b']?.migration.address).toBe('10.66.1.12');
        expect(parseQuantity(inventory.hosts['kvm-b']?.links[0]?.capacity ?? '')).toMatchObject({
            ok: true,
            dimension: 'rate',
            value: 125e6,
        });
    });
});

test('a host gets files of its own, and every private key is for root alone', () => {
    const hosts = placeHosts(defaultLab);
    const files = hostFiles(hosts[1]!, hosts, { hostKey: 'host', identity: 'lab', identityPublic: 'public', knownHosts: 'known' });
    const byPath = new Map(files.map((file) => [file.path, file]));
    expect(byPath.get('/etc/hostname')?.text).toBe('kvm-b\n');
    expect(byPath.get('/etc/hosts')?.text).toContain('10.66.0.13 kvm-c');
    expect(byPath.get('/etc/libvirt/qemu.conf')?.text).toContain('migration_address = "10.66.1.12"');
    expect(files.filter((file) => ['host', 'lab'].includes(file.text)).map((file) => file.mode)).toEqual([0o600, 0o600]);
});

test('known hosts are found by address and by name, without the comments of their keys', () => {
    const hosts = placeHosts(defaultLab).slice(0, 1);
    expect(knownHostsText(hosts, new Map([['kvm-a', 'ssh-ed25519 AAAA comment\n']]))).toBe('10.66.0.11,kvm-a ssh-ed25519 AAAA\n');
});

test('a slow link gets a bucket that still holds two of the largest segments', () => {
    expect(shapeArguments('eth1', bytesPerSecond(125e6)).join(' ')).toContain('rate 1000000000bit burst 1000000b');
    expect(shapeArguments('eth1', bytesPerSecond(1e6)).join(' ')).toContain('rate 8000000bit burst 131072b');
});

test('a word with quotes stays one word in the shell', () => expect(quote("it's")).toBe(String.raw`'it'\''s'`));
