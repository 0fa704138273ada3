import { describe, expect, test } from 'vitest';
import { bare, findings, policy, policyText, program } from '../testing/kit.js';

const wrong = (text: string): Promise<readonly string[]> => findings(policyText(text));

describe('which VMs', () => {
    const selection = async (text: string): Promise<unknown> => bare((await policy(text)).selection);

    test.each([
        ['move vms', { kind: 'all' }],
        ['move vm', { kind: 'bound-vm' }],
        ['move vm "a", "b"', { kind: 'named-vms', vms: ['a', 'b'] }],
        ['move vms on host', { kind: 'bound-host' }],
        ['move vms on host "kvm-a"', { kind: 'named-host', host: 'kvm-a' }],
        ['move vms on hosts', { kind: 'hosts' }],
        ['move vms on hosts where host.vms < 3', { kind: 'hosts', where: { kind: 'binary', operator: '<' } }],
    ])('%s', async (text, from) => {
        expect(await selection(text)).toMatchObject({ from });
    });

    test('filters, order, limit and the rest', async () => {
        const found = await selection(`move vms on host
            except vm.tags contains "pinned" except vm.passthrough
            order by vm.memory descending, vm.name
            limit 10%
            until host.memory.used < 75%
            together by vm.tag.app all or none
            quiet when vm.cpu < 10% for 30 s
            only if host becomes empty
            immovable: skip host
            triage by vm.memory`);
        expect(found).toMatchObject({
            except: [{ operator: 'contains' }, { attribute: 'passthrough' }],
            order: [
                { by: { attribute: 'memory' }, direction: 'descending' },
                { by: { attribute: 'name' }, direction: 'ascending' },
            ],
            limit: { kind: 'share', share: 0.1 },
            until: { operator: '<' },
            together: { by: { attribute: 'tag', key: 'app' }, allOrNone: true },
            quietWhen: { kind: 'held', forMs: 30_000 },
            onlyIfEmptied: { start: { line: 9 } },
            immovable: { action: 'skip-host' },
            triage: { by: { attribute: 'memory' } },
        });
    });

    test('a limit is a number or a share', async () => {
        expect(await selection('move vms limit 3')).toMatchObject({ limit: { kind: 'count', count: 3 } });
        expect(await wrong('move vms limit 3 GiB')).toEqual(['MIG203 A limit is a number, and 3 GiB is a size.']);
        expect(await wrong('move vms limit 120%')).toEqual(['MIG206 A limit is out of range: 120% is more than all.']);
        expect(await wrong('move vms limit 2.5')).toEqual(['MIG206 A limit is out of range: 2.5 is no whole number.']);
    });

    test('a time to shut down, where guests are shut down', async () => {
        const { selection } = await policy('move vms immovable: shut down vm within 90 s\nto hosts');
        expect(bare(selection.immovable)).toEqual({ action: 'shut-down', withinMs: 90_000 });
        expect(await wrong('move vms immovable: skip within 90 s\nto hosts')).toEqual([
            'MIG006 A time is given for shutting down, and here no guest is shut down. Write `immovable: shut down vm within …`, or leave the time out.',
        ]);
        expect(await wrong('move vms immovable: shut down vm within 90 MiB\nto hosts')).toEqual([
            expect.stringMatching(/^MIG203 The time to shut down is a duration, and 90 MiB is a size\./),
        ]);
    });
});

describe('where to', () => {
    test('constraints and preferences', async () => {
        const { destination } = await policy(`to hosts where host.zone == source.zone
            keep 10% of memory free keep 2 GiB of memory free keep 20% of cpu free keep 1 host of spare capacity
            apart by vm.tag.role, vm.tag.rack
            with same vm.tag.app
            with networks "front", "back"
            prefer most free memory weight 2, lowest host.cpu when gain > 5%
            otherwise restart elsewhere if fenced`);
        expect(bare(destination)).toMatchObject({
            scope: 'hosts',
            where: [{ operator: '==', left: { entity: 'host' }, right: { entity: 'source' } }],
            keepFree: [
                { resource: 'memory', amount: { kind: 'share', share: 0.1 } },
                { resource: 'memory', amount: { kind: 'size', bytes: 2 * 1024 ** 3 } },
                { resource: 'cpu', amount: { kind: 'share', share: 0.2 } },
            ],
            spareHosts: { count: 1 },
            apart: [{ by: { key: 'role' } }, { by: { key: 'rack' } }],
            with: [{ by: { key: 'app' } }],
            networks: [{ name: 'front' }, { name: 'back' }],
            preferences: [
                { kind: 'most-free-memory', weight: 2 },
                { kind: 'expression', direction: 'lowest', weight: 1, gain: 0.05 },
            ],
            otherwise: { kind: 'restart-if-fenced' },
        });
    });

    test('one host, any host, and the hosts of a group', async () => {
        expect(bare((await policy('to host "b"')).destination.where)).toMatchObject([
            { left: { attribute: 'name' }, right: { value: 'b' } },
        ]);
        expect((await policy('to hosts anywhere')).destination.scope).toBe('anywhere');
        const inGroup = await policy('to hosts in old', 'group old = hosts where host.rack == "1"');
        expect(bare(inGroup.destination.where)).toMatchObject([{ left: { attribute: 'rack' }, right: { value: '1' } }]);
    });

    test('headroom of more than all is refused', async () => {
        expect(await wrong('to hosts keep 110% of memory free')).toEqual(['MIG206 Headroom is out of range: 110% is more than all.']);
        expect(await wrong('to hosts keep 3 of memory free')).toEqual([
            'MIG204 Headroom is a share in percent: 3 needs a unit. Write 3%, say.',
        ]);
    });
});

describe('limits and promises', () => {
    test('caps, floors, reserves and windows', async () => {
        const { bandwidth } = await policy(
            `bandwidth { total uplink / 2; per link 60%; per vm at least 8 Mbit/s; reserve per link 10%; per host unlimited
            between 22:00 and 06:00 on Mon..Wed in "UTC" at end abort: total 2 Gbit/s, per vm 80 Mbit/s }`,
            'param uplink: rate = 8 Mbit/s',
        );
        expect(bare(bandwidth)).toEqual({
            caps: [
                { scope: 'total', kind: 'cap', limit: { kind: 'rate', rate: 500_000 } },
                { scope: 'link', kind: 'cap', limit: { kind: 'share', share: 0.6 } },
                { scope: 'vm', kind: 'floor', limit: { kind: 'rate', rate: 1_000_000 } },
                { scope: 'link', kind: 'reserve', limit: { kind: 'share', share: 0.1 } },
                { scope: 'host', kind: 'cap', limit: { kind: 'unlimited' } },
            ],
            windows: [
                {
                    from: 1320,
                    to: 360,
                    days: [1, 2, 3],
                    timeZone: 'UTC',
                    caps: [
                        { scope: 'total', kind: 'cap', limit: { kind: 'rate', rate: 250_000_000 } },
                        { scope: 'vm', kind: 'cap', limit: { kind: 'rate', rate: 10_000_000 } },
                    ],
                    atEnd: 'abort',
                },
            ],
        });
    });

    test.each([
        ['bandwidth { total 0 }', "MIG205 A cap cannot be 0. With 0 nothing could move: write 'unlimited' where there is no limit."],
        [
            'bandwidth { per vm 0 Mbit/s }',
            "MIG205 A cap cannot be 0. With 0 nothing could move: write 'unlimited' where there is no limit.",
        ],
        ['bandwidth { total 100 }', 'MIG204 A cap is a rate: 100 needs a unit. Write 100 Mbit/s, say.'],
        ['bandwidth { total 100 MiB }', 'MIG203 A cap is a rate, and 100 MiB is a size. Did you mean 100 MiB/s?'],
        ['bandwidth { per link 160% }', 'MIG206 A cap is out of range: 160% is more than all.'],
        [
            'bandwidth { total 60% }',
            "MIG203 A total in percent is a share of nothing in particular: 'total' needs a rate. Write a rate such as 8 Gbit/s, or 'per link' with the share.",
        ],
        ['bandwidth { total 1 Gbit/s total 2 Gbit/s }', "MIG004 A cap 'total' is given twice here. Keep one of the two."],
        ['bandwidth { per vm at least unlimited }', 'MIG208 A floor cannot be unlimited. Leave it out, or give a rate.'],
        ['at most 0 at once per host', 'MIG205 A limit of moves cannot be 0. Leave it out, or write more.'],
        ['require downtime <= 500', 'MIG204 A promise on downtime is a duration: 500 needs a unit. Write 500 ms, say.'],
        ['require traffic < 5 s', 'MIG203 A promise on traffic is a size, and 5 s is a duration. Write 4 GiB, say.'],
        ['require downtime >= 5 s', 'MIG206 A promise bounds downtime from above. Write downtime <= ….'],
        ['cooldown 10', 'MIG204 A cooldown is a duration: 10 needs a unit. Write 10 s, say.'],
        ['cooldown vm.uptime', 'MIG107 vm is not known here: in a fixed value no VM is meant.'],
        [
            'deadline 5 min waive requir',
            "MIG101 A deadline cannot waive 'requir'. What can be waived: require, bandwidth, apart, with, keep, prefer, together, order.",
        ],
        ['verify tcp 70000', 'MIG206 A port is at most 65535.'],
        ['dedup none + vm', "MIG006 'none' stands alone: it cannot be added to other kinds of dedup."],
    ])('%s is refused', async (text, message) => {
        expect(await wrong(text)).toEqual([message]);
    });

    test('how many at once, and what a failure leads to', async () => {
        const found = await policy(`at most 4 at once per host, 8 in all, 2 into each host
            at most 3 at once out of each host, 1 per link
            require hard downtime < 300 ms, eviction time <= 5 min, energy <= 2 kJ
            on failure retry 2 times every 30 s, then other destination, then leave and report, halt plan after 3 failures
            cooldown 10 min
            deadline 1 h waive require, apart`);
        expect(bare(found.concurrency)).toEqual({
            perHost: { count: 4 },
            inAll: { count: 8 },
            intoHost: { count: 2 },
            outOfHost: { count: 3 },
            perLink: { count: 1 },
        });
        expect(bare(found.requires)).toEqual([
            { metric: 'downtime', operator: '<', value: 300, hard: true },
            { metric: 'eviction', operator: '<=', value: 300_000, hard: false },
            { metric: 'energy', operator: '<=', value: 2000, hard: false },
        ]);
        expect(bare(found.onFailure)).toEqual({
            retry: { times: 2, everyMs: 30_000 },
            then: ['other-destination', 'leave', 'report'],
            budget: 3,
        });
        expect(found.cooldownMs).toBe(600_000);
        expect(bare(found.deadline)).toEqual({ ms: 3_600_000, waives: ['require', 'apart'] });
    });
});

describe('around the moves', () => {
    test('verification, hooks, exclusion, order, afterwards', async () => {
        const found = await policy(`move vms
            dedup gang + disk store 2 GiB otherwise zero
            verify tcp 22 from "probe" within 5 s otherwise return home
            verify agent
            before each move on source run "/bin/quiesce", "--now" within 10 s
            after each move run "logger moved"
            never during move of vm "db1", "db2"
            start vms where vm.tag.tier == "web" after vm "db"
            then power off emptied hosts`);
        expect(bare(found.dedup)).toEqual({ kinds: ['gang', 'disk'], storeBytes: 2 * 1024 ** 3, otherwise: ['zero'] });
        expect(bare(found.verify)).toEqual([
            { check: { kind: 'tcp', port: 22 }, from: 'probe', withinMs: 5000, otherwise: 'return-home' },
            { check: { kind: 'agent' } },
        ]);
        expect(bare(found.hooks)).toEqual([
            { when: 'before', command: ['/bin/quiesce', '--now'], on: 'source', withinMs: 10_000 },
            { when: 'after', command: ['sh', '-c', 'logger moved'] },
        ]);
        expect(bare(found.exclusions)).toMatchObject([{ during: { operator: 'in', right: { value: ['db1', 'db2'] } } }]);
        expect(bare(found.ordering)).toMatchObject([{ first: { right: { value: 'db' } }, then: { right: { value: 'web' } } }]);
        expect(bare(found.afterwards)).toEqual([{ kind: 'power-off-emptied-hosts' }]);
    });
});

describe('a policy as a whole', () => {
    test('clauses stand in any order, and those that start alike are told apart', async () => {
        const found = await policy(`move vms
            on failure retry 2 times, then halt plan
            after each move run "x"
            bandwidth { total 1 Gbit/s }
            to hosts prefer even load
            when host is in maintenance
            using precopy`);
        expect(found.onFailure?.then).toEqual(['halt-plan']);
        expect(found.trigger?.kind).toBe('condition');
    });

    test('what it must say, it must say', async () => {
        expect(await findings('policy p { when host is failing }')).toEqual([
            "MIG005 The policy 'p' does not say 'move', 'to' and 'using'. A policy says which VMs it moves ('move vms on host'), where to ('to hosts') and how ('using precopy').",
        ]);
    });

    test('a policy that is like another takes from it what it does not say itself', async () => {
        const { policies } = await program(`
            /** Empty a host. */
            policy base priority 5 { when host is failing move vms on host to hosts using precopy cooldown 5 min }
            policy night like base priority 9 { cooldown 1 h }`);
        expect(policies.map(({ name, priority, cooldownMs, doc }) => [name, priority, cooldownMs, doc])).toEqual([
            ['night', 9, 3_600_000, 'Empty a host.'],
            ['base', 5, 300_000, 'Empty a host.'],
        ]);
        expect(bare(policies[0]?.trigger)).toEqual(bare(policies[1]?.trigger));
    });

    test('a policy cannot be like itself, or like none', async () => {
        expect(await findings('policy a like b {}\npolicy b like a {}')).toEqual([
            "MIG108 The policy 'a' is like itself.",
            "MIG108 The policy 'b' is like itself.",
        ]);
        expect(await findings('policy a like bassic { }\npolicy basic { move vms to hosts using precopy }')).toEqual([
            "MIG103 There is no policy 'bassic'. Did you mean 'basic'?",
        ]);
    });

    test('the words of the language are free to be names', async () => {
        const { policies, groups } = await program(`param order: rate = 1 Mbit/s
            let move = vm.tag.policy == "s" and vm.tag.when == "min"
            group hosts = vms where move
            technique downtime = precopy
            policy s { move vms in hosts where move to hosts using downtime bandwidth { total order } }
            policy policy { move vms to hosts using downtime }
            policy h priority 3 { move vms to hosts using downtime }`);
        expect(policies.map((one) => one.name)).toEqual(['h', 's', 'policy']);
        expect(groups[0]?.name).toBe('hosts');
    });

    test('names that mean something of their own, or twice, are refused', async () => {
        expect(await findings('let vm = 3 > 2\ntechnique precopy = postcopy\nparam a: number = 1\nlet a = 1 > 2')).toEqual([
            "MIG109 'vm' has a meaning of its own here: it cannot be declared. Choose another name.",
            "MIG109 'precopy' has a meaning of its own here: it cannot be declared. Choose another name.",
            "MIG106 'a' is already declared in this file. Give one of the two another name.",
        ]);
    });
});
