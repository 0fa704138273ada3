/** Caps against the counters of the links: four moves that share a total, and two with a cap each. */
import { writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationEvent } from '@mig/runtime/core';
import { type GuestSpec, type Lab, labCommand, startGuest, stopGuest } from '../../runtime/src/edges/lab/door.js';
import { capsInForce, ratesIn, type Stretch, WireCounter, type WireSample } from '../kit/wire.js';
import { atMost, type Check } from './checks.js';

const mebibyte = 2 ** 20;
const windowMs = 2000;
/** A move that has just begun fills its window first, and QEMU counts in tenths of a second. */
const settleMs = 1000;
const migRun = path.resolve('runtime/bin/mig-run.cjs');
const say = (text: string) => process.stderr.write(`${text}\n`);
const guest = (name: string, memoryMiB: number): GuestSpec => ({ name, memoryMiB, randomShare: 1, persistent: true });

interface Measured {
    readonly checks: readonly Check[];
    readonly runs: Readonly<Record<string, readonly unknown[]>>;
}

export async function caps(lab: Lab, scratch: string): Promise<Measured> {
    const shared = await sharedLink(lab, scratch);
    const each = await capEach(lab, scratch);
    return { checks: [...shared.checks, ...each.checks], runs: { ...shared.runs, ...each.runs } };
}

/** One of four ends early: the sum stays at the cap, and the three take what it leaves. */
async function sharedLink(lab: Lab, scratch: string): Promise<Measured> {
    const total = 20 * mebibyte;
    const guests = [guest('cap1', 48), guest('cap2', 112), guest('cap3', 112), guest('cap4', 112)];
    const { events, samples } = await drainUnder(lab, scratch, guests, 'total 20 MiB/s', ['kvm-a']);
    const wire = samples.get('kvm-a') ?? [];
    const inForce = capsInForce(events);
    const all = inForce.find(({ sending }) => sending === guests.length)?.at ?? NaN;
    const ends = events.flatMap((e) => (e.type === 'phase-ended' && e.phase === 'perform' ? [e.at] : []));
    const [firstEnd = NaN] = ends;
    const lastEnd = ends.at(-1) ?? NaN;
    // The memory of one is all sent a little before its perform ends: what is left of it is its stop.
    const during = ratesIn(wire, 'sent', { from: all + settleMs, to: lastEnd - 500 }, windowMs);
    const whole = during.filter(({ from, to }) => to < firstEnd - 500 || from > firstEnd + settleMs);
    const after = inForce.find(({ at, total: sum, sending }) => at >= firstEnd && sending === guests.length - 1 && sum >= total - mebibyte);
    const taken = ratesIn(wire, 'sent', { from: firstEnd + settleMs, to: firstEnd + settleMs + windowMs + 400 }, windowMs);
    say(`shared: ${whole.length} windows, ${described(whole, total)}; after the first end ${described(taken, total)}`);
    return {
        checks: [
            atMost('caps: sum on a shared link, furthest 2 s window from the cap in force', furthest(whole, total), 5, '%'),
            atMost('caps: sum on a shared link, highest 2 s window over the cap', highest(during, total), 5, '%'),
            atMost('caps: after one of four ends, until the others have its share', (after?.at ?? Infinity) - firstEnd, 1000, 'ms'),
            atMost('caps: the 2 s from 1 s after that end, from the cap', furthest(taken, total), 5, '%'),
        ],
        runs: { 'shared link, 2 s windows (MiB/s)': during.map(({ rate }) => rate / mebibyte) },
    };
}

/** Two moves to two hosts, with a cap on each: what arrives at a host is one of them. */
async function capEach(lab: Lab, scratch: string): Promise<Measured> {
    const cap = 8 * mebibyte;
    const hosts = ['kvm-b', 'kvm-c'];
    const guests = [guest('cap5', 80), guest('cap6', 80)];
    const { events, samples } = await drainUnder(lab, scratch, guests, 'per vm 8 MiB/s', hosts, 'apart by vm.tag.apart');
    const windows = hosts.flatMap((host) => {
        const moves = events.flatMap((e) => (e.type === 'run-started' ? e.plan.moves : [])).filter((m) => m.destination === host);
        const [id] = moves.map((m) => m.id);
        if (moves.length !== 1 || id === undefined) throw new Error(`${moves.length} moves go to ${host}: one was wanted`);
        const at = (type: 'phase-entered' | 'phase-ended') =>
            events.find((e) => e.type === type && e.move === id && e.phase === 'perform')?.at;
        const stretch: Stretch = { from: (at('phase-entered') ?? NaN) + settleMs, to: (at('phase-ended') ?? NaN) - 500 };
        return ratesIn(samples.get(host) ?? [], 'received', stretch, windowMs);
    });
    say(`each: ${windows.length} windows, ${described(windows, cap)}`);
    return {
        checks: [atMost('caps: per VM, furthest 2 s window from the cap in force', furthest(windows, cap), 5, '%')],
        runs: { 'per VM, 2 s windows (MiB/s)': windows.map(({ rate }) => rate / mebibyte) },
    };
}

async function drainUnder(
    lab: Lab,
    scratch: string,
    guests: readonly GuestSpec[],
    bandwidth: string,
    watched: readonly string[],
    more = '',
): Promise<{ readonly events: readonly MigrationEvent[]; readonly samples: ReadonlyMap<string, readonly WireSample[]> }> {
    await Promise.all(guests.map((spec) => startGuest(lab, 'kvm-a', { ...spec, tags: { apart: 'yes' } })));
    await sleep(2000);
    const policy = path.join(scratch, 'caps.mig');
    await writeFile(
        policy,
        `policy caps {\n  when host is in maintenance\n  move vms on host\n  to hosts prefer least loaded${more === '' ? '' : `\n    ${more}`}\n  using precopy\n  bandwidth { ${bandwidth} }\n  at most ${guests.length} at once per host\n}\n`,
    );
    await using counters = new AsyncDisposableStack();
    const counted = watched.map((host) => [host, counters.use(new WireCounter(lab, host))] as const);
    const [command = '', ...argv] = labCommand(lab, [
        process.execPath,
        migRun,
        policy,
        '--inventory',
        lab.inventoryPath,
        '--yes',
        '--json',
    ]);
    const child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`mig-run ended with ${code}: ${(stderr || stdout).slice(-2000)}`);
    const events = stdout
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as MigrationEvent)
        .filter((event) => typeof event.type === 'string');
    for (const { name } of guests) await stopGuest(lab, name);
    return { events, samples: new Map(counted.map(([host, counter]) => [host, counter.samples])) };
}

type Windows = readonly { readonly rate: number }[];

/** In percent of the cap; infinite where there is no window to judge. */
const furthest = (windows: Windows, cap: number): number =>
    windows.length === 0 ? Infinity : Math.max(...windows.map(({ rate }) => Math.abs(rate / cap - 1) * 100));
const highest = (windows: Windows, cap: number): number =>
    windows.length === 0 ? Infinity : Math.max(...windows.map(({ rate }) => (rate / cap - 1) * 100));

function described(windows: Windows, cap: number): string {
    const of = windows.map(({ rate }) => rate / cap);
    return `${(Math.min(...of) * 100).toFixed(1)} to ${(Math.max(...of) * 100).toFixed(1)} % of ${cap / mebibyte} MiB/s`;
}
