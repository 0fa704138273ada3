/** What is told of gangs, against plans on the same hosts emptied, and against every way of spreading the VMs. */
import { fc, test } from '@fast-check/vitest';
import { bytes, type Policy, type Program } from '@mig/language';
import { describe, expect } from 'vitest';
import { parseInventory } from '../inventory/parse.js';
import { hostsFile } from '../rules/example.js';
import type { Snapshot, VmState } from '../model/snapshot.js';
import { gib, host, snapshot, vm } from '../testing/builders.js';
import { compiled, planOf } from '../testing/compiled.js';
import { outlookOf } from './destinations.js';
import { Allowance } from './few.js';
import { type GangTooLarge, gangsTooLarge } from './gangs.js';
import { statedSnapshot } from './worlds.js';

interface Given {
    readonly program: Program;
    readonly policy: Policy;
}

async function drain(gang: string, clauses = ''): Promise<Given> {
    const text = `policy drain { when host is in maintenance move vms on host ${gang} to hosts ${clauses} using precopy { downtime 300 ms; after 5 min: abort } }`;
    const program = await compiled(text);
    const [policy] = program.policies;
    if (!policy) throw new Error('it has no policy');
    return { program, policy };
}

const gangs = ({ policy }: Given, on: Snapshot): readonly GangTooLarge[] => gangsTooLarge(policy, outlookOf(on), new Allowance(1_000_000));

const sized = (sizes: readonly number[], app = 'shop'): readonly VmState[] =>
    sizes.map((size, i) => vm(`${app}${i}`, 'a', { memory: gib(size), tags: { app } }));
const rooms = (...sizes: readonly number[]) => [
    host('a', { maintenance: true, memory: gib(256), memoryFree: gib(200) }),
    ...sizes.map((size, i) => host(`h${i}`, { memory: gib(size), memoryFree: gib(size) })),
];

describe('a gang', () => {
    test('that is larger than any host is told with the largest, and what it has free now', async () => {
        const full = rooms(32, 24).map((one) => (one.name === 'h0' ? { ...one, memoryFree: gib(12) } : one));
        const on = snapshot(full, [...sized([20, 20]), vm('other', 'h0', { memory: gib(20) })]);
        expect(gangs(await drain('together by vm.tag.app'), on)).toMatchObject([
            {
                key: '"shop"',
                needed: gib(40),
                hosts: [{ host: 'h0', room: gib(32), free: gib(12) }, { host: 'h1' }],
                why: { kind: 'no one host has room' },
            },
        ]);
        expect(gangs(await drain('together by vm.tag.app'), snapshot(rooms(32, 24), sized([16, 16])))).toEqual([]);
    });

    test('of which all start or none is told where they cannot be spread, though there is as much memory', async () => {
        const all = await drain('together by vm.tag.app all or none');
        expect(gangs(all, snapshot(rooms(32, 32), sized([20, 20, 20])))).toMatchObject([{ why: { kind: 'no room for all' } }]);
        expect(gangs(all, snapshot(rooms(32, 40), sized([20, 20, 20])))[0]?.why.kind).toBe('no one host has room');
        expect(gangs(all, snapshot(rooms(64, 8), sized([20, 20, 20])))).toEqual([]);
    });

    test('is reckoned with what is kept free, and with the hosts to which it may go', async () => {
        const on = snapshot([...rooms(32, 64), host('z', { zone: 'z2', memory: gib(512), memoryFree: gib(512) })], sized([30, 30]));
        expect(gangs(await drain('together by vm.tag.app'), on)).toEqual([]);
        const near = await drain('together by vm.tag.app', 'where host.zone == source.zone keep 8 GiB of memory free');
        expect(gangs(near, on)).toMatchObject([{ hosts: [{ host: 'h1', room: gib(56) }] }]);
    });

    test('of which one VM has no host is told of that VM', async () => {
        const on = snapshot(rooms(32, 24), sized([40, 4]));
        expect(gangs(await drain('together by vm.tag.app all or none'), on)).toMatchObject([
            { why: { kind: 'one has no host', vm: { name: 'shop0' } } },
        ]);
        expect(gangs(await drain('together by vm.tag.app'), on)).toEqual([]);
    });

    test('is known from an inventory that gives VMs to its hosts', async () => {
        const vms = ['v', 'w'].map((name) => `{ name: ${name}, memory: 20 GiB, tags: [app=x] }`);
        const yaml = hostsFile({ a: { says: ['maintenance: true'], vms: vms.join(', ') }, b: { memory: '32 GiB' } });
        const { inventory } = parseInventory(yaml, 'hosts.yaml');
        const seen = inventory && statedSnapshot(inventory);
        expect(seen && gangs(await drain('together by vm.tag.app'), seen)).toMatchObject([
            { vms: [{ name: 'v' }, { name: 'w' }], hosts: [{ host: 'b' }] },
        ]);
    });
});

const small = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 5 });
const clusters = fc.record({ sizes: small, rooms: fc.array(fc.integer({ min: 2, max: 12 }), { minLength: 1, maxLength: 3 }) });

/** Every way of giving each VM a host. */
function canBeSpread(sizes: readonly number[], left: readonly number[]): boolean {
    const [first, ...others] = sizes;
    if (first === undefined) return true;
    return left.some(
        (room, i) =>
            room >= first &&
            canBeSpread(
                others,
                left.map((other, j) => (j === i ? other - first : other)),
            ),
    );
}

test.prop([clusters], { numRuns: 150 })(
    'a gang of all or none is told exactly where no way of spreading it exists, and no plan moves all of it',
    async (given) => {
        const on = snapshot(rooms(...given.rooms), sized(given.sizes));
        const [found] = gangs(await drain('together by vm.tag.app all or none'), on);
        const never = found !== undefined && found.why.kind !== 'no one host has room';
        expect(never).toBe(!canBeSpread(given.sizes, given.rooms));
        // Gangs are not carried out yet: the same without.
        const plain = await drain('');
        const plan = planOf(plain.program, on);
        expect(plan.unplaced.length === 0).toBe(!never);
    },
);

test.prop([clusters], { numRuns: 100 })('a gang is told to be split exactly where no host takes all of it', async (given) => {
    const on = snapshot(rooms(...given.rooms), sized(given.sizes));
    const total = given.sizes.reduce((sum, size) => sum + size, 0);
    const each = given.sizes.every((size) => given.rooms.some((room) => room >= size));
    const found = gangs(await drain('together by vm.tag.app'), on);
    expect(found.length > 0).toBe(each && given.rooms.every((room) => room < total));
    // With all required to be on one host, no plan moves all of it.
    const bound = await drain('', 'with same vm.tag.app');
    const plan = planOf(bound.program, on);
    if (found.length > 0) expect(plan.unplaced.length).toBeGreaterThan(0);
});

test.prop([clusters, fc.integer({ min: 0, max: 12 })], { numRuns: 60 })(
    'of rooms that are taken now nothing is said',
    async (given, taken) => {
        const empty = snapshot(rooms(...given.rooms), sized(given.sizes));
        const inUse = snapshot(
            empty.hosts.map((one) => (one.name === 'h0' ? { ...one, memoryFree: bytes(Math.max(0, one.memoryFree - gib(taken))) } : one)),
            [...empty.vms, vm('other', 'h0', { memory: bytes(Math.min(gib(taken), gib(given.rooms[0] ?? 0))) })],
        );
        const policy = await drain('together by vm.tag.app all or none');
        expect(gangs(policy, inUse).map(({ why }) => why.kind)).toEqual(gangs(policy, empty).map(({ why }) => why.kind));
    },
);
