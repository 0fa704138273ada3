/**
 * Linux guests with real streams on the links that their moves take: moved by pre-copy alone, by post-copy alone, and by
 * what their traffic is measured to be. Two send and two take, all four leave one host together, and go back again.
 */
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesPerSecond } from '@mig/language';
import type { MigrationEvent } from '@mig/runtime/core';
import { parse, stringify } from 'yaml';
import { defaultHosts, type Lab, labUp, startLinuxGuest } from '../../runtime/src/edges/lab/door.js';
import { type GuestTraffic, Streams } from '../kit/streams.js';
import { atLeast, type Check, median } from './checks.js';

const mbit = 1e6 / 8;
/** Of each host's link, each way: what emulated guests on two cores fill, and CPU is left over. */
const link = 150 * mbit;
/** Of each guest: the two that share a way leave two fifths of it free, until moves come. */
const stream = 45 * mbit;
const guests = ['send1', 'send2', 'take1', 'take2'];
const memory = { memoryMiB: 96, fillMiB: 8 };
const techniques = ['precopy', 'postcopy', 'traffic-sensitive'] as const;
type Technique = (typeof techniques)[number];
/** Streams find their rate again after a move. */
const settleMs = 3000;

interface Drained {
    /** From the first phase to the end of the last move. */
    readonly seconds: number;
    /** Of all guests together, meanwhile; Mbit/s. */
    readonly throughput: number;
    readonly each: Readonly<Record<string, number>>;
    /** How each was moved, and for how long. */
    readonly moves: Readonly<Record<string, string>>;
    /** What the four moves sent. */
    readonly mebibytes: number;
    /** Of the machine that carries all of it. */
    readonly cpuIdle: number;
}

/** Runs a policy with an inventory in the lab, and hands back its events. */
type RunPolicy = (lab: Lab, policy: string, inventory: string) => Promise<readonly MigrationEvent[]>;

export async function traffic(
    repetitions: number,
    run: RunPolicy,
    say: (text: string) => void,
): Promise<{ readonly checks: readonly Check[]; readonly runs: Readonly<Record<string, readonly unknown[]>> }> {
    const hosts = defaultHosts.slice(0, 2).map((host) => ({ ...host, linkRate: bytesPerSecond(link) }));
    await using lab = await labUp({ name: 'bench-traffic', hosts, guestTraffic: 'migration-link' }, { tied: true, onProgress: say });
    const scratch = path.dirname(lab.inventoryPath);
    const started = await Promise.all(guests.map((name, i) => startLinuxGuest(lab, 'kvm-a', { name, ...memory, number: 101 + i })));
    const flows = started.map(
        (guest): GuestTraffic => ({
            guest,
            way: guest.name.startsWith('send') ? 'out of the guest' : 'into the guest',
            bytesPerSecond: stream,
        }),
    );
    await using streams = await Streams.open(lab, flows);
    await sleep(settleMs);
    const now = Date.now();
    const undisturbed = guests.map((name) => streams.rate(name, now - settleMs / 2, now) / mbit);
    say(`undisturbed: ${guests.map((name, i) => `${name} ${undisturbed[i]?.toFixed(1) ?? ''}`).join(', ')} Mbit/s`);

    const drains: Record<Technique, Drained[]> = { precopy: [], postcopy: [], 'traffic-sensitive': [] };
    let from = 'kvm-a';
    for (let turn = 0; turn < repetitions; turn++) {
        // Each is first, second and last in turn, and goes both ways: three moves between two hosts.
        for (const technique of [...techniques.slice(turn % 3), ...techniques.slice(0, turn % 3)]) {
            const inventory = await drainOf(lab, scratch, from);
            const policy = path.join(scratch, `${technique}.mig`);
            await writeFile(policy, policyOf(technique));
            const cpu = cpuTimes();
            const events = await run(lab, policy, inventory);
            const drained = described(events, streams, idleSince(cpu));
            drains[technique].push(drained);
            say(`${technique}: ${tell(drained)}`);
            from = from === 'kvm-a' ? 'kvm-b' : 'kvm-a';
            await sleep(settleMs);
            if (streams.broken.length > 0) throw new Error(`streams have broken off: ${streams.broken.join(', ')}`);
        }
    }
    return { checks: checksOf(drains), runs: { ...drains, 'undisturbed (Mbit/s)': undisturbed } };
}

function checksOf(drains: Readonly<Record<Technique, readonly Drained[]>>): readonly Check[] {
    const of = (technique: Technique, figure: (drained: Drained) => number): number => median(drains[technique].map(figure));
    const seconds = techniques.map((technique) => of(technique, (drained) => drained.seconds));
    const carried = techniques.map((technique) => of(technique, (drained) => drained.throughput));
    const [pre = NaN, post = NaN, mixed = NaN] = seconds;
    const [carriedPre = NaN, carriedPost = NaN, carriedMixed = NaN] = carried;
    return [
        atLeast('traffic: time of the better of all-pre and all-post, of that of traffic-sensitive', Math.min(pre, post) / mixed, 1, 'x'),
        atLeast('traffic: time of the worse of the two, of that of traffic-sensitive', Math.max(pre, post) / mixed, 1.2, 'x'),
        atLeast('traffic: throughput of guests, of the better of the two', carriedMixed / Math.max(carriedPre, carriedPost), 1, 'x'),
        atLeast('traffic: throughput of guests, of the worse of the two', carriedMixed / Math.min(carriedPre, carriedPost), 1.2, 'x'),
    ];
}

/** The same for each but for its technique. The cap keeps the queue before a full link short, in which pages wait that guests ask for. */
const policyOf = (technique: Technique): string => `policy leave {
  when host is in maintenance
  move vms on host order by vm.name
  to hosts
  using ${technique}
  bandwidth { per link 90% }
  at most ${guests.length} at once per host
  on failure leave and report
}
`;

/** An inventory in which one host is in maintenance: the one that has the guests. */
async function drainOf(lab: Lab, scratch: string, from: string): Promise<string> {
    const inventory = parse(await readFile(lab.inventoryPath, 'utf8')) as { hosts: Record<string, { maintenance?: boolean }> };
    for (const [name, host] of Object.entries(inventory.hosts)) host.maintenance = name === from;
    const file = path.join(scratch, `from-${from}.yaml`);
    await writeFile(file, stringify(inventory));
    return file;
}

function described(events: readonly MigrationEvent[], streams: Streams, cpuIdle: number): Drained {
    const [run] = events.filter((event) => event.type === 'run-started');
    const began = events.find((event) => event.type === 'phase-entered')?.at;
    const ends = events.filter((event) => event.type === 'move-ended');
    const until = Math.max(...ends.map(({ at }) => at));
    if (!run || began === undefined || ends.length !== guests.length || ends.some(({ outcome }) => outcome !== 'moved'))
        throw new Error(`not all have moved: ${ends.map(({ move, outcome }) => `${move} ${outcome}`).join(', ')}`);
    const each = Object.fromEntries(guests.map((name) => [name, streams.rate(name, began, until) / mbit]));
    const moves = run.plan.moves.map(({ id, vm, technique }) => {
        const performed =
            events.find((event) => event.type === 'phase-entered' && event.move === id && event.phase === 'perform')?.at ?? NaN;
        const ended = ends.find(({ move }) => move === id)?.at ?? NaN;
        return [vm.name, `${technique.kind} ${((performed - began) / 1000).toFixed(1)}-${((ended - began) / 1000).toFixed(1)} s`] as const;
    });
    return {
        seconds: (until - began) / 1000,
        throughput: Object.values(each).reduce((sum, rate) => sum + rate, 0),
        each,
        moves: Object.fromEntries(moves),
        mebibytes: events.reduce((sum, event) => sum + (event.type === 'job-completed' ? event.transferred : 0), 0) / 2 ** 20,
        cpuIdle,
    };
}

const tell = ({ seconds, throughput, each, moves, mebibytes, cpuIdle }: Drained): string =>
    `${seconds.toFixed(1)} s, ${mebibytes.toFixed(0)} MiB, guests ${throughput.toFixed(0)} Mbit/s (${guests.map((name) => `${name} ${each[name]?.toFixed(1) ?? ''}, ${moves[name] ?? ''}`).join('; ')}), CPU idle ${(cpuIdle * 100).toFixed(0)} %`;

interface CpuTimes {
    readonly idle: number;
    readonly all: number;
}

function cpuTimes(): CpuTimes {
    const fields = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').trim().split(/\s+/).slice(1, 9).map(Number);
    return { idle: (fields[3] ?? 0) + (fields[4] ?? 0), all: fields.reduce((sum, field) => sum + field, 0) };
}

function idleSince(then: CpuTimes): number {
    const now = cpuTimes();
    return (now.idle - then.idle) / Math.max(1, now.all - then.all);
}
