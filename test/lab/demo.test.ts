/** `npm run demo`, as a person starts it and breaks it off: whatever happens, nothing of it is left on the machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { demoGuests } from '../../runtime/src/edges/cli/commands/demo-guests.js';
import { labPaths, removeLeftovers } from '../../runtime/src/edges/lab/door.js';
import { markedProcesses } from '../../runtime/src/edges/lab/processes.js';
import { describeWhereLabsRun } from '../kit/lab.js';
import { Desk, migRunPath } from '../kit/mig-run.js';

const name = `demo-${process.pid}`;
const kinds = ['net', 'mnt', 'pid', 'uts', 'ipc'];

describeWhereLabsRun('the demo', () => {
    let desk: Desk;
    beforeAll(async () => {
        desk = await Desk.clear();
    });
    afterAll(async () => {
        await removeLeftovers();
        await desk[Symbol.asyncDispose]();
    });

    /** Starts the demo in a process group of its own, as a shell does. */
    function start(): Demo {
        const child = spawn(process.execPath, [migRunPath, 'lab', 'demo', '--name', name], {
            cwd: desk.directory,
            detached: true,
            stdio: ['ignore', 'pipe', 'pipe'],
            env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', XDG_STATE_HOME: desk.at('state'), NO_COLOR: '1' },
        });
        const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
        let said = '';
        for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
        const group = child.pid ?? 0;
        return {
            group,
            ended,
            said: () => said,
            saying: (text) => expect.poll(() => said, { timeout: 60_000, interval: 5 }).toMatch(text),
            // A terminal's Ctrl-C goes to the whole group; an outright kill to the one process.
            signal: (signal) => process.kill(signal === 'SIGINT' ? -group : group, signal),
        };
    }

    test('moves everything but the pinned VM, proves that all six are whole, and leaves nothing', async () => {
        const demo = start();
        await demo.saying(/db1: kvm-a to/);
        const there = traces(demo);
        const [code] = await demo.ended;
        expect(code, demo.said()).toBe(0);
        expect(demo.said()).toMatch(/Plan [0-9a-f]+ {2}5 VMs/);
        expect(demo.said()).toMatch(/5 of 5 VMs moved/);
        for (const guest of demoGuests)
            expect(demo.said()).toMatch(
                new RegExp(`\\n {2}${guest.name} +on kvm-[abc]: runs, [1-9]\\d* pages as they should be, \\d+ writes, none lost`),
            );
        const proof =
            demo
                .said()
                .split('Proof, read out')[1]
                ?.split('\n')
                .filter((line) => line.includes(' on kvm-')) ?? [];
        expect(proof).toHaveLength(demoGuests.length);
        expect(Math.max(...proof.map((line) => line.trimEnd().length))).toBeLessThanOrEqual(80);
        await expectNothingLeft(there);
        expect(existsSync(desk.at('state'))).toBe(false);
    });

    test.each([
        ['while the lab comes up', /starting 3 hosts/],
        ['while guests start', /starting 6 VMs/],
        ['while VMs move', /db1: kvm-a to/],
    ])('Ctrl-C %s ends it with 130, and leaves nothing', async (_, moment) => {
        const demo = start();
        await demo.saying(moment);
        await expect
            .poll(() => markedProcesses().some((process) => process.lab === name && process.host !== ''), { interval: 5 })
            .toBe(true);
        const there = traces(demo);
        demo.signal('SIGINT');
        const [code] = await demo.ended;
        expect(code, demo.said()).toBe(130);
        expect(demo.said()).not.toMatch(/fault|\[lab-/);
        await expectNothingLeft(there);
    });

    test('killed outright while VMs move leaves nothing that runs, and the next one clears away and succeeds', async () => {
        const demo = start();
        await demo.saying(/db1: kvm-a to/);
        const there = traces(demo);
        demo.signal('SIGKILL');
        await demo.ended;
        await expect.poll(() => running(there), { timeout: 3000 }).toEqual([]);

        const next = start();
        const [code] = await next.ended;
        expect(code, next.said()).toBe(0);
        expect(next.said()).toMatch(/removed what an earlier lab left: the directory of a lab that is no longer running/);
        await expectNothingLeft(there);
    });
});

interface Demo {
    readonly group: number;
    readonly ended: Promise<[number | null, NodeJS.Signals | null]>;
    said(): string;
    saying(text: RegExp): Promise<void>;
    signal(signal: 'SIGINT' | 'SIGKILL'): void;
}

interface Traces {
    readonly group: number;
    /** Of the lab's processes at one moment, as the kernel names them; not those of this process. */
    readonly namespaces: ReadonlySet<string>;
}

function traces({ group }: Demo): Traces {
    const own = new Set(namespacesOf('self'));
    const there = markedProcesses().filter((process) => process.lab === name);
    return { group, namespaces: new Set(there.flatMap(({ pid }) => namespacesOf(String(pid))).filter((each) => !own.has(each))) };
}

/** Processes of the demo's group, of its lab, or in a namespace of it, each as number and command line. */
function running({ group, namespaces }: Traces): readonly string[] {
    const marked = new Set(markedProcesses().flatMap((process) => (process.lab === name ? [String(process.pid)] : [])));
    return readdirSync('/proc').flatMap((pid) => {
        if (!/^\d+$/.test(pid)) return [];
        const inGroup = groupOf(pid) === group;
        const inside = namespacesOf(pid).some((each) => namespaces.has(each));
        return inGroup || inside || marked.has(pid) ? [`${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`] : [];
    });
}

async function expectNothingLeft(there: Traces): Promise<void> {
    // A process that was killed is gone a moment after it was.
    await expect.poll(() => running(there), { timeout: 3000 }).toEqual([]);
    expect(existsSync(labPaths(name).dir)).toBe(false);
    expect(read('/proc/self/mountinfo')).not.toContain(labPaths(name).dir);
}

/** Zombies are of no group: they wait for whoever started them. */
function groupOf(pid: string): number | undefined {
    const stat = read(`/proc/${pid}/stat`);
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : Number(group);
}

const namespacesOf = (pid: string): readonly string[] =>
    kinds.flatMap((kind) => {
        try {
            return [readlinkSync(`/proc/${pid}/ns/${kind}`)];
        } catch {
            return [];
        }
    });

/** Empty for what has ended meanwhile. */
function read(path: string): string {
    try {
        return readFileSync(path, 'latin1');
    } catch {
        return '';
    }
}
