/**
 * `npm run bench:run`: the main job on real hosts, side by side with the tools that people use now.
 * Needs the lab (root on Linux). Options: --pairs N, --only start|calls|caps|drain|many|simulate|techniques|traffic, --moves N (of many), --no-lab (many on simulated hosts alone).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type InventoryHost, type MigrationEvent, parseInventory } from '@mig/runtime/core';
import { defaultLab, type GuestSpec, type Lab, labCommand, labUp, startGuest, stopGuest } from '../../runtime/src/edges/lab/door.js';
import { openAccess } from '../../runtime/src/edges/ssh/open-access.js';
import { findDaemon } from '../../runtime/src/edges/hypervisor/libvirt/connect.js';
import { procedures } from '../../runtime/src/edges/hypervisor/libvirt/procedures.js';
import { checksOfMany, manyInLab, manySimulated, type RunPolicy } from './many.js';
import { caps } from './run-caps.js';
import { atLeast, atMost, type Check, machine, median, report } from './checks.js';
import { simulations } from './run-simulate.js';
import { techniques } from './run-techniques.js';
import { traffic } from './run-traffic.js';

const option = (name: string): string | undefined => {
    const at = process.argv.indexOf(name);
    return at < 0 ? undefined : process.argv[at + 1];
};
const pairs = Number(option('--pairs')) || 5;
const parts = ['start', 'calls', 'caps', 'drain', 'many', 'simulate', 'techniques', 'traffic'] as const;
const wanted = (part: (typeof parts)[number]): boolean => (option('--only') ?? part) === part;
const migRun = path.resolve('runtime/bin/mig-run.cjs');
const guests: readonly GuestSpec[] = Array.from({ length: 6 }, (_, i) => ({
    name: `vm${i + 1}`,
    memoryMiB: 256,
    randomShare: 0.5,
    persistent: true,
}));
const destinations = ['kvm-b', 'kvm-c'];
const windowMs = 1000;
const callsOption = '--measure-calls';
const say = (text: string) => process.stderr.write(`${text}\n`);

interface Ended {
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
    readonly ms: number;
    /** When it was started, on the wall clock. */
    readonly startedAt: number;
}

async function timed(argv: readonly string[]): Promise<Ended> {
    const [command = '', ...rest] = argv;
    const startedAt = Date.now();
    const began = performance.now();
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? 1, stdout, stderr, ms: performance.now() - began, startedAt };
}

async function inLab(lab: Lab, argv: readonly string[], host?: string): Promise<Ended> {
    const ended = await timed(labCommand(lab, argv, host));
    if (ended.code !== 0) throw new Error(`${argv.join(' ')} ended with ${ended.code}: ${(ended.stderr || ended.stdout).slice(-2000)}`);
    return ended;
}

const eventsOf = (text: string): MigrationEvent[] =>
    text
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as MigrationEvent)
        .filter((event) => typeof event.type === 'string');

/** What guests and daemons still do after a start is over by then. */
const settleMs = 2000;

/** Every guest on the first host, whatever was there before, and the machine quiet. */
async function freshGuests(lab: Lab): Promise<void> {
    for (const { name } of guests) await stopGuest(lab, name).catch(() => undefined);
    await Promise.all(guests.map((spec) => startGuest(lab, 'kvm-a', spec)));
    await sleep(settleMs);
}

/** What one part of the benchmark found. */
interface Measured {
    readonly checks: readonly Check[];
    readonly runs: Readonly<Record<string, readonly unknown[]>>;
}

interface Drain {
    readonly totalMs: number;
    /** By the source's statistics at completion. */
    readonly downtimesMs: readonly number[];
}

async function drainByMigRun(lab: Lab, policy: string): Promise<Drain> {
    const { stdout, ms } = await inLab(lab, [process.execPath, migRun, policy, '--inventory', lab.inventoryPath, '--yes', '--json']);
    const downtimesMs = eventsOf(stdout).flatMap((event) =>
        event.type === 'job-completed' && event.downtimeMs !== undefined ? [event.downtimeMs] : [],
    );
    if (downtimesMs.length !== guests.length) throw new Error(`${downtimesMs.length} of ${guests.length} VMs told their downtime`);
    return { totalMs: ms, downtimesMs };
}

/** All at once, as `virsh migrate` is used for a drain; the same technique and flags, half to each destination. */
async function drainByVirsh(lab: Lab): Promise<Drain> {
    const began = performance.now();
    await Promise.all(
        guests.map(({ name }, i) => {
            const destination = destinations[i % destinations.length] ?? '';
            const address = lab.hosts.find((h) => h.name === destination)?.migrationAddress ?? '';
            const argv = [
                'virsh',
                'migrate',
                '--live',
                '--persistent',
                '--undefinesource',
                name,
                `qemu+ssh://${destination}/system`,
                `tcp://${address}`,
                '--listen-address',
                address,
            ];
            return inLab(lab, argv, 'kvm-a');
        }),
    );
    const totalMs = performance.now() - began;
    const downtimesMs = await Promise.all(
        guests.map(async ({ name }, i) => {
            const { stdout } = await inLab(lab, ['virsh', 'domjobinfo', '--completed', name], destinations[i % destinations.length]);
            return Number(/Total downtime:\s+(\d+)/.exec(stdout)?.[1] ?? Number.NaN);
        }),
    );
    return { totalMs, downtimesMs };
}

async function drain(lab: Lab, scratch: string): Promise<Measured> {
    const policy = path.join(scratch, 'drain.mig');
    // No cap: virsh sets none either.
    await writeFile(
        policy,
        'policy drain {\n  when host is in maintenance\n  move vms on host\n  to hosts prefer least loaded\n  using precopy\n  at most 2 at once per host\n}\n',
    );
    const ours: Drain[] = [];
    const theirs: Drain[] = [];
    for (let pair = 0; pair < pairs; pair++) {
        const halves = [async () => ours.push(await drainByMigRun(lab, policy)), async () => theirs.push(await drainByVirsh(lab))];
        for (const half of pair % 2 === 0 ? halves : halves.reverse()) {
            await freshGuests(lab);
            await half();
        }
        say(`pair ${pair + 1}: mig-run ${describe(ours.at(-1))}; virsh ${describe(theirs.at(-1))}`);
    }
    const longest = (d: Drain) => Math.max(...d.downtimesMs);
    /** Of each pair, which ran one after the other. */
    const times = (figure: (d: Drain) => number) =>
        median(ours.map((o, i) => figure(o) / (theirs[i] === undefined ? Number.NaN : figure(theirs[i]))));
    const total = times((d) => d.totalMs);
    const downtime = times(longest);
    return {
        checks: [
            atMost('drain: total time, of virsh migrate all at once', total, 0.95, 'x'),
            atMost('drain: longest downtime, of virsh migrate all at once', downtime, 0.5, 'x'),
        ],
        runs: { 'drain mig-run': ours, 'drain virsh': theirs },
    };
}

const describe = (d: Drain | undefined) =>
    d === undefined ? '-' : `${(d.totalMs / 1000).toFixed(2)} s, longest downtime ${Math.max(...d.downtimesMs)} ms`;

/** From the start of the process to the first migration phase. */
async function firstPhase(lab: Lab, scratch: string, name: string, condition: string, extra: readonly string[]): Promise<number[]> {
    const policy = path.join(scratch, `${name}.mig`);
    await writeFile(
        policy,
        `policy ${name} {\n  when host is in maintenance\n  move vms on host ${condition}\n  to hosts prefer least loaded\n  using precopy\n  at most 2 at once per host\n}\n`,
    );
    const samples: number[] = [];
    for (let i = 0; i < pairs; i++) {
        await freshGuests(lab);
        const { stdout, startedAt } = await inLab(lab, [
            process.execPath,
            migRun,
            policy,
            '--inventory',
            lab.inventoryPath,
            '--yes',
            '--json',
            ...extra,
        ]);
        const first = eventsOf(stdout).find((event) => event.type === 'phase-entered');
        if (first === undefined) throw new Error(`no phase was entered: ${stdout.slice(0, 500)}`);
        samples.push(first.at - startedAt);
        say(`${name}: first phase after ${Math.round(first.at - startedAt)} ms`);
    }
    return samples;
}

async function starts(lab: Lab, scratch: string): Promise<Measured> {
    const noRate = await firstPhase(lab, scratch, 'plain', '', []);
    const withRate = await firstPhase(lab, scratch, 'rated', 'where vm.dirty_rate >= 0 MiB/s', ['--window', String(windowMs / 1000)]);
    return {
        checks: [
            atMost('start to first phase, no rate read', median(noRate), 1000, 'ms'),
            atMost('start to first phase, a rate read (window 1 s)', median(withRate), windowMs + 1000, 'ms'),
        ],
        runs: { 'first phase, no rate (ms)': noRate, 'first phase, rate (ms)': withRate },
    };
}

/** Calls a second of the native protocol and of virsh, over one SSH connection: measured where the hosts can be reached. */
async function callRates(lab: Lab): Promise<Measured> {
    // Statistics are of the guests that a host has; one is enough, and leaves the machine to what is measured.
    for (const { name } of guests) await stopGuest(lab, name).catch(() => undefined);
    await Promise.all(guests.slice(0, 1).map((spec) => startGuest(lab, 'kvm-a', spec)));
    await sleep(settleMs);
    const { stdout, stderr } = await inLab(lab, [
        process.execPath,
        process.argv[1] ?? '',
        callsOption,
        lab.inventoryPath,
        '--pairs',
        String(pairs),
    ]);
    process.stderr.write(stderr);
    const rates = JSON.parse(stdout) as Record<string, number>[];
    const times = (key: string, other: string) => median(rates.map((r) => (r[key] ?? Number.NaN) / (r[other] ?? Number.NaN)));
    return {
        checks: [
            atLeast('calls: hostname, of virsh over exec', times('hostname', 'virsh hostname'), 50, 'x'),
            atLeast('calls: all-domain statistics, of virsh over exec', times('statistics', 'virsh domstats'), 4, 'x'),
        ],
        runs: { 'calls per second': rates },
    };
}

const callTurns = 5;
const callTurnMs = 400;

async function measureCalls(inventoryPath: string): Promise<Record<string, number>[]> {
    const { inventory } = parseInventory(await readFile(inventoryPath, 'utf8'), inventoryPath);
    const host = inventory?.hosts[0] as InventoryHost;
    const { signal } = new AbortController();
    await using access = await openAccess(host, signal);
    const { connection } = await findDaemon(access, signal);
    await using daemon = connection;
    const stats = { domains: [], stats: 0, flags: 0 };
    /** Calls a second of each, in turns: what the machine is slow with at a time, it is slow with for both. */
    const perSecond = async (ours: () => Promise<unknown>, theirs: () => Promise<unknown>): Promise<readonly [number, number]> => {
        const sides = [ours, theirs].map((call) => ({ call, calls: 0, ms: 0 }));
        for (let turn = 0; turn < callTurns; turn++) {
            for (const side of sides) {
                await side.call();
                const began = performance.now();
                while (performance.now() - began < callTurnMs) {
                    await side.call();
                    side.calls++;
                }
                side.ms += performance.now() - began;
            }
        }
        const [a = Number.NaN, b = Number.NaN] = sides.map(({ calls, ms }) => (calls * 1000) / ms);
        return [a, b];
    };
    const virsh = async (...argv: string[]) => {
        const { code, stderr } = await access.run(['virsh', ...argv], signal);
        if (code !== 0) throw new Error(`virsh ${argv.join(' ')}: ${stderr}`);
    };
    const rates: Record<string, number>[] = [];
    for (let i = 0; i < pairs; i++) {
        const [hostname, virshHostname] = await perSecond(
            () => daemon.call(procedures.connectGetHostname, undefined, signal),
            () => virsh('hostname'),
        );
        const [statistics, virshDomstats] = await perSecond(
            () => daemon.call(procedures.connectGetAllDomainStats, stats, signal),
            () => virsh('domstats'),
        );
        rates.push({ hostname, 'virsh hostname': virshHostname, statistics, 'virsh domstats': virshDomstats });
        say(
            `calls per second: ${JSON.stringify(Object.fromEntries(Object.entries(rates.at(-1) ?? {}).map(([k, v]) => [k, Math.round(v)])))}`,
        );
    }
    return rates;
}

async function many(lab: Lab | undefined, scratch: string): Promise<Measured> {
    const moves = Number(option('--moves')) || 100;
    const argvOf = (policy: string, inventory: string) => [
        process.execPath,
        migRun,
        policy,
        '--inventory',
        inventory,
        '--policy',
        'many',
        '--yes',
        '--json',
    ];
    const simulated: RunPolicy = async (policy, inventory) => eventsOf((await timed(argvOf(policy, inventory))).stdout);
    const played = await manySimulated(moves, scratch, simulated);
    say(`many, simulated: ${JSON.stringify(played)}`);
    const checks = checksOfMany('simulated hosts', moves, played);
    if (!lab) return { checks, runs: { 'many simulated': [played] } };
    const real: RunPolicy = async (policy, inventory) => eventsOf((await inLab(lab, argvOf(policy, inventory))).stdout);
    const ran = await manyInLab(moves, lab, scratch, real, say);
    say(`many, lab: ${JSON.stringify(ran)}`);
    return { checks: [...checks, ...checksOfMany('lab', moves, ran)], runs: { 'many simulated': [played], 'many lab': [ran] } };
}

async function main(): Promise<void> {
    if (process.argv.includes('--no-lab')) {
        const { checks, runs } = await many(undefined, await mkdtemp(path.join(os.tmpdir(), 'mig-bench-')));
        report({ checks, machine: machine(), runs });
        return;
    }
    const found: Measured[] = wanted('simulate') ? [simulations(say)] : [];
    // Its links are others, and carry guests' traffic too.
    if (wanted('traffic')) found.push(await traffic(Number(option('--pairs')) || 3, runIn, say));
    if (parts.some((part) => !onItsOwn.includes(part) && wanted(part))) found.push(...(await onDefaultLab()));
    report({
        checks: found.flatMap((part) => part.checks),
        machine: machine(),
        runs: Object.assign({}, ...found.map((part) => part.runs)) as Measured['runs'],
    });
}

/** Parts that need no lab, or one of their own. */
const onItsOwn: readonly string[] = ['simulate', 'traffic'];

const runIn = async (lab: Lab, policy: string, inventory: string): Promise<readonly MigrationEvent[]> =>
    eventsOf((await inLab(lab, [process.execPath, migRun, policy, '--inventory', inventory, '--yes', '--json'])).stdout);

async function onDefaultLab(): Promise<readonly Measured[]> {
    await using lab = await labUp({ ...defaultLab, name: 'bench' }, { tied: true, onProgress: say });
    const scratch = path.dirname(lab.inventoryPath);
    return [
        ...(wanted('start') ? [await starts(lab, scratch)] : []),
        ...(wanted('calls') ? [await callRates(lab)] : []),
        ...(wanted('caps') ? [await caps(lab, scratch)] : []),
        ...(wanted('techniques') ? [await techniques(lab, scratch, say)] : []),
        ...(wanted('drain') ? [await drain(lab, scratch)] : []),
        ...(wanted('many') ? [await many(lab, scratch)] : []),
    ];
}

const measured = process.argv.indexOf(callsOption);
if (measured > 0) process.stdout.write(JSON.stringify(await measureCalls(process.argv[measured + 1] ?? '')));
else await main();
