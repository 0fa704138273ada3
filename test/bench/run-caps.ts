/**
 * Caps against what goes over the links: four moves that share a total, two with a cap each, after a switch to post-copy,
 * where a rung or a window changes the cap, where two of four moves switch, and all of it for a VM that is plain QEMU.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationEvent } from '@mig/runtime/core';
import {
    type GuestSpec,
    type Lab,
    labCommand,
    startGuest,
    startPlainGuest,
    stopGuest,
    stopPlainGuest,
} from '../../runtime/src/edges/lab/door.js';
import { drivenByQemu } from '../kit/plain-hosts.js';
import { capsInForce, ratesIn, WireTap, type Packet, type Way } from '../kit/wire.js';
import { atLeast, atMost, type Check } from './checks.js';

const mebibyte = 2 ** 20;
const windowMs = 2000;
/** A move that has just begun fills its window first, and QEMU counts in tenths of a second. */
const settleMs = 1000;
/** In post-copy the last page has come a little before finish says so. */
const afterLastPageMs = 200;
const minuteMs = 60_000;
const twoHosts = ['kvm-b', 'kvm-c'];
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
    const afterSwitch = await capAfterSwitch(lab, scratch);
    const changes = await capChanges(lab, scratch);
    const mixed = await capMixed(lab, scratch);
    const plain = await capOnPlainQemu(lab, scratch);
    return together([shared, each, afterSwitch, changes, mixed, plain]);
}

/** One of four ends early: the sum stays at the cap, and the three take what it leaves. */
async function sharedLink(lab: Lab, scratch: string): Promise<Measured> {
    const total = 20 * mebibyte;
    const guests = [guest('cap1', 48), guest('cap2', 112), guest('cap3', 112), guest('cap4', 112)];
    const { events, wires } = await drainUnder(lab, scratch, guests, { bandwidth: 'total 20 MiB/s', watched: { 'kvm-a': 'sent' } });
    const wire = wires.get('kvm-a') ?? [];
    const inForce = capsInForce(events);
    const all = inForce.find(({ sending }) => sending === guests.length)?.at ?? NaN;
    const ends = events.flatMap((e) => (e.type === 'phase-ended' && e.phase === 'perform' ? [e.at] : []));
    const [firstEnd = NaN] = ends;
    const lastEnd = ends.at(-1) ?? NaN;
    const during = ratesIn(wire, { from: all + settleMs, to: lastEnd }, windowMs);
    const whole = during.filter(({ from, to }) => to < firstEnd || from > firstEnd + settleMs);
    // What is set of a share is whole MiB/s.
    const whenTaken = (guests.length - 1) * Math.floor(total / (guests.length - 1) / mebibyte) * mebibyte;
    const after = inForce.find(({ at, total: sum, sending }) => at >= firstEnd && sending === guests.length - 1 && sum >= whenTaken);
    const taken = ratesIn(wire, { from: firstEnd + settleMs, to: firstEnd + settleMs + windowMs + 400 }, windowMs);
    say(`after the first end ${described(taken, total)}`);
    return together([
        judged('sum on a shared link', [{ windows: whole, cap: total }]),
        {
            checks: [
                atMost('caps: sum on a shared link, highest 2 s window over the cap', highest(during, total), 5, '%'),
                atMost('caps: after one of four ends, until the others have its share', (after?.at ?? Infinity) - firstEnd, 1000, 'ms'),
                atMost('caps: the 2 s from 1 s after that end, from the cap', furthest(taken, total), 5, '%'),
            ],
            runs: {},
        },
    ]);
}

/** Two moves to two hosts, with a cap on each: what arrives at a host is one of them. */
async function capEach(lab: Lab, scratch: string): Promise<Measured> {
    const cap = 8 * mebibyte;
    const guests = [guest('cap5', 80), guest('cap6', 80)];
    const { events, wires } = await drainUnder(lab, scratch, guests, {
        bandwidth: 'per vm 8 MiB/s',
        watched: { 'kvm-b': 'received', 'kvm-c': 'received' },
        more: 'apart by vm.tag.apart',
    });
    const parts = twoHosts.map((host) => {
        const at = timesOf(events, moveTo(events, host));
        // To the end: what is sent at the stop keeps to the cap as well.
        const stretch = { from: at('perform', 'entered') + settleMs, to: at('perform', 'ended') };
        return { windows: ratesIn(wires.get(host) ?? [], stretch, windowMs), cap };
    });
    return judged('per VM', parts);
}

/** After the switch a cap is a setting of its own: what the policy gives as a share, and what the technique asks for. */
async function capAfterSwitch(lab: Lab, scratch: string): Promise<Measured> {
    const measured = async (name: string, cap: number, using: string): Promise<Measured> => {
        const { events, wires } = await drainUnder(lab, scratch, [guest('cap7', 80)], {
            bandwidth: 'per vm 8 MiB/s',
            using,
            watched: { 'kvm-a': 'sent' },
        });
        const [move = ''] = movesOf(events).map(({ id }) => id);
        const switched = events.find((e) => e.type === 'postcopy-started')?.at ?? NaN;
        const stretch = { from: switched + settleMs, to: timesOf(events, move)('finish', 'ended') - afterLastPageMs };
        const windows = ratesIn(wires.get('kvm-a') ?? [], stretch, windowMs);
        return judged(name, [{ windows, cap }]);
    };
    return together([
        await measured('post-copy', 8 * mebibyte, 'postcopy'),
        await measured('post-copy with a cap of its own', 5 * mebibyte, 'postcopy { postcopy bandwidth 5 MiB/s }'),
    ]);
}

/** Another cap in the middle of a move: by a rung, and by a window that closes at a full minute. */
async function capChanges(lab: Lab, scratch: string): Promise<Measured> {
    const measured = async (
        name: string,
        before: number,
        after: number,
        how: Partial<Clauses> & Pick<Clauses, 'bandwidth'>,
    ): Promise<Measured> => {
        const { events, wires } = await drainUnder(lab, scratch, [guest('cap8', 112)], { watched: { 'kvm-a': 'sent' }, ...how });
        const [move = ''] = movesOf(events).map(({ id }) => id);
        const at = timesOf(events, move);
        const changed = events.find((e) => e.type === 'setting-applied' && e.setting === 'bandwidth' && e.got === after)?.at ?? NaN;
        const wire = wires.get('kvm-a') ?? [];
        const first = ratesIn(wire, { from: at('perform', 'entered') + settleMs, to: changed }, windowMs);
        const then = ratesIn(wire, { from: changed + settleMs, to: at('perform', 'ended') }, windowMs);
        return judged(name, [
            { windows: first, cap: before },
            { windows: then, cap: after },
        ]);
    };
    // Between two of the whole MiB/s that libvirt takes.
    const rung = await measured('changed by a rung', 100e6 / 8, 8 * mebibyte, {
        bandwidth: 'per vm 100 Mbit/s',
        using: 'precopy { after 5 s: bandwidth 8 MiB/s }',
    });
    const closes = Math.ceil((Date.now() + 14_000) / minuteMs) * minuteMs;
    await sleep(Math.max(0, closes - 12_000 - Date.now()));
    const clock = (at: number): string => new Date(at).toISOString().slice(11, 16);
    const window = await measured('changed by a window', 7 * mebibyte, 12 * mebibyte, {
        bandwidth: `per vm 12 MiB/s; between ${clock(closes - 5 * minuteMs)} and ${clock(closes)} in "UTC": per vm 7 MiB/s`,
    });
    return together([rung, window]);
}

/** Of four moves that share a link two switch to post-copy: the sum stays at the cap. */
async function capMixed(lab: Lab, scratch: string): Promise<Measured> {
    const total = 20 * mebibyte;
    const guests = ['cap11', 'cap12', 'cap13', 'cap14'].map(
        (name, i): GuestSpec => ({ ...guest(name, 96), tags: { leaves: i < 2 ? 'yes' : 'no' } }),
    );
    const { events, wires } = await drainUnder(lab, scratch, guests, {
        bandwidth: 'total 20 MiB/s',
        using: 'choose { vm.tag.leaves == "yes": precopy { after 5 s: switch to postcopy }  otherwise: precopy }',
        watched: { 'kvm-a': 'sent' },
    });
    const switches = events.flatMap((e) => (e.type === 'postcopy-started' ? [e.at] : []));
    const begun = movesOf(events).map(({ id }) => timesOf(events, id)('perform', 'entered'));
    const ends = movesOf(events).map(({ id }) => Math.max(timesOf(events, id)('perform', 'ended'), timesOf(events, id)('finish', 'ended')));
    // While all four send: from then on others take what is left, as is measured above.
    const stretch = { from: Math.max(...begun) + settleMs, to: Math.min(...ends) - afterLastPageMs };
    const windows = ratesIn(wires.get('kvm-a') ?? [], stretch, windowMs);
    return together([
        { checks: [atLeast('caps: of four moves those that have switched to post-copy', switches.length, 2, '')], runs: {} },
        judged('two of four in post-copy', [{ windows, cap: total }]),
    ]);
}

/** The same caps where VMs are plain QEMU processes: before and after a switch. */
async function capOnPlainQemu(lab: Lab, scratch: string): Promise<Measured> {
    const cap = 8 * mebibyte;
    const { events, wires } = await drainUnder(lab, scratch, [guest('cap15', 192)], {
        bandwidth: 'per vm 8 MiB/s',
        using: 'precopy { after 10 s: switch to postcopy }',
        watched: { 'kvm-a': 'sent' },
        driver: 'qemu',
    });
    const [move = ''] = movesOf(events).map(({ id }) => id);
    const at = timesOf(events, move);
    const wire = wires.get('kvm-a') ?? [];
    const switched = events.find((e) => e.type === 'postcopy-started')?.at ?? NaN;
    const before = ratesIn(wire, { from: at('perform', 'entered') + settleMs, to: switched }, windowMs);
    // It finishes when the guest runs at its destination; the source's part ends with the last page.
    const after = ratesIn(wire, { from: switched + settleMs, to: at('perform', 'ended') - afterLastPageMs }, windowMs);
    return together([judged('plain QEMU', [{ windows: before, cap }]), judged('plain QEMU in post-copy', [{ windows: after, cap }])]);
}

const together = (parts: readonly Measured[]): Measured => ({
    checks: parts.flatMap(({ checks }) => checks),
    runs: Object.assign({}, ...parts.map(({ runs }) => runs)) as Measured['runs'],
});

type PlannedMoves = Extract<MigrationEvent, { type: 'run-started' }>['plan']['moves'];
const movesOf = (events: readonly MigrationEvent[]): PlannedMoves =>
    events.flatMap((e) => (e.type === 'run-started' ? [...e.plan.moves] : []));

function moveTo(events: readonly MigrationEvent[], host: string): string {
    const moves = movesOf(events).filter((move) => move.destination === host);
    const [id] = moves.map((move) => move.id);
    if (moves.length !== 1 || id === undefined) throw new Error(`${moves.length} moves go to ${host}: one was wanted`);
    return id;
}

/** When a move entered a phase, and when that ended. */
const timesOf =
    (events: readonly MigrationEvent[], move: string) =>
    (phase: 'perform' | 'finish', what: 'entered' | 'ended'): number =>
        events.find(
            (e) =>
                (e.type === 'phase-entered' || e.type === 'phase-ended') &&
                e.type === `phase-${what}` &&
                e.move === move &&
                e.phase === phase,
        )?.at ?? NaN;

/** What a policy of the benchmark says. */
interface Clauses {
    readonly bandwidth: string;
    /** Pre-copy where it is not said. */
    readonly using?: string;
    readonly more?: string;
    /** Hosts whose links are watched. */
    readonly watched: Readonly<Record<string, Way>>;
    /** libvirt's where it is not said. */
    readonly driver?: 'qemu';
}

async function drainUnder(
    lab: Lab,
    scratch: string,
    guests: readonly GuestSpec[],
    { bandwidth, using = 'precopy', more, watched, driver }: Clauses,
): Promise<{ readonly events: readonly MigrationEvent[]; readonly wires: ReadonlyMap<string, readonly Packet[]> }> {
    const start = (spec: GuestSpec): Promise<unknown> =>
        driver === 'qemu'
            ? startPlainGuest(lab, 'kvm-a', spec)
            : startGuest(lab, 'kvm-a', { ...spec, tags: { apart: 'yes', ...spec.tags } });
    await Promise.all(guests.map(start));
    const inventory = path.join(scratch, 'caps.yaml');
    const written = await readFile(lab.inventoryPath, 'utf8');
    await writeFile(inventory, driver === 'qemu' ? drivenByQemu(written) : written);
    await sleep(2000);
    const policy = path.join(scratch, 'caps.mig');
    const clauses = [
        'when host is in maintenance',
        'move vms on host',
        'to hosts prefer least loaded',
        ...(more === undefined ? [] : [`  ${more}`]),
        `using ${using}`,
        `bandwidth { ${bandwidth} }`,
        `at most ${guests.length} at once per host`,
    ];
    await writeFile(policy, `policy caps {\n${clauses.map((clause) => `  ${clause}\n`).join('')}}\n`);
    await using taps = new AsyncDisposableStack();
    const watching = await Promise.all(
        Object.entries(watched).map(async ([host, way]) => [host, taps.use(await WireTap.open(lab, host, way))] as const),
    );
    const [command = '', ...argv] = labCommand(lab, [process.execPath, migRun, policy, '--inventory', inventory, '--yes', '--json']);
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
    for (const { name } of guests) await (driver === 'qemu' ? stopPlainGuest(lab, name) : stopGuest(lab, name));
    return { events, wires: new Map(await Promise.all(watching.map(async ([host, tap]) => [host, await tap.close()] as const))) };
}

type Windows = ReturnType<typeof ratesIn>;

/** Every 2 s window, from whatever moment on, is to be near the cap that is in force. */
function judged(name: string, parts: readonly { readonly windows: Windows; readonly cap: number }[]): Measured {
    const off = parts.flatMap(({ windows, cap }) => windows.map(({ rate }) => Math.abs(rate / cap - 1) * 100));
    const beyond = off.filter((by) => by > 5).length;
    say(
        `${name}: ${parts.map(({ windows, cap }) => `${windows.length} windows, ${described(windows, cap)}`).join('; then ')}; ${beyond} beyond 5 %`,
    );
    const most = Math.max(...parts.map(({ windows, cap }) => furthest(windows, cap)));
    return {
        checks: [atMost(`caps: ${name}, furthest 2 s window from the cap in force`, most, 5, '%')],
        runs: { [`${name}, 2 s windows (MiB/s)`]: parts.flatMap(({ windows }) => windows.map(({ rate }) => rate / mebibyte)) },
    };
}

/** In percent of the cap; infinite where there is no window to judge. */
const furthest = (windows: Windows, cap: number): number =>
    windows.length === 0 ? Infinity : Math.max(...windows.map(({ rate }) => Math.abs(rate / cap - 1) * 100));
const highest = (windows: Windows, cap: number): number =>
    windows.length === 0 ? Infinity : Math.max(...windows.map(({ rate }) => (rate / cap - 1) * 100));

function described(windows: Windows, cap: number): string {
    const of = windows.map(({ rate }) => rate / cap);
    return `${(Math.min(...of) * 100).toFixed(1)} to ${(Math.max(...of) * 100).toFixed(1)} % of ${(cap / mebibyte).toFixed(1)} MiB/s`;
}
