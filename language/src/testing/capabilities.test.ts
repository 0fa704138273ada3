/**
 * Every capability that the language is to have, one small text each: it parses, links, has the right types, compiles, and
 * is noticed under the id by which the runtime says whether it can carry it out.
 */
import { describe, expect, test } from 'vitest';
import { checks } from '../catalogue/checks.js';
import { type FeatureId, features } from '../catalogue/features.js';
import { compile, findings, policyText as p, program } from './kit.js';

const t = (items: string): string => p(`using precopy { ${items} after 10 min: abort }`);
const s = (items: string): string => `${p('on demand')}\nscenario "s" { run p ${items} }`;
const calendars = 'calendar freeze = [2026-12-24..2027-01-01]\ncalendar holidays = [2026-12-25, 2027-01-01]\n';
const sequence = (settings: string, steps = 'drain; reboot'): string =>
    `group rack40 = hosts where host.rack == "40"\ntechnique patient = precopy { after 10 min: abort }\nfor each host in rack40 ${settings} { ${steps} }`;

type Row = readonly [text: string, ...uses: FeatureId[]];

const capabilities: Readonly<Record<string, readonly Row[]>> = {
    quantities: [
        ...['1 us', '300 ms', '5 s', '2 min', '1.5 h', '1 d'].map((text): Row => [`param a: duration = ${text}`]),
        ...['1 B', '1 KiB', '1 MiB', '1.5 GiB', '1 TiB', '1 kB', '1 MB', '1 GB', '1 TB'].map((text): Row => [`param a: size = ${text}`]),
        ...['1 bit/s', '1 kbit/s', '400Mbit/s', '8 Gbit/s', '1 B/s', '1 KiB/s', '100 MiB/s', '1 GiB/s', '1 MB/s', '1 GB/s'].map(
            (text): Row => [`param a: rate = ${text}`],
        ),
        ['param a: ratio = 60%'],
        ['param a: power = 400 W'],
        ['param a: power = 1.2 kW'],
        ['param a: energy = 20 kJ'],
        ['param a: number = 3'],
        ...[
            'vm.memory / 1 Gbit/s < 30 s',
            'vm.dirty_rate * 10 s < 4 GiB',
            'vm.memory / 10 s > 1 MiB/s',
            'vm.memory / 4 GiB > 2',
            'host.power * 10 s > 5 kJ',
            '5 kJ / host.power > 3 s',
            '20 kJ / 10 s < host.power',
            '10% * vm.memory > 1 GiB',
            'vm.memory - vm.working_set > 1 GiB',
            '100% - vm.cpu > 30%',
            '(vm.memory + 1 GiB) / 8 Gbit/s < 10 min',
            'vm.working_set / vm.memory > 20%',
            '10% + vm.working_set / vm.memory < 50%',
        ].map((text): Row => [`let a = ${text}\n${p('move vms where a')}`]),
        [p('bandwidth { total unlimited }'), 'bandwidth.total'],
    ],
    triggers: [
        [p('when host is in maintenance'), 'trigger.condition'],
        [p('when host.memory.working_set > 90% for 1 min until host.memory.working_set < 75%'), 'trigger.held', 'trigger.release'],
        [p('when host is failing'), 'trigger.failing'],
        [p('at 02:00 every Sat in "Europe/Berlin" for 2 h'), 'trigger.schedule'],
        [p('every day at 22:00'), 'trigger.schedule'],
        [p('every Mon..Fri, Sun at 22:00'), 'trigger.schedule'],
        [p('every 15 min'), 'trigger.schedule'],
        [p('between 22:00 and 05:00 on Mon..Fri in "Europe/Berlin"'), 'trigger.schedule'],
        [p('cron "0 2 * * 6" in "UTC" for 3 h'), 'trigger.schedule'],
        [`param since: time = 22:00\nparam till: time = 05:00\n${p('between since and till on Mon..Fri')}`, 'trigger.schedule'],
        [`param since: time = 22:00\n${p('at (since) every Sat or every day at since')}`, 'trigger.schedule'],
        ...[
            'every day at 22:00 except freeze',
            'every Sat, Sun except freeze, holidays at 22:00 for 2 h',
            'at 02:00 every Sat except freeze, holidays in "Europe/Berlin" for 2 h',
            'every 15 min except freeze',
            'cron "0 2 * * 6" except freeze in "UTC"',
            'between 22:00 and 05:00 on workdays except freeze, holidays',
            'between 22:00 and 05:00 on weekends, holidays',
            'between 22:00 and 05:00 except freeze',
            'every workday at 22:00',
            'when cluster.cpu.imbalance > 20% for 15 min and not on freeze',
            'when cluster.cpu.imbalance > 20% and on Sat, Sun, holidays except freeze in "UTC"',
        ].map((text): Row => [`${calendars}${p(text)}`, 'trigger.schedule']),
        [p('between 22:00 and 05:00 at end abort'), 'trigger.at-end'],
        [p('every day at 22:00 for 6 h at end cap 200 Mbit/s'), 'trigger.at-end'],
        [p('between 22:00 and 05:00 at end finish'), 'trigger.schedule'],
        [p('when metric "avg(node_load1)" > 5 for 5 min'), 'trigger.metric'],
        [p('when host.power > 400 W for 2 min until host.power < 350 W'), 'trigger.condition'],
        [p('when cluster.power > 6 kW for 2 min'), 'trigger.condition'],
        [p('on demand')],
        [p('at 02:00 every Sat or when cluster.cpu.imbalance > 20% for 15 min'), 'trigger.schedule', 'trigger.held'],
        [p('when host is failing and not between 22:00 and 05:00'), 'trigger.failing', 'trigger.schedule'],
        [p('when vm.cpu > 90% for 5 min cooldown 10 min move vm'), 'cooldown'],
    ],
    selection: [
        [p('when host is in maintenance move vms on host')],
        [p('move vms on host "a"')],
        [p('move vms on hosts where host.cpu < 20% for 30 min'), 'select.filter', 'trigger.held'],
        [p('move vm "db1", "db2"')],
        [p('move vms where vm.memory < 4 GiB except vm.tags contains "pinned"'), 'select.filter'],
        [p('move vms where not (vm.tag.app == "shop" or vm.name in ["a", "b"])'), 'select.filter'],
        [`group web = vms where vm.tags contains "web"\n${p('move vms in web')}`, 'select.filter'],
        [`group rack40 = hosts where host.rack == "40"\n${p('move vms on hosts in rack40 to hosts in rack40')}`],
        [p('move vms order by vm.memory descending, vm.name'), 'select.order'],
        [p('move vms limit 10'), 'select.limit'],
        [p('move vms limit 10%'), 'select.limit'],
        [p('when host.memory.used > 90% move vms on host until host.memory.used < 75%'), 'select.until'],
        [p('move vms together by vm.tag.app'), 'select.together'],
        [p('move vms together by vm.tag.app all or none'), 'select.all-or-none'],
        [p('move vms quiet when vm.dirty_rate < 40 MiB/s for 30 s'), 'select.quiet'],
        [p('when host is in maintenance move vms on host only if host becomes empty'), 'select.only-if-emptied'],
        [p('move vms immovable: skip')],
        ...['skip host', 'shut down vm', 'halt plan'].map((action): Row => [p(`move vms immovable: ${action}`), 'select.immovable']),
        [p('move vms triage by vm.memory'), 'select.triage'],
    ],
    destinations: [
        [p('to hosts where host.zone == source.zone and host.rack != source.rack'), 'destination.where'],
        [p('to hosts where host.tags contains "ssd" and host.tag.generation == "5"'), 'destination.where'],
        [p('to hosts where host.cpu < 80%'), 'destination.where'],
        [p('to host "b"'), 'destination.where'],
        [p('to hosts keep 10% of memory free keep 2 GiB of memory free keep 20% of cpu free'), 'destination.keep-free'],
        [p('to hosts keep 10% of memory free per numa node'), 'destination.numa'],
        [p('to hosts keep 4 GiB of hugepages free'), 'destination.hugepages'],
        [p('to hosts keep 25% of hugepages of 1 GiB free per numa node'), 'destination.hugepages', 'destination.numa'],
        [p('to hosts keep 1 host of spare capacity'), 'destination.spare'],
        [p('to hosts with network "storage", "tenant"'), 'destination.networks'],
        [p('to hosts with device "gpu" with profile "realtime"'), 'destination.offers'],
        [p('to hosts apart by vm.tag.role'), 'destination.apart'],
        [p('to hosts with same vm.tag.app'), 'destination.with'],
        [p('to hosts with by vm.tag.app'), 'destination.with'],
        [p('to hosts prefer least loaded weight 2, most free memory'), 'destination.prefer'],
        [p('to hosts prefer fullest prefer lowest host.power weight 0.5'), 'destination.prefer'],
        [p('to hosts prefer even load when gain > 5%'), 'destination.gain'],
        [p('to hosts anywhere'), 'destination.anywhere'],
        [p('to hosts otherwise restart elsewhere if fenced'), 'destination.restart'],
    ],
    techniques: [
        [p('using precopy'), 'technique.precopy'],
        [p('using postcopy'), 'technique.postcopy'],
        [p('using hybrid'), 'technique.hybrid'],
        [p('using stop-and-copy'), 'technique.stop-and-copy'],
        [p('using scatter-gather via 2 hosts'), 'technique.scatter-gather'],
        [p('using scatter-gather via "c", "d"'), 'technique.scatter-gather'],
        [p('using agile'), 'technique.agile'],
        [p('using rdma'), 'technique.rdma'],
        [p('using traffic-sensitive'), 'technique.traffic-sensitive'],
        [p('using agile otherwise scatter-gather via 2 hosts otherwise postcopy'), 'technique.otherwise'],
        [p('using choose { vm.net.tx > 2 * vm.net.rx: postcopy; otherwise: precopy }'), 'technique.choose'],
        ...['duration', 'downtime', 'traffic', 'eviction time', 'impact'].map((goal): Row => [p(`using least ${goal}`), 'technique.goal']),
        [p('using least duration with downtime <= 200 ms, traffic <= 40 GiB'), 'technique.goal', 'require.downtime'],
    ],
    options: [
        [t('downtime 300 ms'), 'option.downtime'],
        [t('streams 4'), 'option.streams'],
        [t('compression zstd level 3'), 'option.compression'],
        [t('compression xbzrle xbzrle cache 256 MiB'), 'option.xbzrle'],
        [t('throttle 20% step 10% up to 80%'), 'option.throttle'],
        [p('using hybrid { postcopy bandwidth 2 Gbit/s }'), 'option.postcopy-bandwidth'],
        [t('hold predicted dirty'), 'option.hold-predicted-dirty'],
        [t('storage copy "vda" at most 40 MiB/s shared "vdb" preseeded "vdc"'), 'option.storage'],
        [t('tls'), 'option.tls'],
        [t('tls off'), 'option.tls'],
        [t('never postcopy, throttle'), 'option.never'],
        [t('compression mt level 6'), 'option.compression-mt'],
        [t('streams 4 zero-copy'), 'option.zero-copy'],
        [t('switchover-ack'), 'option.switchover-ack'],
        [t('dirty-limit 40 MiB/s'), 'option.dirty-limit'],
    ],
    ladders: [
        [t('when stalled for 3 iterations: downtime 450 ms'), 'rung.downtime'],
        [t('when iteration 5: throttle 20% step 10% up to 80%'), 'rung.throttle'],
        [p('using precopy { after 2 min and iteration >= 2: switch to postcopy }'), 'rung.postcopy'],
        [t('when remaining < 64 MiB and elapsed > 30 s: report'), 'rung.report'],
        [t('after 1 min: bandwidth 4 Gbit/s'), 'rung.bandwidth'],
        [p('using precopy { after 5 min: pause }'), 'rung.pause'],
        [p('using precopy { after 5 min: abort }'), 'rung.time-bound'],
        [p('using precopy { when iteration 30: abort }'), 'rung.abort'],
    ],
    dedup: [
        [p('dedup none'), 'dedup.none'],
        ...['zero', 'vm', 'gang', 'cluster', 'disk', 'gang + disk + zero'].map(
            (kinds): Row => [p(`dedup ${kinds} move vms together by vm.tag.app`), 'dedup.pages'],
        ),
        [p('dedup cluster store 4 GiB otherwise zero'), 'dedup.pages'],
    ],
    bandwidth: [
        [p('bandwidth { total 8 Gbit/s; per link 60%; per host 4 Gbit/s; per vm 2 Gbit/s }'), 'bandwidth.link', 'bandwidth.vm'],
        [p('bandwidth { per host 4 Gbit/s }'), 'bandwidth.host'],
        [p('bandwidth { total 8 Gbit/s; per vm at least 200 Mbit/s }'), 'bandwidth.floor'],
        [p('bandwidth { reserve 20% }'), 'bandwidth.reserve'],
        [p('bandwidth { reserve per host 1 Gbit/s }'), 'bandwidth.reserve'],
        [p('bandwidth { total 8 Gbit/s; between 08:00 and 18:00 on Mon..Fri: total 2 Gbit/s }'), 'bandwidth.window'],
        [
            `${calendars}${p('bandwidth { total 8 Gbit/s; between 08:00 and 18:00 on workdays, freeze except holidays: total 2 Gbit/s }')}`,
            'bandwidth.window',
        ],
        ...['finish', 'abort', 'cap'].map(
            (end): Row => [
                p(`bandwidth { total 1 Gbit/s; between 22:00 and 05:00 in "UTC" at end ${end}: total 8 Gbit/s, per vm 2 Gbit/s }`),
                'bandwidth.window',
            ],
        ),
    ],
    'limits and promises': [
        [`param since: time = 22:00\n${p('bandwidth { total 1 Gbit/s; between since and 05:00: total 8 Gbit/s }')}`, 'bandwidth.window'],
        [p('at most 4 at once per host, 8 in all'), 'limit.per-host', 'limit.in-all'],
        [p('at most 2 into each host, 3 out of each host, 4 per link'), 'limit.in', 'limit.out', 'limit.per-link'],
        [p('start vms where vm.tag.tier == "db" before vms where vm.tag.tier == "web"'), 'order.before-after'],
        [p('start vm "a" after vm "b", "c"'), 'order.before-after'],
        [p('require downtime <= 500 ms, blackout < 1 s, brownout <= 30 s, eviction time <= 5 min'), 'require.blackout', 'require.brownout'],
        [p('require duration <= 15 min, traffic <= 40 GiB, energy <= 20 kJ'), 'require.duration', 'require.traffic', 'require.energy'],
        [p('require eviction <= 4 min'), 'require.eviction'],
        [p('require hard downtime <= 500 ms'), 'require.hard'],
        [p('deadline 5 min waive require, bandwidth, apart'), 'deadline'],
        [p('on failure retry 2 times every 30 s, then leave and report'), 'failure.retry', 'failure.leave', 'failure.report'],
        [p('on failure try other destination, then return home'), 'failure.other-destination', 'failure.return-home'],
        [p('on failure leave, halt plan after 3 failures'), 'failure.budget'],
        [p('on failure halt plan'), 'failure.halt-plan'],
        [p('verify tcp 22 from "probe" within 5 s otherwise report'), 'verify'],
        [p('verify agent within 30 s otherwise return home'), 'verify'],
        [p('verify run "/usr/local/bin/answers" within 10 s otherwise halt plan'), 'verify'],
        [p('never during move of vm "db2"'), 'order.exclusion'],
        [p('never during move of vms where vm.tag.role == "db"'), 'order.exclusion'],
        [p('before each move on source run "/usr/local/bin/quiesce", "--now" within 10 s'), 'hook'],
        [p('after each move on destination run "arping" within 5 s'), 'hook'],
    ],
    afterwards: [[p('move vms to hosts prefer fullest then power off emptied hosts'), 'afterwards.power-off']],
    'host sequences': [
        [
            sequence(
                'in waves of 2 keep 1 host of spare capacity',
                'drain using patient; run "upgrade" within 30 min; reboot; wait until host is healthy within 15 min; return moved vms',
            ),
            'sequence',
        ],
        [sequence('start between 22:00 and 05:00 finish inside'), 'sequence'],
        [sequence('start between 22:00 and 05:00 on Mon..Fri in "Europe/Berlin" finish inside continue next night'), 'sequence'],
        [`${calendars}${sequence('start between 22:00 and 05:00 on Sat, holidays except freeze in "UTC"')}`, 'sequence'],
        [sequence('halt plan after 1 failed host'), 'sequence'],
        ['sequence kernels for each host { drain }\nscenario "s" { run kernels; expect failed vms == 0 }', 'sequence', 'scenario'],
        ['sequence kernels for each host where host.zone == "east" { drain }', 'sequence'],
    ],
    emergencies: [
        [`policy p priority 1000 preempt { move vms to hosts anywhere otherwise restart elsewhere if fenced using precopy }`, 'preempt'],
        [`policy p priority 10 { move vms to hosts using precopy }`, 'priority'],
    ],
    composition: [
        ['import "techniques.mig"\npolicy p { move vms to hosts using quick }', 'technique.precopy'],
        ['inventory "rack.yaml"'],
        ['param uplink: rate = 8 Gbit/s'],
        ['param uplink: rate = 8 Gbit/s between 1 Gbit/s and 40 Gbit/s'],
        ['param waves = 2 at least 1 at most 4'],
        ['param zone: string = "east" one of "east", "west"'],
        [
            `param zones: set of string = ["east", "west"] one of "east", "west"\n${p('to hosts where host.zone in zones')}`,
            'destination.where',
        ],
        [`param zones: set of string = []\nlet near = zones\n${p('to hosts where near contains host.zone')}`, 'destination.where'],
        [
            `technique near(disks: set of string = ["a"]) = precopy { when vm.name in disks: report; after 5 min: abort }\n${p('using near(disks: ["b"])')}`,
            'rung.time-bound',
        ],
        [`calendar freeze = [2026-12-24..2027-01-01,\n  2027-4-2]`],
        ['param since: time = 22:00\nparam deep: boolean = false\nparam share: ratio = 60%\nparam half = share / 2'],
        [`let names = ["a", "b"]\n${p('move vms where vm.name in names')}`, 'select.filter'],
        ['let hot = vm.dirty_rate > 100 MiB/s\npolicy p { move vms where not hot to hosts using precopy }', 'select.filter'],
        [
            `technique careful(limit: duration, cap: rate = 1 Gbit/s) = precopy { downtime limit; when iteration 5: bandwidth cap; after 5 min: abort }\n${p('using careful(limit: 100 ms)')}`,
            'option.downtime',
            'rung.bandwidth',
        ],
        [
            'technique patient = precopy { downtime 300 ms; after 5 min: abort }\ntechnique brief = patient { downtime 50 ms }\npolicy p { move vms to hosts using brief }',
            'rung.time-bound',
        ],
        [
            'policy a { when host is in maintenance move vms on host to hosts using precopy }\npolicy b like a priority 5 { using postcopy }',
            'technique.postcopy',
        ],
    ],
    scenarios: [
        [
            s(
                'given host "a" is in maintenance; given vm "db1" { dirty_rate: 400 MiB/s  memory: 32 GiB } given link "migration" { capacity: 1 Gbit/s, latency: 20 ms }',
            ),
            'scenario',
        ],
        [s('given host "b" is failing given vm "x" { host: "a"; tags: ["pinned"] }'), 'scenario'],
        [s('expect moved vms == 6; expect failed vms == 0; expect broken promises == 0; expect duration < 4 min'), 'scenario'],
        [s('expect downtime < 300 ms; expect eviction time < 1 min; expect traffic < 40 GiB; expect energy < 20 kJ'), 'scenario'],
        [s('expect vm "db1" downtime < 300 ms; expect vm "db1" host == "b"; expect every host memory.used < 90%'), 'scenario'],
    ],
};

const read = (): Promise<string> => Promise.resolve('technique quick = precopy { downtime 50 ms; after 1 min: abort }');

describe.each(Object.keys(capabilities))('%s', (area) => {
    test.each((capabilities[area] ?? []).map(([text, ...uses]) => ({ text, uses })))('$text', async ({ text, uses }) => {
        const compiled = await compile(text, { read });
        expect(compiled.findings.filter(({ id }) => id in checks)).toEqual([]);
        expect(compiled.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
        const used = new Set(compiled.program?.uses.map((use) => use.feature));
        expect(uses.filter((feature) => !used.has(feature))).toEqual([]);
    });
});

test('every capability has a text of its own here', () => {
    const shown = new Set(
        Object.values(capabilities)
            .flat()
            .flatMap(([, ...uses]) => uses),
    );
    expect((Object.keys(features) as FeatureId[]).filter((feature) => !shown.has(feature))).toEqual([]);
});

describe('composition', () => {
    const files: Readonly<Record<string, string>> = {
        'a.mig': 'import "b.mig"\nparam here = 1',
        'b.mig': 'import "main.mig"\nparam there = 2',
    };
    const readFile = (of: string): Promise<string | undefined> => Promise.resolve(files[of.split('/').at(-1) ?? '']);

    test('files that import each other in a circle are told so', async () => {
        const found = await findings('import "a.mig"', { read: readFile });
        expect(found.map((one) => one.slice(0, 6))).toContain('MIG003');
    });

    test('a param is set on the command line, then by the environment, then as it stands', async () => {
        const text = 'param a = 1 at most 9\nparam b = 1\nparam c = 1';
        const { params } = await program(text, { set: { a: '3' }, environment: { MIG_A: '2', MIG_B: '2' } });
        expect(params.map((param) => param.value)).toEqual([3, 2, 1]);
    });

    test('a policy takes from the one that it is like what it does not say itself', async () => {
        const text =
            'policy a priority 7 { when host is in maintenance move vms on host to hosts using precopy cooldown 5 min }\npolicy b like a { cooldown 1 min }';
        const { policies } = await program(text);
        const b = policies.find((one) => one.name === 'b');
        expect([b?.priority, b?.trigger?.kind, b?.selection.from.kind, b?.cooldownMs]).toEqual([7, 'condition', 'bound-host', 60_000]);
    });

    test('a policy that is like itself by way of another is told so', async () => {
        const found = await findings('policy a like b { }\npolicy b like a { }');
        expect(found.map((one) => one.slice(0, 6))).toContain('MIG108');
    });
});

describe('what cannot be meant', () => {
    test.each([
        [`param since: duration = 3 h\n${p('between since and 05:00')}`, 'MIG203'],
        [p('between 25:00 and 05:00'), 'MIG210'],
        [p('between dusk and 05:00'), 'MIG101'],
        [p('bandwidth { total 0 Gbit/s }'), 'MIG205'],
        [p('move vms where vm.memory > 1 Gbit/s'), 'MIG202'],
        [p('move vms where vm.vcpus > 20%'), 'MIG202'],
        [p('move vms where vm.memory / 0 > 1 GiB'), 'MIG205'],
        [p('move vms where 1 GiB > 2 GiB'), 'MIG220'],
        [p('move vms where vm.name in []'), 'MIG220'],
        [p('when host.cpu > 90% for 5'), 'MIG204'],
        [`param near: set of string = ["a"]\n${p('to hosts where host.zone == near')}`, 'MIG202'],
        [p('every day at 22:00 except freeze'), 'MIG113'],
        ['calendar freeze = [2026-02-29]', 'MIG210'],
        ['calendar freeze = [2026-12-26..2026-12-24]', 'MIG206'],
        [`calendar freeze = [2026-12-24]\n${p('between 22:00 and 23:00 on freeze except freeze')}`, 'MIG317'],
        [t('downtime 300'), 'MIG204'],
        ['param a: rate = 8 Gbit/s at most 4 Gbit/s', 'MIG206'],
        [`${p('on demand')}\nsequence p for each host { drain }`, 'MIG106'],
        [`${p('on demand')}\nscenario "s" { run q }`, 'MIG103'],
    ])('%s', async (text, id) => {
        expect((await findings(text)).map((one) => one.slice(0, 6))).toContain(id);
    });
});
