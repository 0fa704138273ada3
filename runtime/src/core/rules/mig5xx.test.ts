/** Cases at the edges of the rules on conflicts and on what cannot be met; their own examples are run by rules.test.ts. */
import { compileText, textRules } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { lint } from '../lint/lint.js';
import type { Inventory } from '../model/inventory.js';
import type { Snapshot } from '../model/snapshot.js';
import { gib, host, inventoryOf, snapshot, vm } from '../testing/builders.js';
import { hostRules } from './index.js';
import { findingsOf } from './run.js';

const rules = hostRules.filter(({ id }) => id.startsWith('MIG5'));

interface Where {
    readonly inventory?: Inventory;
    readonly snapshot?: Snapshot;
}

/** `MIG502 …`, of those rules. */
async function found(text: string, { inventory, snapshot: seen }: Where = {}): Promise<readonly string[]> {
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text });
    if (!program) throw new Error(findings.map((f) => f.message).join('\n'));
    return findingsOf(rules, { program, inventory, snapshot: seen }).map(({ id, message }) => `${id} ${message}`);
}

const on = (seen: Snapshot): Where => ({ inventory: inventoryOf(seen), snapshot: seen });
const using = 'using precopy { downtime 300 ms; after 5 min: abort }';

describe('a trigger without release', () => {
    test.each([
        ['fires by maintenance', `when host is in maintenance move vms on host to hosts ${using}`],
        ['is narrowed to a window', `when host.cpu > 90% and between 22:00 and 05:00 move vms on host to hosts ${using}`],
        ['stops where it would not fire', `when host.cpu > 90% move vms on host until host.cpu < 70% to hosts ${using}`],
        ['has a cooldown', `when host.cpu > 90% move vms on host to hosts ${using} cooldown 5 min`],
    ])('is no matter of a policy that %s', async (_, clauses) => {
        expect(await found(`policy p { ${clauses} }`)).toEqual([]);
    });

    test('is told of one condition among schedules, and of a VM that takes its load along', async () => {
        const either = `policy p { at 02:00 every Sat or when cluster.cpu.imbalance > 20% move vms limit 2 to hosts ${using} }`;
        expect(await found(either)).toEqual([
            'MIG502 p fires whenever cluster.cpu.imbalance > 20%, and moves change cluster.cpu.imbalance: it has no release and no cooldown',
        ]);
        expect(await found(`policy p { when vm.cpu > 90% move vm to hosts ${using} }`)).toHaveLength(1);
    });
});

describe('a preference without a gain', () => {
    test.each([
        ['has to empty a host', `when host is in maintenance move vms on host to hosts prefer even load ${using}`],
        ['runs on demand', `move vms to hosts prefer even load ${using}`],
        ['moves VMs to where they belong', `every day at 22:00 move vms to hosts where host.zone == "night" prefer least loaded ${using}`],
    ])('is no matter of a policy that %s', async (_, clauses) => {
        expect(await found(`policy p { ${clauses} }`)).toEqual([]);
    });

    test('is told of a ranking for which all VMs are moved', async () => {
        expect(await found(`policy p { every day at 22:00 move vms to hosts prefer fullest ${using} }`)).toEqual([
            'MIG503 p moves VMs for fullest alone, and a move need not gain anything by it',
        ]);
    });
});

describe('conditions that contradict each other', () => {
    test('are told once of a group and of a policy that others are like', async () => {
        const text = `group odd = vms where vm.vcpus > 8 and vm.vcpus < 4
policy p { on demand move vms in odd to hosts ${using} }
policy q like p { on demand }`;
        expect(await found(text)).toEqual([
            'MIG510 vm.vcpus > 8 and vm.vcpus < 4 cannot both be met, whatever vm.vcpus is: the group odd has no member',
        ]);
    });

    test('are found between where and except', async () => {
        const text = `policy p { on demand move vms where vm.memory > 4 GiB except vm.memory > 2 GiB to hosts ${using} }`;
        expect(await found(text)).toEqual([
            'MIG510 vm.memory > 4 GiB and not vm.memory > 2 GiB cannot both be met, whatever vm.memory is: p takes no VM',
        ]);
    });
});

describe('conditions that compare attributes with each other', () => {
    test.each([
        [
            'host.zone == source.zone and host.zone != source.zone',
            'host.zone == source.zone and host.zone != source.zone cannot both be met, whatever host.zone and source.zone are',
        ],
        [
            'host.cpu > source.cpu and host.memory.used < 80% and host.cpu < source.cpu',
            'host.cpu > source.cpu and host.cpu < source.cpu cannot both be met, whatever host.cpu and source.cpu are',
        ],
        [
            'host.cpus >= source.cpus and source.cpus > 32 and host.cpus <= 16',
            'host.cpus >= source.cpus, source.cpus > 32 and host.cpus <= 16 cannot all be met, whatever host.cpus and source.cpus are',
        ],
    ])('%s is told, with the fewest that contradict each other', async (where, message) => {
        expect(await found(`policy p { on demand move vms to hosts where ${where} ${using} }`)).toEqual([
            `MIG510 ${message}: no host is ever a destination of p`,
        ]);
    });
});

describe('a gang for which there is no room', () => {
    const gang = [20, 24, 28].map((size, i) => vm(`v${i}`, 'a', { memory: gib(size), tags: { app: 'shop' } }));
    const seen = snapshot(
        [
            host('a', { maintenance: true, memory: gib(256), memoryFree: gib(180) }),
            host('b', { memoryFree: gib(30) }),
            host('c', { memory: gib(32), memoryFree: gib(32) }),
        ],
        [...gang, vm('w', 'b', { memory: gib(34) })],
    );
    const drain = (together: string): string =>
        `policy p { when host is in maintenance move vms on host together by ${together} to hosts ${using} }`;

    test('is told with its VMs, their sizes, the largest host and what it has free', async () => {
        expect((await found(drain('vm.tag.app'), on(seen))).filter((one) => one.startsWith('MIG512'))).toEqual([
            'MIG512 the gang of which vm.tag.app is "shop" (v0 20 GiB, v1 24 GiB and v2 28 GiB) needs 72 GiB, more than any host to which it may go has to give: the largest, b, would have 64 GiB if it were empty, and has 30 GiB free now. It will be split',
        ]);
        expect((await found(drain('vm.tag.app all or none'), on(seen))).filter((one) => one.includes('never'))).toEqual([]);
    });

    test('is told to start never, where all of it starts or none, and the hosts are too small together', async () => {
        const smaller = {
            ...seen,
            hosts: seen.hosts.map((one) => (one.name === 'c' ? { ...one, memory: gib(6), memoryFree: gib(6) } : one)),
        };
        expect((await found(drain('vm.tag.app all or none'), on(smaller))).filter((one) => one.startsWith('MIG512'))).toEqual([
            'MIG512 the gang of which vm.tag.app is "shop" (v0 20 GiB, v1 24 GiB and v2 28 GiB) can never start, because all of it starts or none: it needs 72 GiB, and the hosts have 64 GiB together even if they were empty (b 64 GiB); the largest, b, would have 64 GiB if it were empty, and has 30 GiB free now',
        ]);
    });
});

describe('a VM that two take', () => {
    const seen = snapshot([host('a'), host('b')], [vm('v', 'a')]);
    const night = (name: string, at: string, priority = ''): string =>
        `policy ${name}${priority} { every day at ${at} move vms on host "a" to host "b" ${using} }`;

    test('is told of schedules that meet, and not of those that do not', async () => {
        const [claim, ...more] = await found(`${night('p', '22:00')} ${night('q', '22:30')}`, on(seen));
        expect(more).toEqual([]);
        expect(claim).toBe(
            'MIG504 p and q both have priority 0 and both take v of a on Sun 22:30 (UTC); p has it, because it stands first',
        );
        expect(await found(`${night('p', '22:00')} ${night('q', '04:00')}`, on(seen))).toEqual([]);
    });

    test('is settled by a priority, of either or of a third', async () => {
        expect(await found(`${night('p', '22:00')} ${night('q', '22:30', ' priority 1')}`, on(seen))).toEqual([]);
        const three = `${night('p', '22:00')} ${night('q', '22:00')} ${night('r', '22:00', ' priority 1')}`;
        expect(await found(three, on(seen))).toEqual([]);
    });

    test('is told of hosts that are not in maintenance yet', async () => {
        const drain = (name: string): string => `policy ${name} { when host is in maintenance move vms on host to hosts ${using} }`;
        expect(await found(`${drain('p')} ${drain('q')}`, on(seen))).toEqual([
            'MIG504 p and q both have priority 0 and both take v of a once a is in maintenance; p has it, because it stands first',
        ]);
    });
});

describe('spare capacity', () => {
    const three = snapshot([host('a'), host('b'), host('c')], []);
    const keeping = (hosts: string): string =>
        `policy p { every day at 22:00 move vms on hosts where host.cpu < 20% to hosts keep ${hosts} of spare capacity ${using} }`;

    test('cannot be all hosts that are up', async () => {
        expect(await found(keeping('3 hosts'), { inventory: inventoryOf(three) })).toEqual([
            'MIG507 3 hosts of spare capacity cannot be kept: none would be left for the VMs (there are 3: a, b and c)',
        ]);
        expect(await found(keeping('2 hosts'), { inventory: inventoryOf(three) })).toEqual([]);
        const draining = snapshot([host('a', { maintenance: true }), host('b'), host('c')], []);
        expect(await found(keeping('2 hosts'), { inventory: inventoryOf(draining) })).toHaveLength(1);
    });

    test('counts the hosts that a wave works on', async () => {
        const waves = (spare: number): string =>
            `sequence s for each host in waves of 2 keep ${spare} host of spare capacity { drain ${using} reboot within 10 min }`;
        expect(await found(waves(1), { inventory: inventoryOf(three) })).toEqual([
            'MIG507 1 host of spare capacity cannot be kept while 2 are worked on: none would be left for the VMs (there are 3: a, b and c)',
        ]);
    });

    test('cannot be kept where the VMs need more than the others have', async () => {
        const full = ['a', 'b', 'c'].map((name) => host(name, { memoryFree: gib(16) }));
        const vms = ['a', 'b', 'c'].map((name) => vm(`v${name}`, name, { memory: gib(48) }));
        expect(await found(keeping('1 host'), on(snapshot(full, vms)))).toEqual([
            'MIG507 1 host of spare capacity cannot be kept: the VMs need 144 GiB, and the other hosts have 128 GiB',
        ]);
        const fewer = vms.map((one) => ({ ...one, memory: gib(40) }));
        expect(
            await found(
                keeping('1 host'),
                on(
                    snapshot(
                        full.map((one) => ({ ...one, memoryFree: gib(24) })),
                        fewer,
                    ),
                ),
            ),
        ).toEqual([]);
    });
});

describe('a way without return', () => {
    const drain = `policy p { when host is in maintenance move vms on host to hosts ${using} }`;

    test('is told by the CPU of a VM that could not go there either', async () => {
        const seen = snapshot([host('a', { maintenance: true }), host('b')], [vm('v', 'a'), vm('w', 'b')], {
            compatibility: [{ vm: vm('w', 'b').uuid, host: 'a', compatible: false, detail: 'lacks avx512' }],
        });
        expect(await found(drain, on(seen))).toEqual([
            'MIG508 p may move v from a to b, and it may not come back: the CPU of w, which runs on b, does not suit a (lacks avx512)',
        ]);
    });

    test('is none between versions of one series', async () => {
        const versions = (qemu: string) => ({ libvirt: '11.3.0', qemu });
        const seen = (there: string) =>
            snapshot(
                [host('a', { maintenance: true, versions: versions('10.0.1') }), host('b', { versions: versions(there) })],
                [vm('v', 'a')],
            );
        expect(await found(drain, on(seen('10.0.3')))).toEqual([]);
        expect(await found(drain, on(seen('10.1.0')))).toHaveLength(1);
        expect(await found(drain, on(seen('9.2.0')))).toEqual([]);
    });
});

describe('what would take too long', () => {
    const seen = snapshot(
        Array.from({ length: 60 }, (_, i) => host(`h${i}`, { maintenance: i === 0, zone: i === 0 ? 'z0' : 'z1' })),
        Array.from({ length: 120 }, (_, i) => vm(`v${i}`, 'h0', { memory: gib(1), tags: { role: 'x' } })),
    );
    const drains = (count: number): string =>
        Array.from(
            { length: count },
            (_, i) =>
                `policy p${i} priority ${i} { when host is in maintenance move vms on host to hosts where host.zone == source.zone ${using} }`,
        ).join('\n');

    test('is told by rule, with the policies that are left, and the same each time', async () => {
        const told = (await found(drains(4), on(seen))).filter((one) => one.startsWith('MIG500'));
        expect(told).toContain(
            'MIG500 MIG506 (no-host-allowed) did not look at 2 of 4 policies: p1 and p0; with 120 VMs on 60 hosts it would take too long',
        );
        expect((await found(drains(4), on(seen))).filter((one) => one.startsWith('MIG500'))).toEqual(told);
    });

    test('makes no comment stale: what was not looked at may well have been found', async () => {
        const commented = (count: number): string =>
            drains(count).replace('policy p0 ', '// mig-disable-next-line MIG506 -- as it is to be\npolicy p0 ');
        const ids = async (text: string): Promise<readonly string[]> => {
            const { program, findings } = await compileText({ uri: 'file:///test.mig', text });
            const found = lint({
                program,
                findings,
                textRules,
                sources: [{ text }],
                config: undefined,
                inventory: inventoryOf(seen),
                look: { kind: 'seen', snapshot: seen },
            });
            return found.map(({ id }) => id).filter((id) => id === 'MIG009');
        };
        expect(await ids(commented(4))).toEqual([]);
        expect(await ids(commented(1).replace(' where host.zone == source.zone', ''))).toEqual(['MIG009']);
    });

    test('is not told where everything was looked at', async () => {
        expect((await found(drains(1), on(seen))).filter((one) => one.startsWith('MIG500'))).toEqual([]);
    });
});
