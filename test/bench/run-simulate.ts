/** What a dry run costs at scale: plans of many moves, played in virtual time; a keystroke in the editor waits for no more than this. */
import { bytes, bytesPerSecond, mebibyte } from '@mig/language';
import { simulate } from '@mig/runtime/core';
import type { Plan } from '../../runtime/src/core/model/plan.js';
import type { Snapshot } from '../../runtime/src/core/model/snapshot.js';
import { move, planOf, rung, unlimited } from '../../runtime/src/core/simulate/plan-builders.js';
import { host, noon, snapshot, vm } from '../../runtime/src/core/testing/builders.js';
import { atMost, type Check, median } from './checks.js';

const repeats = 5;
const gigabit = bytesPerSecond(1e9 / 8);

interface Size {
    readonly moves: number;
    readonly hosts: number;
    readonly perHost: number | undefined;
    readonly link: number;
}

/** Guests of 0.5 to 4.5 GiB that write up to 20 MiB/s, each to another host than its own. */
function drainOf({ moves, hosts, perHost, link }: Size): { readonly plan: Plan; readonly from: Snapshot } {
    let seed = 1;
    const below = (n: number): number => {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
        return seed % n;
    };
    const names = Array.from({ length: hosts }, (_, i) => `h${i}`);
    const on = (i: number): string => names[i % hosts] ?? '';
    const guests = Array.from({ length: moves }, (_, i) =>
        vm(`v${i}`, on(i), {
            memory: bytes((512 + below(4096)) * mebibyte),
            dirtyRate: bytesPerSecond(below(20) * mebibyte),
            workingSet: bytes(64 * mebibyte),
        }),
    );
    const from = snapshot(
        names.map((name) => host(name, { links: [{ network: 'mig', capacity: bytesPerSecond(link) }] })),
        guests,
    );
    const ladder = [
        rung({ kind: 'stalled', iterations: 3 }, { kind: 'downtime', ms: 2000 }),
        rung({ kind: 'after', ms: 3_600_000 }, { kind: 'abort' }),
    ];
    const technique = { kind: 'precopy', name: undefined, options: { downtimeMs: 300 }, ladder } as const;
    const planned = guests.map((guest, i) => move(guest, on(i + 1 + below(hosts - 1)), { technique }));
    return { plan: planOf(from, planned, { limits: { ...unlimited, perHost } }), from };
}

function timeOf(size: Size, say: (text: string) => void): number {
    const { plan, from } = drainOf(size);
    const times = Array.from({ length: repeats }, () => {
        const began = performance.now();
        const events = simulate(plan, from, { now: noon, seed: 1 });
        const took = performance.now() - began;
        if (events.at(-1)?.type !== 'run-ended') throw new Error('the simulation did not end');
        return took;
    });
    say(`simulate, ${JSON.stringify(size)}: ${times.map((t) => t.toFixed(0)).join(', ')} ms`);
    return median(times);
}

export function simulations(say: (text: string) => void): {
    readonly checks: readonly Check[];
    readonly runs: Readonly<Record<string, readonly unknown[]>>;
} {
    const time = (size: Size): number => timeOf(size, say);
    const few = time({ moves: 500, hosts: 25, perHost: 4, link: 10 * gigabit });
    const many = time({ moves: 2000, hosts: 100, perHost: 4, link: 10 * gigabit });
    const atOnce = time({ moves: 500, hosts: 20, perHost: undefined, link: 10 * gigabit });
    const starving = time({ moves: 500, hosts: 20, perHost: undefined, link: gigabit });
    return {
        checks: [
            atMost('simulate: 2,000 moves, 100 hosts, 4 at once per host', many, 1000, 'ms'),
            atMost('simulate: growth from 500 moves on 25 hosts to 2,000 on 100', many / few, 8, 'x'),
            atMost('simulate: 500 moves at once, 20 hosts, no limit', atOnce, 2000, 'ms'),
            atMost('simulate: the same on links that leave most without an end within an hour', starving, 2000, 'ms'),
        ],
        runs: { 'simulate (ms)': [{ few, many, atOnce, starving }] },
    };
}
