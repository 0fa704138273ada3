import { expect } from 'vitest';
import { fc, test } from '@fast-check/vitest';
import type { Plan, PlannedMove } from '../model/plan.js';
import type { Snapshot, VmState } from '../model/snapshot.js';
import { digest, inventoryOf, noon } from '../testing/builders.js';
import { clusters, evacuateApart, shuffleApart } from '../testing/clusters.js';
import { program } from '../testing/program.js';
import { makePlan } from './plan.js';
import { whyStale } from './stale.js';

const small = clusters({ onA: 5, elsewhere: 3 });
const policies = fc.constantFrom(evacuateApart, shuffleApart);

function planFor(snapshot: Snapshot, policy = evacuateApart): Plan {
    const { plan } = makePlan(program([policy]), inventoryOf(snapshot), snapshot, { now: noon, digest });
    if (!plan) throw new Error('no plan was made');
    return plan;
}

test.prop([small])('as many VMs find a place as any assignment could give one', (snapshot) => {
    expect(planFor(snapshot).moves.length).toBe(mostThatFit(snapshot));
});

test.prop([small, policies])('no VM goes to where it is, to a host in maintenance, or twice', (snapshot, policy) => {
    const { moves } = planFor(snapshot, policy);
    for (const move of moves) {
        expect(move.destination).not.toBe(move.source);
        expect(move.destination).not.toBe('a');
    }
    expect(new Set(moves.map((move) => move.vm.uuid)).size).toBe(moves.length);
});

test.prop([small, policies, fc.infiniteStream(fc.nat())])(
    'memory suffices and roles stay apart at every step, in whatever order moves start and end',
    (snapshot, policy, choices) => {
        const run = new Cluster(snapshot);
        for (const step of anyOrder(planFor(snapshot, policy).moves, choices)) {
            run.take(step);
            expect(run.problems()).toEqual([]);
        }
    },
);

test.prop([small, policies, fc.infiniteStream(fc.nat())])(
    'the order in which hosts and VMs were observed changes nothing',
    (snapshot, policy, choices) => {
        const shuffled = { ...snapshot, hosts: shuffle(snapshot.hosts, choices), vms: shuffle(snapshot.vms, choices) };
        expect(planFor(shuffled, policy)).toEqual(planFor(snapshot, policy));
    },
);

test.prop([small, policies])('a plan survives being written down, and keeps its name', (snapshot, policy) => {
    const plan = planFor(snapshot, policy);
    const read = JSON.parse(JSON.stringify(plan)) as Plan;
    expect(read).toEqual(plan);
    expect(planFor(snapshot, policy).id).toBe(plan.id);
});

test.prop([small, policies])('a plan holds on the Snapshot that it was made from', (snapshot, policy) => {
    expect(whyStale(planFor(snapshot, policy), snapshot)).toEqual([]);
});

test.prop([small, policies])('every VM of the policy is moved, not placed for a reason per host, or passed over', (snapshot, policy) => {
    const plan = planFor(snapshot, policy);
    const passed = plan.instances.flatMap((one) => one.passedOver.map(({ vm }) => vm));
    const told = [...plan.moves.map((m) => m.vm.name), ...plan.unplaced.map((u) => u.vm), ...passed];
    const wanted = snapshot.vms.filter((vm) => policy === shuffleApart || vm.host === 'a').map((vm) => vm.name);
    expect(told.sort()).toEqual(wanted.sort());
    for (const { excluded, source } of plan.unplaced)
        expect(excluded.map((e) => e.host)).toEqual(['a', 'b', 'c', 'd'].filter((h) => h !== source));
});

/** By trying all assignments: the most VMs of `a` that fit elsewhere at once. */
function mostThatFit(snapshot: Snapshot): number {
    const vms = snapshot.vms.filter((vm) => vm.host === 'a');
    const others = snapshot.hosts.filter((host) => host.name !== 'a');
    const best = (i: number, placed: readonly VmState[]): number => {
        const vm = vms[i];
        if (!vm) return placed.length;
        const staying = snapshot.vms.filter((v) => v.host !== 'a');
        const there = (host: string): readonly VmState[] => [...staying, ...placed].filter((v) => v.host === host);
        const fits = others.filter(({ name, memoryFree }) => {
            const arrived = placed.filter((v) => v.host === name).reduce((sum, v) => sum + v.memory, 0);
            const near = vm.tags['role'] !== undefined && there(name).some((v) => v.tags['role'] === vm.tags['role']);
            return arrived + vm.memory <= memoryFree && !near;
        });
        return Math.max(best(i + 1, placed), ...fits.map(({ name }) => best(i + 1, [...placed, { ...vm, host: name }])));
    };
    return best(0, []);
}

type Step = { readonly kind: 'start' | 'end'; readonly move: PlannedMove };

/** Starts and ends of moves, in any order that their `after` allows. */
function* anyOrder(moves: readonly PlannedMove[], choices: Iterator<number>): Generator<Step> {
    const waiting = [...moves];
    const running: PlannedMove[] = [];
    const ended = new Set<string>();
    while (waiting.length + running.length > 0) {
        const ready: readonly Step[] = [
            ...waiting.filter((m) => m.after.every((id) => ended.has(id))).map((move): Step => ({ kind: 'start', move })),
            ...running.map((move): Step => ({ kind: 'end', move })),
        ];
        const step = ready[next(choices) % ready.length];
        if (!step) throw new Error('moves wait for each other');
        const from = step.kind === 'start' ? waiting : running;
        from.splice(from.indexOf(step.move), 1);
        if (step.kind === 'start') running.push(step.move);
        else ended.add(step.move.id);
        yield step;
    }
}

/** What each host holds while moves run: a VM that moves takes memory at both ends. */
class Cluster {
    private readonly free: Map<string, number>;
    private readonly on: Map<string, VmState[]>;
    private readonly arrived = new Set<string>();

    constructor(snapshot: Snapshot) {
        this.free = new Map(snapshot.hosts.map((h) => [h.name, h.memoryFree]));
        this.on = new Map(snapshot.hosts.map((h) => [h.name, snapshot.vms.filter((v) => v.host === h.name)]));
    }

    take({ kind, move }: Step): void {
        const host = kind === 'start' ? move.destination : move.source;
        const vm = [...this.on.values()].flat().find((v) => v.uuid === move.vm.uuid);
        if (!vm) throw new Error(`${move.vm.name} is nowhere`);
        const there = this.on.get(host) ?? [];
        this.on.set(host, kind === 'start' ? [...there, vm] : there.filter((v) => v !== vm));
        this.free.set(host, (this.free.get(host) ?? 0) + (kind === 'start' ? 0 - vm.memory : vm.memory));
        if (kind === 'start') this.arrived.add(vm.uuid);
    }

    problems(): readonly string[] {
        const full = [...this.free].filter(([name, free]) => name !== 'a' && free < 0).map(([name]) => `${name} is out of memory`);
        const near = [...this.on].flatMap(([name, vms]) =>
            vms
                .filter((v) => this.arrived.has(v.uuid) && name !== 'a' && v.tags['role'] !== undefined)
                .filter((v) => v.host !== name && vms.some((w) => w !== v && w.tags['role'] === v.tags['role']))
                .map((v) => `${v.name} is not apart on ${name}`),
        );
        return [...full, ...near];
    }
}

function shuffle<T>(items: readonly T[], choices: Iterator<number>): readonly T[] {
    return items
        .map((item) => ({ item, at: next(choices) }))
        .sort((x, y) => x.at - y.at)
        .map(({ item }) => item);
}

function next(choices: Iterator<number>): number {
    const choice = choices.next();
    return choice.done === true ? 0 : choice.value;
}
