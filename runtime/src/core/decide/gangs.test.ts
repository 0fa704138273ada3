/** Order, gangs, and what does not move without the rest: policies as people write them, to plans. */
import { compileText } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { Plan } from '../model/plan.js';
import type { Snapshot } from '../model/snapshot.js';
import { digest, gib, host, inventoryOf, snapshot, vm } from '../testing/builders.js';
import { makePlan } from './plan.js';

async function planFor(clauses: { readonly move?: string; readonly more?: string; readonly to?: string }, on: Snapshot): Promise<Plan> {
    const text = `policy drain {
      when host is in maintenance
      move vms on host ${clauses.move ?? ''}
      to hosts ${clauses.to ?? ''}
      using precopy { downtime 300 ms; after 5 min: abort }
      ${clauses.more ?? ''}
    }`;
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text });
    if (!program) throw new Error(findings.map((f) => f.message).join('\n'));
    const { plan, findings: more } = makePlan(program, inventoryOf(on), on, { now: on.takenAt, digest });
    if (!plan) throw new Error(more.map((f) => f.message).join('\n'));
    return plan;
}

const app = (name: string) => ({ tags: { app: name } });
const cluster = snapshot(
    [host('a', { maintenance: true }), host('b'), host('c')],
    [vm('db1', 'a', app('db')), vm('db2', 'a', app('db')), vm('web1', 'a', app('web')), vm('web2', 'a', app('web'))],
);
const tight = snapshot(
    [host('a', { maintenance: true }), host('b', { memoryFree: gib(9) })],
    [vm('db1', 'a', { ...app('db'), memory: gib(4) }), vm('db2', 'a', { ...app('db'), memory: gib(8) }), vm('web', 'a', app('web'))],
);
const idOf = (plan: Plan, name: string) => plan.moves.find((m) => m.vm.name === name)?.id;
const moved = (plan: Plan) => plan.moves.map((m) => m.vm.name);
const whyNot = (plan: Plan, name: string) => plan.instances[0]?.passedOver.find((p) => p.vm === name)?.because.text;

describe('gangs', () => {
    test('VMs with the same value start together', async () => {
        const plan = await planFor({ move: 'together by vm.tag.app' }, cluster);
        expect(plan.gangs?.map((g) => ({ ...g, moves: g.moves.length }))).toEqual([
            { name: 'vm.tag.app "db"', moves: 2, allOrNone: false },
            { name: 'vm.tag.app "web"', moves: 2, allOrNone: false },
        ]);
    });
    test('a gang that is all or none stays where one of it finds no place, and leaves its room to others', async () => {
        const plan = await planFor({ move: 'order by vm.memory ascending together by vm.tag.app all or none' }, tight);
        expect(moved(plan)).toEqual(['web']);
        expect(whyNot(plan, 'db1') ?? whyNot(plan, 'db2')).toMatch(/of the same gang does not move, and it is all or none/);
    });
});

describe('order', () => {
    test('what starts before something else has to have moved first', async () => {
        const plan = await planFor({ more: 'start vm "web1", "web2" before vm "db1"' }, cluster);
        const db1 = plan.moves.find((m) => m.vm.name === 'db1');
        expect([...(db1?.after ?? [])].sort()).toEqual([idOf(plan, 'web1'), idOf(plan, 'web2')].sort());
        expect(db1?.because.map((r) => r.text).join()).toMatch(/starts when web1 \(m3\) has moved/);
    });
    test('an order that bites its own tail is told, and does not hold the run up', async () => {
        const plan = await planFor({ more: 'start vm "db1" before vm "db2"\nstart vm "db2" before vm "db1"' }, cluster);
        expect(plan.warnings.map((w) => w.text).join()).toMatch(/db1 is not kept until after db2, which itself has to wait for it/);
    });
    test('what never runs during the move of another', async () => {
        const plan = await planFor({ more: 'never during move of vm "db2"' }, cluster);
        const db2 = idOf(plan, 'db2');
        expect(plan.moves.filter((m) => m.id !== db2).every((m) => m.neverDuring?.[0] === db2)).toBe(true);
    });
});

describe('VMs that cannot move', () => {
    const stuck = snapshot(
        [host('a', { maintenance: true }), host('b')],
        [vm('one', 'a'), vm('two', 'a'), vm('gpu', 'a', { passthrough: ['0000:01:00.0'] })],
    );
    test('are skipped unless said otherwise', async () => {
        expect(moved(await planFor({}, stuck))).toEqual(['one', 'two']);
    });
    test('keep the others of their host from moving with `skip host`', async () => {
        const plan = await planFor({ move: 'immovable: skip host' }, stuck);
        expect(moved(plan)).toEqual([]);
        expect(whyNot(plan, 'one')).toBe('gpu cannot move, so a is skipped');
    });
    test('halt the plan where that is said', async () => {
        const plan = await planFor({ move: 'immovable: halt plan' }, stuck);
        expect(moved(plan)).toEqual([]);
        expect(plan.warnings.map((w) => w.text)).toContain('gpu cannot move, and the plan halts');
    });
    test('are shut down with `shut down vm`, the others move, and both rest on what was seen', async () => {
        const plan = await planFor({ move: 'immovable: shut down vm' }, stuck);
        expect(moved(plan)).toEqual(['one', 'two']);
        expect(plan.unplaced).toEqual([]);
        expect(plan.shutdowns).toMatchObject([{ vm: { name: 'gpu' }, host: 'a', withinMs: 120_000 }]);
        expect(plan.shutdowns?.[0]?.because.map(({ text }) => text)).toEqual([
            expect.stringMatching(/^cannot be moved: it uses/),
            'so it is shut down',
        ]);
        expect(plan.shutdowns?.[0]?.actions.map(({ call }) => call)).toEqual(['flock', 'virDomainShutdown']);
        expect(plan.assumptions).toContainEqual(expect.objectContaining({ kind: 'vm-state', name: 'gpu', state: 'running' }));
    });
    test('have as long as the policy says', async () => {
        const plan = await planFor({ move: 'immovable: shut down vm within 10 min' }, stuck);
        expect(plan.shutdowns).toMatchObject([{ vm: { name: 'gpu' }, withinMs: 600_000 }]);
        expect(plan.shutdowns?.[0]?.actions.at(-1)?.with).toMatchObject({ within: '10 min' });
    });
    test('are shut down as well where no host takes them, with what excluded which', async () => {
        const wide = snapshot([host('a', { maintenance: true }), host('b', { memoryFree: gib(1) })], [vm('big', 'a', { memory: gib(8) })]);
        const plan = await planFor({ move: 'immovable: shut down vm' }, wide);
        expect(plan.moves).toEqual([]);
        expect(plan.shutdowns?.[0]?.because.map(({ text }) => text).join('; ')).toMatch(/^b .*memory.*; so it is shut down$/);
    });
    test.each([
        ['which another run moves', { mover: 'run r9' }, /another run is moving it/],
        ['on which a job is under way', { activeJob: 'a backup' }, /a job is under way on it/],
        ['which are paused', { state: 'paused' as const, passthrough: ['0000:01:00.0'] }, /only a guest that runs/],
        ['which would be gone with their process', { persistent: false, passthrough: ['0000:01:00.0'] }, /not defined on its host/],
    ])('%s are not shut down: that would take more from their owners than was said', async (_, facts, why) => {
        const plan = await planFor(
            { move: 'immovable: shut down vm' },
            snapshot([host('a', { maintenance: true }), host('b')], [vm('x', 'a', facts)]),
        );
        expect(plan.shutdowns).toBeUndefined();
        expect(plan.unplaced[0]?.excluded.at(-1)?.because.text).toMatch(why);
    });
    test('moves only if the host becomes empty', async () => {
        const plan = await planFor({ move: 'except vm.name == "two" only if host becomes empty' }, stuck);
        expect(moved(plan)).toEqual([]);
        expect(whyNot(plan, 'one')).toBe('a would not become empty: gpu stays');
        expect(moved(await planFor({ move: 'only if host becomes empty' }, cluster))).toHaveLength(4);
    });
});

describe('another destination', () => {
    test('is the next best host, with room for every move that may fail', async () => {
        const plan = await planFor({ more: 'on failure other destination, then leave' }, cluster);
        for (const move of plan.moves) expect(move.otherDestination?.destination).toBe(move.destination === 'b' ? 'c' : 'b');
        const full = snapshot(
            [host('a', { maintenance: true }), host('b', { memoryFree: gib(16) }), host('c', { memoryFree: gib(5) })],
            [vm('one', 'a'), vm('two', 'a')],
        );
        const few = await planFor({ to: 'prefer most free memory', more: 'on failure other destination' }, full);
        expect(few.moves.map((m) => m.otherDestination?.destination)).toEqual(['c', undefined]);
    });
});

describe('triage', () => {
    const weighed = snapshot(
        [host('a', { maintenance: true }), host('b')],
        [vm('heavy', 'a', { tags: { weight: '5' }, memory: gib(8), vcpus: 5 }), vm('light', 'a', { memory: gib(1), vcpus: 1 })],
    );
    test('takes first what saves the most weight for its memory', async () => {
        expect(moved(await planFor({ move: 'triage by vm.vcpus' }, weighed))).toEqual(['light', 'heavy']);
        expect(moved(await planFor({ move: 'triage by vm.vcpus * vm.vcpus' }, weighed))).toEqual(['heavy', 'light']);
    });
});

describe('a deadline', () => {
    const more = (deadline: string) => `bandwidth { total 100 Mbit/s }\n require duration <= 1 min\n ${deadline}`;
    test('waives caps and promises where one pass over all memory takes longer, and says so', async () => {
        const plan = await planFor({ more: more('deadline 5 min waive bandwidth, require') }, cluster);
        expect(plan.caps).toEqual([]);
        expect(plan.instances[0]).toMatchObject({ requires: [], deadlineMs: 300_000 });
        expect(plan.warnings.map((w) => w.text).join()).toMatch(
            /bandwidth and require waived: one pass over all memory takes [\d.]+ min.*, longer than the deadline of 5 min/,
        );
    });
    test('waives nothing where there is time, nor what it does not name', async () => {
        for (const deadline of ['deadline 1 h waive bandwidth, require', 'deadline 5 min']) {
            const plan = await planFor({ more: more(deadline) }, cluster);
            expect(plan.caps).toHaveLength(1);
            expect(plan.instances[0]?.requires).toHaveLength(1);
        }
    });
    test('waives what keeps VMs apart where one has no place', async () => {
        const plan = await planFor(
            { to: 'apart by vm.tag.app', more: 'deadline 5 min waive apart' },
            snapshot([host('a', { maintenance: true }), host('b')], [vm('db1', 'a', app('db')), vm('db2', 'a', app('db'))]),
        );
        expect(moved(plan)).toEqual(['db1', 'db2']);
        expect(plan.warnings.map((w) => w.text)).toContain('apart waived for the deadline of 5 min: 1 VM would have no place');
    });
});
