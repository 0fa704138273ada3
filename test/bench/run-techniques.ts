/** Guests that write faster than their link sends: what a ladder and a hybrid copy do about them, beside pre-copy alone. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationEvent } from '@mig/runtime/core';
import { type GuestSpec, type Lab, labCommand, startGuest, stopGuest } from '../../runtime/src/edges/lab/door.js';
import { atLeast, atMost, type Check } from './checks.js';

const migRun = path.resolve('runtime/bin/mig-run.cjs');
const memoryMiB = 256;
const mib = 2 ** 20;
/** The cap of 200 Mbit/s, in MiB/s. */
const capMiB = 200e6 / 8 / mib;
/** Seconds that the whole memory takes at the cap. */
const pass = memoryMiB / capMiB;

const guest = (pagesPerSecond: number, hotSetMiB: number): GuestSpec => ({
    name: 'busy',
    memoryMiB,
    randomShare: 0.9,
    dirtyPagesPerSecond: pagesPerSecond,
    hotSetMiB,
    persistent: true,
});

interface Moved {
    readonly seconds: number;
    readonly outcome: string;
    readonly downtimeMs: number | undefined;
    /** What was sent, of the guest's memory. */
    readonly times: number | undefined;
}

async function byMigRun(lab: Lab, scratch: string, spec: GuestSpec, technique: string): Promise<Moved> {
    await stopGuest(lab, spec.name).catch(() => undefined);
    await startGuest(lab, 'kvm-a', spec);
    const policy = path.join(scratch, 'busy.mig');
    const clauses = `when host is in maintenance\n  move vms on host\n  to hosts\n  using ${technique}\n  bandwidth { total 200 Mbit/s }\n  on failure leave and report`;
    await writeFile(policy, `policy busy {\n  ${clauses}\n}\n`);
    const events: MigrationEvent[] = [];
    const [command = '', ...rest] = labCommand(lab, [
        process.execPath,
        migRun,
        policy,
        '--inventory',
        lab.inventoryPath,
        '--yes',
        '--json',
    ]);
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    for (const line of text.split('\n').filter((one) => one.startsWith('{"'))) {
        const event = JSON.parse(line) as MigrationEvent;
        if (typeof event.type === 'string') events.push(event);
    }
    const at = (type: MigrationEvent['type']): number | undefined => events.find((event) => event.type === type)?.at;
    const performed = events.find((event) => event.type === 'phase-entered' && event.phase === 'perform')?.at;
    const [ended] = events.filter((event) => event.type === 'move-ended');
    const [job] = events.filter((event) => event.type === 'job-completed');
    if (!ended) throw new Error(`the move did not end: ${text.slice(-1000)}`);
    const stopped = at('guest-stopped');
    const resumed = events.find((event) => event.type === 'guest-resumed' && event.on !== 'kvm-a')?.at;
    return {
        seconds: (ended.at - (performed ?? ended.at)) / 1000,
        outcome: ended.outcome,
        downtimeMs: stopped === undefined || resumed === undefined ? undefined : resumed - stopped,
        times: job && job.transferred / (memoryMiB * mib),
    };
}

/** Whether plain `virsh migrate` at the same cap, rounded up to what it takes, still runs after so many seconds; it is aborted then. */
async function virshStillRuns(lab: Lab, spec: GuestSpec, seconds: number): Promise<boolean> {
    await stopGuest(lab, spec.name).catch(() => undefined);
    await startGuest(lab, 'kvm-a', spec);
    const address = lab.hosts.find((host) => host.name === 'kvm-b')?.migrationAddress ?? '';
    const inHost = (argv: readonly string[]) => {
        const [command = '', ...rest] = labCommand(lab, argv, 'kvm-a');
        return spawn(command, rest, { stdio: 'ignore' });
    };
    const migrate = ['virsh', 'migrate', '--live', '--persistent', '--undefinesource', '--bandwidth', String(Math.ceil(capMiB)), spec.name];
    const child = inHost([...migrate, 'qemu+ssh://kvm-b/system', `tcp://${address}`, '--listen-address', address]);
    const end = new Promise<boolean>((resolve) => child.once('close', () => resolve(false)));
    const runs = await Promise.race([end, sleep(seconds * 1000, true)]);
    if (runs) await new Promise((resolve) => inHost(['virsh', 'domjobabort', spec.name]).once('close', resolve));
    await end;
    return runs;
}

export async function techniques(
    lab: Lab,
    scratch: string,
    say: (text: string) => void,
): Promise<{ readonly checks: readonly Check[]; readonly runs: Readonly<Record<string, readonly unknown[]>> }> {
    const told = (name: string, moved: Moved): Moved => {
        const figures = `${moved.outcome} in ${moved.seconds.toFixed(1)} s, downtime ${moved.downtimeMs?.toFixed(0) ?? '-'} ms, ${moved.times?.toFixed(2) ?? '-'} of its memory sent`;
        say(`${name}: ${figures}`);
        return moved;
    };
    // One and a half times what the link carries.
    const faster = guest(Math.round((1.5 * capMiB * mib) / 4096), 128);
    const ladder = told(
        'ladder at 1.5 times the link',
        await byMigRun(lab, scratch, faster, 'precopy { when iteration 2: switch to postcopy }'),
    );
    const bound = 2 * pass + 2;
    const virsh = await virshStillRuns(lab, faster, 3 * bound);
    say(`virsh migrate after ${(3 * bound).toFixed(0)} s: ${virsh ? 'still running' : 'ended'}`);
    const hot = guest(12_000, 64);
    const hybrid = told('hybrid at 12,000 pages/s', await byMigRun(lab, scratch, hot, 'hybrid'));
    const precopy = told('pre-copy at 12,000 pages/s', await byMigRun(lab, scratch, hot, 'precopy { after 30 s: abort }'));
    const holds = (is: boolean): number => (is ? 1 : 0);
    return {
        checks: [
            atMost('a guest that writes 1.5 times its link, with a ladder', ladder.seconds, bound, 's'),
            atLeast('the same guest has arrived', holds(ladder.outcome === 'moved'), 1, ''),
            atLeast('plain virsh migrate still runs at three times that', holds(virsh), 1, ''),
            atMost('hybrid at 12,000 pages/s: bytes, of memory', hybrid.times ?? Number.NaN, 1.5, 'x'),
            atMost('hybrid at 12,000 pages/s: downtime', hybrid.downtimeMs ?? Number.NaN, 150, 'ms'),
            atLeast('pre-copy does not end within 30 s', holds(precopy.outcome === 'aborted'), 1, ''),
        ],
        runs: { ladder: [ladder], hybrid: [hybrid], 'pre-copy': [precopy] },
    };
}
