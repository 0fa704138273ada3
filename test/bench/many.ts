/** Many small guests at once: limits are never passed, and no slot is idle while work waits. Both read from the events of the run. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { MigrationEvent } from '@mig/runtime/core';
import { keptBy } from '../../runtime/src/core/testing/idle.js';
import { type Lab, startGuest, stopGuest } from '../../runtime/src/edges/lab/door.js';
import { atLeast, atMost, type Check } from './checks.js';

const hosts = ['kvm-a', 'kvm-b', 'kvm-c'];
const atOnce = 8;
const idleMs = 300;

/** Every VM goes to another host, a few from each at any time. */
const policy = `policy many {
  move vms order by vm.name
  to hosts prefer least loaded
  using precopy { downtime 300 ms; after 2 min: abort }
  at most ${atOnce} in all
}
`;

/** What ran, and how it ended. */
export interface ManyRun {
    readonly totalMs: number;
    readonly moved: number;
    readonly exceeded: readonly string[];
    readonly longestIdleMs: number;
    readonly mostAtOnce: number;
}

/** `run` carries out a policy with an inventory, and hands back its events. */
export type RunPolicy = (policy: string, inventory: string) => Promise<readonly MigrationEvent[]>;

/** On simulated hosts, with their own time. */
export async function manySimulated(moves: number, scratch: string, run: RunPolicy): Promise<ManyRun> {
    const vm = (n: number): string =>
        `        - { name: ${nameOf(n)}, memory: 64 MiB, zero_share: 50%, dirty_rate: 1 MiB/s, hot_set: 4 MiB }`;
    const text = [
        'networks:\n  - { name: migration, capacity: 1 Gbit/s }\nhosts:',
        ...hosts.map((name, h) => {
            const vms = numbers(moves).filter((n) => n % hosts.length === h);
            const address = `migration: { network: migration, address: 10.66.1.${11 + h} }`;
            return `  ${name}:\n    driver: simulated\n    ${address}\n    simulated:\n      memory: 64 GiB\n      cpus: 16\n      vms:\n${vms.map(vm).join('\n')}`;
        }),
    ].join('\n');
    const inventory = path.join(scratch, 'many.yaml');
    await writeFile(inventory, `${text}\n`);
    return described(await run(await policyIn(scratch), inventory));
}

/** On the hosts of a lab. */
export async function manyInLab(moves: number, lab: Lab, scratch: string, run: RunPolicy, say: (text: string) => void): Promise<ManyRun> {
    for (const few of portionsOf(numbers(moves), hosts.length * 2)) {
        await Promise.all(
            few.map((n) =>
                startGuest(lab, hosts[n % hosts.length] ?? '', {
                    name: nameOf(n),
                    memoryMiB: 16,
                    randomShare: 0.5,
                    dirtyPagesPerSecond: 10,
                    hotSetMiB: 1,
                }),
            ),
        );
        say(`${few.at(-1) ?? 0} guests run`);
    }
    const found = described(await run(await policyIn(scratch), lab.inventoryPath));
    for (const few of portionsOf(numbers(moves), hosts.length * 4))
        await Promise.all(few.map((n) => stopGuest(lab, nameOf(n)).catch(() => undefined)));
    return found;
}

export function checksOfMany(where: string, moves: number, { moved, exceeded, longestIdleMs, mostAtOnce }: ManyRun): readonly Check[] {
    return [
        atLeast(`many, ${where}: moves that arrived`, moved, moves, ''),
        atMost(`many, ${where}: limits passed`, exceeded.length, 0, ''),
        atLeast(`many, ${where}: most at once`, mostAtOnce, atOnce, ''),
        atMost(`many, ${where}: longest time a slot was idle while work waited`, longestIdleMs, idleMs, 'ms'),
    ];
}

function described(events: readonly MigrationEvent[]): ManyRun {
    const { exceeded, longestIdle, mostAtOnce } = keptBy(events);
    const moved = events.filter((e) => e.type === 'move-ended' && e.outcome === 'moved').length;
    return { totalMs: (events.at(-1)?.at ?? 0) - (events[0]?.at ?? 0), moved, exceeded, longestIdleMs: longestIdle, mostAtOnce };
}

async function policyIn(scratch: string): Promise<string> {
    const file = path.join(scratch, 'many.mig');
    await writeFile(file, policy);
    return file;
}

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1);
const nameOf = (n: number): string => `v${String(n).padStart(3, '0')}`;

function* portionsOf<T>(all: readonly T[], size: number): Generator<readonly T[]> {
    for (let i = 0; i < all.length; i += size) yield all.slice(i, i + size);
}
