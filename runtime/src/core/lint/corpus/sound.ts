import { drain } from './policies.js';

const least = 'except vm.disks.local > 0';

/** What is unusual about it, and the text: each of them is right, and has nothing that a rule should speak of. */
export const sound: readonly (readonly [string, string])[] = [
    [
        'words of the language as names',
        `param vms = 2\nlet total = vm.memory > 4 GiB\ngroup hosts = hosts where host.zone == "east"\ntechnique pause = precopy { after 5 min: abort }\n${drain({ head: 'policy', move: `vms on host where total ${least} limit vms`, to: 'hosts in hosts', using: 'pause' })}`,
    ],
    ['everything on one line', drain().replaceAll(/\s+/g, ' ')],
    [
        'a comment between any two words',
        drain()
            .replaceAll(/(?<=[a-z]) (?=\w)(?!failure)/g, ' /* c */ ')
            .replaceAll('is /* c */ in /* c */ maintenance', 'is in maintenance'),
    ],
    [
        'windows over midnight that meet at one minute',
        drain({ when: 'when between 22:00 and 02:00 and between 01:59 and 05:00', move: 'vm "web1"' }),
    ],
    [
        'a day that begins where another is ruled out',
        drain({ when: 'when between 23:00 and 03:00 on Mon and not on Mon', move: 'vm "web1"' }),
    ],
    ['weekends, but for Sundays', drain({ when: 'when on weekends and not on Sun', move: 'vm "web1"' })],
    ['the 29th of February', drain({ when: 'cron "0 2 29 2 *"', move: 'vm "web1"' })],
    [
        'a calendar with holes',
        `calendar freeze = [2027-12-20..2027-12-24, 2027-12-26..2027-12-31]\ncalendar feast = [2027-12-24..2027-12-26]\n${drain({ when: 'when on feast and not on freeze', move: 'vm "web1"' })}`,
    ],
    [
        'thresholds of one figure that are well apart, over different times',
        drain({
            when: 'when host.memory.used > 90% for 5 min until host.memory.used < 75% for 10 min',
            move: `vms on host ${least} limit 2`,
        }),
    ],
    [
        'a release by another figure than the one that fires',
        drain({ when: 'when host.memory.used > 90% until host.cpu < 30%', move: `vms on host ${least} limit 2` }),
    ],
    [
        'a release with a way out',
        drain({
            when: 'when host.memory.used > 90% until host.memory.used < 75% or host is in maintenance',
            move: `vms on host ${least} limit 2`,
        }),
    ],
    [
        'a load that is judged by its cooldown alone',
        drain({ when: 'when host.cpu > 85% for 10 min', move: `vms on host ${least} limit 1`, more: 'cooldown 1 h' }),
    ],
    [
        'a ladder of which two rungs are due at one time',
        drain({ using: 'precopy {\n    after 2 min: report\n    after 2 min: downtime 500 ms\n    after 5 min: abort\n  }' }),
    ],
    [
        'a switch that depends on what is left, and an abort below it',
        drain({ using: 'precopy {\n    after 2 min and remaining > 4 GiB: switch to postcopy\n    after 8 min: abort\n  }' }),
    ],
    [
        'a stall that is longer than an iteration is late',
        drain({
            using: 'precopy {\n    when iteration 12: downtime 500 ms\n    when stalled for 3 iterations: downtime 700 ms\n    after 10 min: abort\n  }',
        }),
    ],
    ['a ladder that ends in a pause', drain({ using: 'precopy { when stalled for 3 iterations: downtime 1 s  after 8 min: pause }' })],
    [
        'a technique with parameters, used with others than its defaults',
        `technique careful(limit: duration, most: duration = 10 min) = precopy {\n  downtime limit\n  when stalled for 3 iterations: downtime 2 * limit\n  after most: abort\n}\n${drain({ using: 'careful(limit: 100 ms, most: 3 min) otherwise careful(limit: 300 ms)' })}`,
    ],
    [
        'techniques made of techniques, and a choice within a choice',
        `technique calm = precopy { after 10 min: abort }\ntechnique calmer = calm { downtime 100 ms }\ntechnique by_size = choose {\n  vm.memory > 32 GiB: choose { vm.dirty_rate > 40 MiB/s: hybrid  otherwise: calmer }\n  otherwise: calm\n}\n${drain({ using: 'by_size' })}`,
    ],
    [
        'branches that overlap, and none of them covers the next',
        drain({
            using: 'choose { vm.memory > 8 GiB and vm.dirty_rate > 40 MiB/s: hybrid  vm.memory > 4 GiB: precopy { after 5 min: abort }  vm.dirty_rate > 80 MiB/s: postcopy  otherwise: precopy { after 5 min: abort } }',
        }),
    ],
    [
        'a cap per VM that binds beside a total, and a floor at the cap',
        drain({ more: 'bandwidth { total 2 Gbit/s; per host 2 Gbit/s; per vm 800 Mbit/s; per vm at least 800 Mbit/s }' }),
    ],
    [
        'a window that lifts a cap, under a floor that only then has room',
        drain({
            more: 'bandwidth { total 4 Gbit/s; per vm at least 500 Mbit/s; between 08:00 and 18:00 on workdays: total 1 Gbit/s; between 22:00 and 05:00: total unlimited }',
        }),
    ],
    ['bytes per second where they are meant', drain({ more: 'bandwidth { total 10 Gbit/s; per vm 100 MiB/s }' })],
    ['limits that count unlike moves', drain({ more: 'at most 2 into each host, 3 out of each host, 4 per host, 8 in all' })],
    [
        'busy VMs that are moved by post-copy, under a cap',
        drain({ move: `vms on host where vm.dirty_rate > 200 MiB/s ${least}`, using: 'hybrid', more: 'bandwidth { per vm 800 Mbit/s }' }),
    ],
    [
        'many tries, each after its pause, within the window',
        drain({ when: 'at 22:00 for 8 h', move: 'vm "web1"' }).replace(
            'on failure leave and report',
            'on failure retry 40 times every 10 min, then leave and report',
        ),
    ],
    [
        'a gang that is as wide as may move at once',
        drain({ move: `vms on host ${least} together by vm.tag.app all or none`, more: 'at most 2 at once in all' }),
    ],
    [
        'VMs that keep apart by one thing and together by another',
        drain({ to: 'hosts apart by vm.tag.app with same vm.tag.role' }).replaceAll('vm.tag.role', 'vm.vcpus'),
    ],
    [
        'an order in which one comes twice, and no circle',
        drain({ more: 'start vm "web1" before vm "web2", "batch1"\n  start vm "batch1" after vm "web1", "web2"' }),
    ],
    [
        'two policies that take VMs of the same host, and never the same VM',
        `${drain({ move: `vms on host where vm.memory <= 4 GiB ${least}` })}${drain({ head: 'large', move: `vms on host where vm.memory > 4 GiB ${least}` })}`,
    ],
    [
        'two that move by load, within bounds that exclude each other',
        `${drain({ head: 'relieve', when: 'when host.memory.used > 85% for 5 min until host.memory.used < 70%', move: `vms on host ${least} until host.memory.used < 70%`, to: 'hosts where host.memory.used < 50% prefer most free memory', more: 'cooldown 10 min' })}${drain({ head: 'pack', when: 'when host.memory.used < 15% for 1 h until host.memory.used > 25%', move: `vms on host ${least}`, to: 'hosts where host.memory.used > 30% and host.memory.used < 60% prefer fullest', more: 'cooldown 1 h' })}`,
    ],
    [
        'a policy that brings all to one host, and one that is like it',
        `${drain()}policy second like drain priority 2 { to host "charlie" }\npolicy third like second priority 3 { on demand  move vm "web1"  using hybrid  on failure leave and report }`,
    ],
    [
        'names from another file, and one of its policies as a template',
        `import "shared.mig"\npolicy mine like base priority 5 {\n  move vms on host where not heavy ${least}\n  to hosts in east\n  using patient(limit: 200 ms) { after 3 min: abort }\n}\n`,
    ],
    [
        'a constraint that a param switches off',
        `param anywhere = true\n${drain({ to: 'hosts where anywhere or host.zone == source.zone' })}`,
    ],
    [
        'a set that is given from outside, and versions in order',
        `param zones: set of string = ["east", "west"]\n${drain({ to: 'hosts where host.zone in zones and host.qemu >= "7.2"' })}`,
    ],
    [
        'units that are reckoned with',
        `let patience = vm.memory / 1 Gbit/s\n${drain({ move: `vms on host where patience < 5 min and vm.working_set / vm.memory < 50% ${least}`, using: 'precopy { downtime 2 * 150 ms  after 2 min + 30 s: abort }' })}`,
    ],
    [
        'an exception for what is not tagged',
        drain({ move: `vms on host except vm.tags contains "pinned" except not vm.tags contains "web" ${least}` }),
    ],
    [
        'a text with marks of comments and braces in it',
        drain({ more: 'before each move on source run "echo \\"// } { /* \\" ü" within 5 s' }),
    ],
    [
        'nothing but a library',
        'param uplink = 1 Gbit/s\nlet hot = vm.dirty_rate > 40 MiB/s\ntechnique spare(limit: duration) = precopy { downtime limit  after 5 min: abort }\ngroup web = vms where hot\n',
    ],
    ['an empty file', ''],
];
