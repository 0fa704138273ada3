/** What there is to read about each check of the compiler, beside its name in checks.ts. These are errors: nothing runs until they are mended. */
import type { CheckId } from './checks.js';

export interface CheckDoc {
    /** A whole policy file in which it is found. */
    readonly avoid: string;
    /** The same, mended: nothing is found in it. */
    readonly prefer: string;
    /** Why it is an error. */
    readonly rationale: string;
    /** Files that the two import, by name. */
    readonly files?: Readonly<Record<string, string>>;
    /** Params that are set from outside. */
    readonly set?: Readonly<Record<string, string>>;
}

/** A file with one policy, of which some lines are said otherwise than usual. */
function drain(
    said: { readonly before?: string; readonly move?: string; readonly to?: string; readonly using?: string; readonly more?: string } = {},
): string {
    const { before, move = 'move vms on host', to = 'to hosts', using = 'using precopy', more } = said;
    const clauses = ['when host is in maintenance', move, to, using, ...(more === undefined ? [] : [more])].filter(
        (clause) => clause !== '',
    );
    return `${before === undefined ? '' : `${before}\n\n`}policy drain {\n${clauses.map((clause) => `  ${clause}\n`).join('')}}\n`;
}

const where = (condition: string, before?: string): string =>
    drain({ move: `move vms on host where ${condition}`, ...(before !== undefined && { before }) });
const limit = (clause: string): string => drain({ more: clause });
const ladder = (rungs: string): string =>
    drain({ before: `technique patient = precopy {\n${rungs}\n  after 10 min: abort\n}`, using: 'using patient' });

export const checkDocs: Readonly<Record<CheckId, CheckDoc>> = {
    MIG001: {
        avoid: drain({ to: 'to hosts prefer least loded' }),
        prefer: drain({ to: 'to hosts prefer least loaded' }),
        rationale:
            'What cannot be read cannot be meant. Of a declaration with a syntax error in it nothing more is said, so that one slip is one finding.',
    },
    MIG002: {
        avoid: drain({ before: 'import "technique.mig"', using: 'using patient' }),
        prefer: drain({ before: 'import "techniques.mig"', using: 'using patient' }),
        files: { 'techniques.mig': 'technique patient = precopy {\n  downtime 300 ms\n  after 5 min: abort\n}\n' },
        rationale:
            'Names that the file lends would be missing, and a policy would run without what they say. Imports are found beside the file that names them.',
    },
    MIG003: {
        avoid: drain({ before: 'import "techniques.mig"', using: 'using patient' }),
        prefer: drain({ before: 'import "shared.mig"', using: 'using patient' }),
        files: {
            'techniques.mig': 'import "main.mig"\n\ntechnique patient = precopy {\n  downtime 300 ms\n  after 5 min: abort\n}\n',
            'shared.mig': 'technique patient = precopy {\n  downtime 300 ms\n  after 5 min: abort\n}\n',
        },
        rationale: 'A file that leads back to itself has no first declaration: what both need belongs into a third file.',
    },
    MIG004: {
        avoid: limit('cooldown 5 min\n  cooldown 10 min'),
        prefer: limit('cooldown 10 min'),
        rationale: 'Of two clauses only one could hold, and a reader cannot know which.',
    },
    MIG005: {
        avoid: drain({ using: '' }),
        prefer: drain(),
        rationale: 'A policy says which VMs it moves, where to and how. None of the three has a default that would be right for everyone.',
    },
    MIG006: {
        avoid: drain({ using: 'using precopy via 2 hosts' }),
        prefer: drain({ using: 'using scatter-gather via 2 hosts' }),
        rationale: 'What stands where it has no effect reads as if it had one.',
    },
    MIG101: {
        avoid: where('ht', 'let hot = vm.dirty_rate > 100 MiB/s'),
        prefer: where('hot', 'let hot = vm.dirty_rate > 100 MiB/s'),
        rationale: 'A name that nothing declares stands for nothing.',
    },
    MIG102: {
        avoid: drain({ using: 'using precpy' }),
        prefer: drain({ using: 'using precopy' }),
        rationale: 'How VMs are moved decides what their guests feel: it is not guessed.',
    },
    MIG103: {
        avoid: `${drain()}\npolicy night like drian {\n  every day at 22:00 for 2 h\n  cooldown 1 h\n}\n`,
        prefer: `${drain()}\npolicy night like drain {\n  on demand\n  cooldown 1 h\n}\n`,
        rationale: 'A policy takes all its clauses from the one that it is like.',
    },
    MIG104: {
        avoid: drain({ before: 'group web = vms where vm.tags contains "web"', move: 'move vms in wbe on host' }),
        prefer: drain({ before: 'group web = vms where vm.tags contains "web"', move: 'move vms in web on host' }),
        rationale: 'A group that is not there would select everything or nothing.',
    },
    MIG105: {
        avoid: where('vm.memry > 4 GiB'),
        prefer: where('vm.memory > 4 GiB'),
        rationale:
            'An attribute that does not exist is never measured: the condition would be unknown for every VM, and nothing would move.',
    },
    MIG106: {
        avoid: `${drain()}\n${drain()}`,
        prefer: drain(),
        rationale: 'A name that stands for two things stands for neither.',
    },
    MIG107: {
        avoid: where('iteration > 3'),
        prefer: ladder('  when iteration 3: throttle 20% step 10% up to 80%'),
        rationale:
            'What happens during a move is known in the rungs of a technique and nowhere else; before it, nothing can be said of it.',
    },
    MIG108: {
        avoid: where('hot', 'let hot = busy\nlet busy = hot'),
        prefer: where('hot', 'let busy = vm.cpu > 80%\nlet hot = busy and vm.dirty_rate > 100 MiB/s'),
        rationale: 'What needs itself has no value, and a policy that is like itself has no clauses.',
    },
    MIG109: {
        avoid: where('host', 'let host = vm.memory > 4 GiB'),
        prefer: where('large', 'let large = vm.memory > 4 GiB'),
        rationale: 'The name would read as what the word means everywhere else.',
    },
    MIG110: {
        avoid: where('vm.state == "runing"'),
        prefer: where('vm.state == "running"'),
        rationale: 'A comparison with a text that the attribute never has is always false, and nothing would move.',
    },
    MIG111: {
        avoid: drain(),
        prefer: drain({ before: 'param uplink: rate = 1 Gbit/s', more: 'bandwidth { total uplink }' }),
        set: { uplink: '2Gbit/s' },
        rationale: 'Who sets a value expects an effect; a slip in its name would leave the run with the old one.',
    },
    MIG112: {
        avoid: where(
            'd > 1 GiB',
            'let a = vm.memory\nlet b = a + a + a + a + a + a + a + a + a + a\nlet c = b + b + b + b + b + b + b + b + b + b\nlet d = c + c + c + c + c + c + c + c + c + c',
        ),
        prefer: where('d > 1 GiB', 'let a = vm.memory\nlet b = 10 * a\nlet c = 10 * b\nlet d = 10 * c'),
        rationale:
            'A name is spelled out wherever it is used. Names that each stand for several others double with every step, until nothing can be judged in time.',
    },
    MIG113: {
        avoid: 'calendar freeze = [2026-12-24..2027-01-01]\n\npolicy pack {\n  every day at 22:00 except freze\n  move vms\n  to hosts\n  using precopy\n}\n',
        prefer: 'calendar freeze = [2026-12-24..2027-01-01]\n\npolicy pack {\n  every day at 22:00 except freeze\n  move vms\n  to hosts\n  using precopy\n}\n',
        rationale: 'A calendar keeps a policy from moving anything on its days. One that nothing declares would keep it from nothing.',
    },
    MIG201: {
        avoid: limit('bandwidth { total 8 Gbps }'),
        prefer: limit('bandwidth { total 8 Gbit/s }'),
        rationale: 'Nicknames of units are read in two ways; the symbols of the language in one.',
    },
    MIG202: {
        avoid: where('vm.dirty_rate > 100 MiB'),
        prefer: where('vm.dirty_rate > 100 MiB/s'),
        rationale: 'A rate and a size have no order. Without units the comparison would silently be one of bare figures.',
    },
    MIG203: {
        avoid: where('vm.memory'),
        prefer: where('vm.memory > 4 GiB'),
        rationale: 'Each place asks for one kind of value: a condition, a text, a duration, a rate.',
    },
    MIG204: {
        avoid: limit('cooldown 10'),
        prefer: limit('cooldown 10 min'),
        rationale: 'Ten of what? Seconds in one tool are milliseconds in the next.',
    },
    MIG205: {
        avoid: limit('bandwidth { total 0 Gbit/s }'),
        prefer: limit('bandwidth { total 1 Gbit/s }'),
        rationale:
            'In other tools a zero means that there is no limit, and here it would mean that nothing moves. Neither is left to guessing.',
    },
    MIG206: {
        avoid: drain({ to: 'to hosts keep 110% of memory free' }),
        prefer: drain({ to: 'to hosts keep 10% of memory free' }),
        rationale: 'A figure that cannot be reached is a slip, and no host could ever do.',
    },
    MIG207: {
        avoid: limit('at most metric "max_moves" at once per host'),
        prefer: limit('at most 2 at once per host'),
        rationale: 'Limits hold for a whole run: they must not depend on what is measured on the way.',
    },
    MIG208: {
        avoid: limit('require downtime <= unlimited'),
        prefer: limit('require downtime <= 500 ms'),
        rationale: 'A promise, or a limit that protects, is worth nothing without a figure.',
    },
    MIG209: {
        avoid: drain({ before: 'param uplink: rate', more: 'bandwidth { total uplink }' }),
        prefer: drain({ before: 'param uplink: rate = 1 Gbit/s', more: 'bandwidth { total uplink }' }),
        rationale: 'A param without a value of its own must be set for each run: --set uplink=1Gbit/s, or MIG_UPLINK in the environment.',
    },
    MIG210: {
        avoid: 'policy pack {\n  every day at 25:00\n  move vms\n  to hosts\n  using precopy\n}\n',
        prefer: 'policy pack {\n  every day at 23:00\n  move vms\n  to hosts\n  using precopy\n}\n',
        rationale: 'A time that no clock shows never comes, and a schedule on it never holds.',
    },
};
