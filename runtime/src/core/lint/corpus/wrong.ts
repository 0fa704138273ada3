import { drain } from './policies.js';

/** What is wrong, and a text in which it is marked. */
export const wrong: readonly (readonly [string, string])[] = [
    // ------------------------------------------------------------ names
    ['an attribute that a VM does not have', drain({ move: 'vms on host where vm.⟦MIG105|dirtyrate⟧ > 40 MiB/s' })],
    ['an attribute of the host asked of a VM', drain({ move: 'vms on host where vm.⟦MIG105|zone⟧ == "east"' })],
    ['a state that no host has', drain({ when: 'when host is ⟦MIG105|in maintenanc⟧' })],
    ['a state asked of a VM', drain({ move: 'vms on host where ⟦MIG105|vm is paused⟧' })],
    [
        'a host that the inventory does not have, as source',
        drain({ when: 'on demand', move: 'vms on host ⟦MIG121|"alhpa"⟧ except vm.disks.local > 0' }),
    ],
    ['a host that the inventory does not have, as destination', drain({ to: 'host ⟦MIG121|"bravoo"⟧' })],
    ['one host of a list', drain({ to: 'hosts where host.name in ["alpha", ⟦MIG121|"carlie"⟧]' })],
    [
        'hosts on the way, and places for hooks and checks',
        drain({
            using: 'scatter-gather via ⟦MIG121|"charly"⟧, "bravo" otherwise precopy { after 5 min: abort }',
            more: 'verify tcp 22 from ⟦MIG121|"alhpa"⟧ within 5 s\n  before each move on ⟦MIG121|"bravoo"⟧ run "true"',
        }),
    ],
    ['one VM of several', drain({ when: 'on demand', move: 'vm "web1", ⟦MIG122|"wbe2"⟧' })],
    [
        'a VM beside which nothing is to run',
        drain({ more: 'never during move of vm ⟦MIG122|"web3"⟧; start vm "web1" before vm "web2", ⟦MIG122|"bd1"⟧' }),
    ],
    [
        'a zone in a group, where it is written',
        `group near = hosts where host.zone in ["west", ⟦MIG123|"eats"⟧]\n${drain({ to: 'hosts in near' })}`,
    ],
    ['a rack and a network', drain({ to: 'hosts where host.rack == ⟦MIG124|"r22"⟧ with network ⟦MIG126|"migr"⟧' })],
    ['a tag that looks like a slip', drain({ move: 'vms on host where vm.tags contains ⟦MIG125|"wbe"⟧ except vm.disks.local > 0' })],
    ['a group', `group web = vms where vm.tags contains "web"\n${drain({ move: 'vms in ⟦MIG104|wbe⟧ on host' })}`],
    [
        'a group of hosts where VMs are chosen',
        `group near = hosts where host.zone == "east"\n${drain({ move: 'vms in ⟦MIG203|near⟧ on host' })}`,
    ],
    ['a param that nothing declares', `param uplink: rate = 1 Gbit/s\n${drain({ more: 'bandwidth { total ⟦MIG101|uplnk⟧ }' })}`],
    ['a technique', `technique patient = precopy { after 5 min: abort }\n${drain({ using: '⟦MIG102|pateint⟧' })}`],
    ['a policy that another is like', `${drain()}policy other like ⟦MIG103|drian⟧ { on demand }`],
    [
        'a calendar',
        `calendar freeze = [2027-12-24]\n${drain({ when: 'every day at 22:00 except ⟦MIG113|freez⟧', move: 'vms except vm.disks.local > 0' })}`,
    ],
    [
        'what nothing uses',
        `param ⟦MIG130|uplink⟧ = 1 Gbit/s\nlet ⟦MIG131|hot⟧ = vm.dirty_rate > 40 MiB/s\ngroup ⟦MIG132|web⟧ = vms\ncalendar ⟦MIG139|freeze⟧ = [2027-12-24]\ntechnique ⟦MIG133|spare⟧ = hybrid\n${drain()}`,
    ],
    [
        'a parameter that its technique does not use',
        `technique quick(⟦MIG134|limit⟧: duration = 50 ms) = precopy { downtime 300 ms  after 5 min: abort }\n${drain({ using: 'quick' })}`,
    ],
    ['an import of which nothing is used', `import ⟦MIG135|"shared.mig"⟧\n${drain()}`],
    ['an import that is not there', `import ⟦MIG002|"gone.mig"⟧\n${drain()}`],
    ['an import that leads back', `import ⟦MIG003|"circle.mig"⟧\n${drain()}`],
    [
        'a name that hides another',
        `param limit: duration = 300 ms\ntechnique quick(⟦MIG136|limit⟧: duration = 50 ms) = precopy { downtime limit  after 5 min: abort }\n${drain({ using: 'quick otherwise precopy { downtime limit  after 5 min: abort }' })}`,
    ],
    ['two policies of one name', `${drain()}policy ⟦MIG106|drain⟧ { on demand  move vm "web1"  to hosts  using precopy }`],
    [
        'techniques that need each other',
        `technique ⟦MIG108|one⟧ = two { downtime 50 ms }\ntechnique ⟦MIG108|two⟧ = choose { vm.cpu > 50%: one  otherwise: precopy }\n${drain({ using: 'one' })}`,
    ],
    ['policies that are like each other', 'policy a like ⟦MIG108|b⟧ { on demand }\npolicy b like ⟦MIG108|a⟧ { on demand }'],
    ['a scenario that runs nothing', `${drain()}scenario ⟦MIG005|"empty"⟧ { given host "alpha" is in maintenance }`],
    ['a scenario that can never fail', `${drain()}⟦MIG137|scenario "blind" { run drain }⟧`],
    ['a second inventory', `inventory "hosts.yaml"\n⟦MIG004|inventory "others.yaml"⟧\n${drain()}`],
    ['clauses given twice', drain({ more: 'cooldown 5 min\n  ⟦MIG004|cooldown 10 min⟧' })],
    ['a policy without its verbs', 'policy ⟦MIG005|idle⟧ { when host is in maintenance  move vms on host }'],
    [
        'arguments of a technique',
        `import "shared.mig"\n${drain({ using: 'patient(limit: 300 ms, ⟦MIG004|limit⟧: 30 ms, ⟦MIG101|limits⟧: 2)' })}`,
    ],
    ['an argument of another kind', `import "shared.mig"\n${drain({ using: 'patient(limit: ⟦MIG203|300 MiB⟧)' })}`],
    ['a trigger that names no host', drain({ when: 'every day at 22:00', move: 'vms ⟦MIG140|on host⟧ except vm.disks.local > 0' })],
    [
        'a trigger that names no VM',
        drain({
            when: 'when cluster.cpu.imbalance > 20% for 5 min',
            move: '⟦MIG140|vm⟧ except vm.tags contains "pinned"',
            more: 'cooldown 10 min',
        }),
    ],

    // ------------------------------------------------------------ types and units
    ['unlike dimensions', drain({ when: 'when ⟦MIG202|host.memory.free < 100 MiB/s⟧ for 1 min', more: 'cooldown 10 min' })],
    ['a sum of unlike things', `let wrong = ⟦MIG202|4 GiB + 100 MiB/s⟧\n${drain({ move: 'vms on host where vm.memory > wrong' })}`],
    ['a size where a rate is meant', drain({ more: 'bandwidth { total ⟦MIG203|1 GiB⟧ }' })],
    [
        'units of other trades',
        drain({
            more: 'bandwidth { total ⟦MIG201|1 Gbps⟧; per vm ⟦MIG201|100 Mb/s⟧ }',
            using: 'precopy { downtime ⟦MIG201|300 msec⟧  after 5 min: abort }',
        }),
    ],
    ['a unit that breaks off', drain({ more: 'bandwidth { per vm 100 ⟦MIG001|Mbits/s⟧ }' })],
    ['bytes for bits', drain({ more: 'bandwidth { total 1 Gbit/s; ⟦MIG222|⟦MIG313|per vm 800 MiB/s⟧⟧ }' })],
    ['MB where MiB matters', drain({ move: 'vms on host where vm.memory <= ⟦MIG221|512 MB⟧' })],
    [
        'bare numbers',
        drain({
            when: 'when host.cpu > 80% for ⟦MIG204|5⟧',
            using: 'precopy { downtime ⟦MIG204|300⟧  after ⟦MIG204|5⟧: abort }',
            more: 'cooldown ⟦MIG204|10⟧',
        }),
    ],
    ['zero for unlimited', drain({ more: 'bandwidth { total ⟦MIG205|0 Gbit/s⟧ }\n  at most ⟦MIG205|0⟧ at once per host' })],
    ['shares of more than all', drain({ to: 'hosts keep ⟦MIG206|130%⟧ of memory free', move: 'vms on host limit ⟦MIG206|120%⟧' })],
    [
        'less than nothing',
        drain({ move: 'vms on host limit ⟦MIG206|-3⟧', when: 'when host.cpu > 80% for ⟦MIG206|-5 min⟧', more: 'cooldown 10 min' }),
    ],
    [
        'times and days that do not exist',
        `calendar freeze = [⟦MIG210|2027-02-30⟧]\n${drain({ when: 'at ⟦MIG210|25:00⟧ every Sun except freeze in ⟦MIG210|"Europe/Berln"⟧', move: 'vm "web1"' })}`,
    ],
    [
        'a value that depends on what is observed',
        drain({ using: 'precopy { downtime ⟦MIG107|vm⟧.memory / 1 GiB * 10 ms  after 5 min: abort }' }),
    ],
    [
        'unlimited where there must be an end',
        drain({ using: 'precopy { downtime ⟦MIG208|unlimited⟧  after 5 min: abort }', more: 'deadline ⟦MIG208|unlimited⟧' }),
    ],
    [
        'what is always so',
        drain({
            move: 'vms on host where ⟦MIG220|vm.dirty_rate >= 0 B/s⟧ and ⟦MIG220|vm.net.tx >= vm.net.tx⟧ except vm.disks.local > 0',
            to: 'hosts where ⟦MIG220|host.cpu <= 100%⟧',
        }),
    ],
    ['what is never so', drain({ when: 'when ⟦MIG220|host.memory.used > 190%⟧ for 1 min', more: 'cooldown 10 min' })],
    ['an unknown that decides', drain({ move: 'vms on host except ⟦MIG223|vm.tag.app == "blog"⟧ except vm.disks.local > 0' })],
    ['a condition that is none', drain({ move: 'vms on host where ⟦MIG203|vm.memory⟧', to: 'hosts where ⟦MIG203|host.zone⟧' })],
    [
        'a param out of its bounds, and one without a value',
        `param ⟦MIG209|low⟧: rate\nparam high: rate = ⟦MIG206|20 Gbit/s⟧ at most 10 Gbit/s\n${drain({ more: 'bandwidth { total low; per vm high }' })}`,
    ],

    // ------------------------------------------------------------ ladders and limits
    [
        'a ladder without an end, in a technique that several policies share',
        `technique endless = ⟦MIG303|precopy { when stalled for 3 iterations: downtime 450 ms }⟧\n${drain({ using: 'endless' })}policy other like drain priority 2 { on demand }`,
    ],
    [
        'rungs that can never fire',
        drain({
            using: 'precopy {\n    after 2 min: abort\n    ⟦MIG304|after 5 min: downtime 900 ms⟧\n    ⟦MIG304|when iteration 3 and iteration < 2: downtime 500 ms⟧\n  }',
        }),
    ],
    [
        'rungs out of order',
        drain({
            using: 'precopy {\n    when stalled for 5 iterations: bandwidth 2 Gbit/s\n    ⟦MIG305|when stalled for 3 iterations: downtime 450 ms⟧\n    after 10 min: abort\n  }',
        }),
    ],
    [
        'a rung that takes back',
        drain({ using: 'precopy { after 2 min: downtime 900 ms  ⟦MIG306|after 3 min: downtime 600 ms⟧  after 4 min: pause }' }),
    ],
    [
        'abort, throttle and downtime after the switch',
        drain({
            when: 'on demand',
            move: 'vm "batch1"',
            using: 'precopy {\n    after 2 min: switch to postcopy\n    ⟦MIG307|after 3 min: downtime 900 ms⟧\n    ⟦MIG307|after 4 min: throttle 30%⟧\n    ⟦MIG307|after 5 min: abort⟧\n  }',
        }),
    ],
    [
        'a rung that the technique forbids',
        drain({ using: 'precopy { never postcopy  ⟦MIG308|after 2 min: switch to postcopy⟧  after 5 min: abort }' }),
    ],
    [
        'rungs beyond a promise',
        drain({ using: 'precopy { after 2 min: downtime 900 ms  after 5 min: abort }', more: 'require ⟦MIG309|downtime <= 500 ms⟧' }),
    ],
    [
        'an option beyond a hard promise',
        drain({ using: 'precopy { downtime 700 ms  after 5 min: abort }', more: 'require ⟦MIG310|hard downtime <= 500 ms⟧' }),
    ],
    [
        'a gang wider than its limit',
        drain({ when: 'on demand', move: 'vm "web1", "web2", "batch1" ⟦MIG311|together by "all"⟧', more: 'at most 2 at once in all' }),
    ],
    [
        'floors over caps',
        drain({
            more: 'bandwidth { total 1 Gbit/s; ⟦MIG312|per vm at least 2 Gbit/s⟧; per host 100 MiB/s; ⟦MIG312|per host at least 900 Mbit/s⟧ }',
        }),
    ],
    [
        'a floor over the cap of a window',
        drain({ more: 'bandwidth { total 4 Gbit/s; ⟦MIG312|per vm at least 1 Gbit/s⟧; between 08:00 and 18:00: total 500 Mbit/s }' }),
    ],
    ['caps that cannot all bind', drain({ more: 'bandwidth { total 1 Gbit/s; ⟦MIG313|per vm 2 Gbit/s⟧ }' })],
    ['limits that cannot all bind', drain({ more: 'at most 4 at once in all, ⟦MIG314|8 per host⟧' })],
    [
        'a throttle that QEMU refuses',
        drain({
            when: 'on demand',
            move: 'vm "batch1"',
            using: 'precopy { ⟦MIG315|after 1 min: throttle 90% step 5% up to 50%⟧  after 5 min: abort }',
        }),
    ],
    [
        'figures that every QEMU refuses',
        drain({ when: 'on demand', move: 'vm "batch1"', using: '⟦MIG316|precopy { streams 300  after 5 min: abort }⟧' }),
    ],
    ['a date that no year has', drain({ when: '⟦MIG317|cron "0 2 30 2 *"⟧', move: 'vm "web1"' })],
    [
        'a rung, a promise and tries after the deadline',
        drain({
            using: 'precopy { ⟦MIG319|after 4 min: downtime 3 s⟧  after 6 min: abort }',
            more: 'require ⟦MIG321|duration <= 3 min⟧\n  deadline 2 min',
        }).replace('on failure leave and report', '⟦MIG320|on failure retry 10 times every 1 min, then leave⟧'),
    ],
    ['tries without a pause', drain().replace('on failure leave and report', '⟦MIG320|on failure retry 10000 times, then leave⟧')],
    [
        'a cap under the dirty rate',
        `let hot = vm.dirty_rate > 200 MiB/s\n${drain({ when: 'on demand', move: 'vms where hot', using: 'precopy', more: 'bandwidth { ⟦MIG322|total 1 Gbit/s⟧ }' })}`,
    ],
    [
        'branches that are never reached',
        drain({
            using: 'choose { vm.memory > 4 GiB: precopy { after 3 min: abort }  ⟦MIG323|vm.memory > 8 GiB: hybrid⟧  otherwise: precopy { after 5 min: abort } }',
        }),
    ],
    [
        'a choice without an end, by another name',
        `technique big = choose { vm.memory > 4 GiB: hybrid }\n${drain({ using: '⟦MIG324|big⟧' })}`,
    ],

    // ------------------------------------------------------------ hosts and versions
    [
        'an option that a version does not know',
        drain({
            when: 'on demand',
            move: 'vm "web1"',
            to: 'host "charlie"',
            using: '⟦MIG402|precopy { switchover-ack  after 5 min: abort }⟧',
        }),
    ],
    [
        'an option that a version ignores',
        drain({
            when: 'on demand',
            move: 'vm "web1"',
            to: 'host "charlie"',
            using: '⟦MIG402|⟦MIG403|precopy { streams 2  compression zstd level 9  after 5 min: abort }⟧⟧',
        }),
    ],
    [
        'streams and post-copy before 10.1',
        drain({ when: 'on demand', move: 'vm "web2"', to: 'host "charlie"', using: '⟦MIG404|hybrid { streams 4 }⟧' }),
    ],
    [
        'two versions that do not understand each other',
        drain({ when: 'on demand', move: 'vm "web1"', to: 'host "bravo"', using: '⟦MIG405|precopy { streams 4  after 5 min: abort }⟧' }),
    ],
    [
        'compression that is gone',
        drain({
            when: 'on demand',
            move: 'vm "web2"',
            to: 'host "charlie"',
            using: '⟦MIG402|precopy { compression mt  after 5 min: abort }⟧',
        }),
    ],
    [
        'zero-copy with TLS',
        drain({
            when: 'on demand',
            move: 'vm "web2"',
            to: 'host "charlie"',
            using: '⟦MIG406|precopy { zero-copy  streams 2  tls  after 5 min: abort }⟧',
        }),
    ],
    [
        'a throttle where the monitor is denied',
        drain({
            when: 'on demand',
            move: 'vms on host "alpha" where vm.tags contains "web"',
            using: '⟦MIG408|precopy { after 1 min: throttle 30%  after 5 min: abort }⟧',
        }),
    ],
    ['a local disk that nothing copies', drain({ move: 'vms on host' }).replace('move vms on host', '⟦MIG410|move vms on host⟧')],
    ['a copy of disks with post-copy', drain({ move: 'vms on host', using: '⟦MIG406|hybrid { storage copy "vdb" }⟧' })],
    ['post-copy from a failing host', drain({ when: 'when host is failing', using: '⟦MIG414|postcopy⟧' })],
    ['post-copy, and not a word on failure', drain({ using: '⟦MIG415|hybrid⟧' }).replace('  on failure leave and report\n', '')],
    ['never, and yet', drain({ using: '⟦MIG416|hybrid { never postcopy }⟧' })],
    ['an xbzrle cache of another size', drain({ using: 'precopy { xbzrle cache ⟦MIG418|100 MiB⟧  after 5 min: abort }' })],
    [
        'certificates that are not there',
        drain({ when: 'on demand', move: 'vm "web1"', to: 'host "charlie"', using: '⟦MIG422|precopy { tls  after 5 min: abort }⟧' }),
    ],
    [
        'relays without Node.js',
        drain({ when: 'on demand', move: 'vm "web1"', to: 'host "bravo"', using: '⟦MIG423|scatter-gather via 1 host⟧' }),
    ],
    [
        'more hosts on the way than there are',
        drain({ when: 'on demand', move: 'vm "web2"', to: 'host "charlie"', using: '⟦MIG407|⟦MIG423|scatter-gather via 4 hosts⟧⟧' }),
    ],
    ['a device with a slip in its name', drain({ to: 'hosts with device ⟦MIG424|"gpu-a10"⟧' })],
    [
        'huge pages that no host has',
        drain({ when: 'on demand', move: 'vm "web2"', to: 'host "alpha" ⟦MIG425|keep 16 GiB of hugepages of 1 GiB free⟧' }),
    ],

    // ------------------------------------------------------------ conflicts and thrash
    [
        'two policies that undo each other',
        `policy ⟦MIG501|spread⟧ { when cluster.memory.imbalance > 20%  move vms immovable: skip host  to hosts prefer ⟦MIG503|even load⟧  using precopy { after 5 min: abort }  on failure report  cooldown 10 min }\npolicy pack { when host.cpu < 20% for 30 min  move vms on host immovable: skip host  to hosts prefer fullest  using precopy { after 5 min: abort }  on failure report  cooldown 1 h }`,
    ],
    [
        'a trigger without a release',
        drain({ when: 'when ⟦MIG502|host.memory.used > 80%⟧', move: 'vms on host except vm.disks.local > 0 limit 2' }),
    ],
    [
        'a release on the wrong side',
        drain({
            when: 'when host.memory.used > 80% until ⟦MIG502|host.memory.used < 90%⟧',
            move: 'vms on host except vm.disks.local > 0 limit 2',
        }),
    ],
    [
        'a preference without a gain',
        drain({ when: 'every day at 22:00', move: 'vms except vm.disks.local > 0', to: 'hosts prefer ⟦MIG503|even load⟧' }),
    ],
    [
        'a VM that two policies take',
        `${drain({ move: 'vms on host where vm.tags contains "web"' })}${drain({ head: '⟦MIG504|small⟧', move: 'vms on host where vm.memory < 8 GiB' })}`,
    ],
    [
        'VMs that have to be apart on too few hosts',
        drain({ move: 'vms on host immovable: skip host', to: 'hosts apart by ⟦MIG505|vm.vcpus⟧' }),
    ],
    ['constraints that exclude every host', drain({ to: 'hosts where ⟦MIG506|host.zone == "west"⟧ where host.rack == "r1"' })],
    [
        'a destination that is the host that is left',
        drain({ when: 'on demand', move: 'vms on hosts where host.zone == "west"', to: 'hosts where ⟦MIG506|host.zone == "west"⟧' }),
    ],
    ['more hosts to spare than there are', drain({ to: 'hosts ⟦MIG507|keep 3 hosts of spare capacity⟧' })],
    ['more memory free than any host has', drain({ to: 'hosts ⟦MIG507|keep 500 GiB of memory free⟧' })],
    [
        'conditions that exclude each other, across a group',
        `group big = vms where vm.memory > 32 GiB\n${drain({ move: 'vms in big on host where ⟦MIG510|vm.memory < 16 GiB⟧' })}`,
    ],
    ['a VM by name that its condition excludes', drain({ when: 'on demand', move: 'vm "web1" where ⟦MIG510|vm.name == "web2"⟧' })],
    ['destinations in maintenance', drain({ to: 'hosts where ⟦MIG510|host is in maintenance⟧' })],
    ['alike and apart', drain({ to: 'hosts with same ⟦MIG510|vm.tag.app⟧ apart by vm.tag.app' })],
    [
        'a branch that those above it leave nothing',
        drain({
            using: 'choose { vm.net.tx > 2 * vm.net.rx: hybrid  vm.net.rx > 2 * vm.net.tx: precopy  ⟦MIG513|vm.net.tx > 3 * vm.net.rx: precopy { after 5 min: abort }⟧  otherwise: hybrid }',
        }),
    ],
    [
        'a gang wider than may move at once, as things are',
        drain({
            when: 'on demand',
            move: 'vms where vm.tags contains "web" ⟦MIG514|together by vm.memory⟧',
            more: 'at most 1 at once in all',
        }),
    ],
    [
        'orders that go round in a circle',
        drain({ more: 'start vm "web1" before vm "web2"\n  ⟦MIG515|start vm "web1", "batch1" after vm "web2"⟧' }),
    ],

    // ------------------------------------------------------------ several at once, and far apart
    [
        'in a clause that another policy inherits, told once and where it stands',
        `${drain({ move: 'vms on host where vm.memory > 8 GiB and ⟦MIG510|vm.memory < 4 GiB⟧' })}policy other like drain priority 3 { on demand }\npolicy third like other priority 4 { to host "bravo" }`,
    ],
    [
        'in what a policy changes of another',
        `${drain()}policy other like drain priority 3 { when ⟦MIG220|host.cpu > 120%⟧  cooldown 5 min }`,
    ],
    [
        'in an imported technique that is changed here',
        `import "shared.mig"\n${drain({ using: '⟦MIG303|patient { after 20 min: downtime 2 s }⟧' })}`,
    ],
    ['an imported ladder without an end is told where it stands, and not here', `import "shared.mig"\n${drain({ using: 'endless' })}`],
    [
        'in a branch of a choice, in a shared technique',
        `technique careful = choose {\n  vm.memory > 8 GiB: precopy { after 2 min: abort  ⟦MIG304|after 4 min: report⟧ }\n  otherwise: hybrid\n}\n${drain({ using: 'careful' })}`,
    ],
    [
        'with an argument that breaks what its default does not',
        `technique quick(most: duration = 2 min) = precopy { after most: abort  after 3 min: abort }\n${drain({ using: 'quick' })}`.replace(
            'after 3 min: abort }',
            '⟦MIG304|after 3 min: abort⟧ }',
        ),
    ],
    [
        'in a scenario',
        `${drain()}scenario "s" {\n  given vm "web1" { ⟦MIG105|memori⟧: 3 GiB }\n  run ⟦MIG103|drian⟧\n  expect moved vms == 1\n}`,
    ],
    [
        'four of one kind in one file',
        `param cap: rate = ⟦MIG203|3 GiB⟧\n${drain({ when: 'when host is ⟦MIG105|failng⟧', move: 'vms on host where vm.⟦MIG105|memry⟧ > 4 GiB', using: '⟦MIG102|precpy⟧', more: 'bandwidth { total cap }' })}`,
    ],
    [
        'beside a comment that silences another line',
        drain({
            more: '// mig-disable-next-line MIG314 -- there is one link only\n  at most 4 at once in all, 8 per host\n  bandwidth { total 1 Gbit/s; ⟦MIG313|per vm 2 Gbit/s⟧ }',
        }),
    ],
];
