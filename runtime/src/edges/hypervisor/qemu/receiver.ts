/** How the machine of a QEMU is started elsewhere, to receive it. Pure. */
import { withoutWaiting } from './channels.js';
import { optionsOf } from './command-line.js';

export interface Receiver {
    /** The machine type that the source's QEMU says it runs, such as `pc-i440fx-10.0`: an alias may mean another one elsewhere. */
    readonly machine: string;
    /** The QMP socket by which it is driven: as at the source, and as it is to be. */
    readonly socket: { readonly from: string; readonly to: string };
    /** Used where the command line names none. */
    readonly pidFile: string;
}

/** The same machine, waiting for a migration, its guest not started: `-incoming defer -S`. */
export function receiverArgv(argv: readonly string[], { machine, socket, pidFile }: Receiver): readonly string[] {
    const dropped: ReadonlySet<string> = new Set(['incoming', 'S', 'daemonize', 'loadvm']);
    const kept = optionsOf(argv).filter(({ name }) => !dropped.has(name));
    const words = kept.flatMap(({ name, value }): readonly string[] => {
        if (name === '') return [value ?? ''];
        if (value === undefined) return [`-${name}`];
        if (name === 'machine' || name === 'M') return ['-machine', withMachine(value, machine)];
        const isMonitors = name === 'qmp' || name === 'qmp-pretty' || name === 'chardev';
        const unwaiting = withoutWaiting(name, value);
        return [`-${name}`, isMonitors ? withPath(unwaiting, socket.from, socket.to) : unwaiting];
    });
    const has = (...names: readonly string[]): boolean => kept.some(({ name }) => names.includes(name));
    return [
        argv[0] ?? '',
        ...words,
        ...(has('machine', 'M') ? [] : ['-machine', machine]),
        ...(has('pidfile') ? [] : ['-pidfile', pidFile]),
        '-S',
        '-incoming',
        'defer',
    ];
}

/** The first `-machine` names the type; further ones only set properties. */
function withMachine(value: string, machine: string): string {
    const [first = '', ...more] = value.split(',');
    if (first.startsWith('type=')) return [`type=${machine}`, ...more].join(',');
    return first.includes('=') ? value : [machine, ...more].join(',');
}

const withPath = (value: string, from: string, to: string): string =>
    from === to ? value : value.replaceAll(from.replaceAll(',', ',,'), () => to.replaceAll(',', ',,'));
