/**
 * Each finding of the rules on conflicts against a second evaluation, over arbitrary hosts, VMs and figures: triggers,
 * conditions and plans as they are decided when a policy runs, or every case there is. Both ways: what is told is so, and
 * on worlds as small as these what is so is told. Conditions, gangs, anti-affinity and pairs of policies have tests of the
 * same kind beside their reasoning (runtime/src/core/satisfy).
 */
import { fc, test } from '@fast-check/vitest';
import { type Expression, type Finding, formatQuantity, type Program } from '@mig/language';
import { expect } from 'vitest';
import { scopeOf } from '../decide/attributes.js';
import { attributesIn, holds } from '../decide/evaluate.js';
import { isTrue } from '../decide/truth.js';
import { startable } from '../decide/queue.js';
import type { QueuedMove } from '../decide/queued.js';
import { worldOf } from '../decide/world.js';
import type { PlannedMove } from '../model/plan.js';
import type { HostState, Snapshot } from '../model/snapshot.js';
import { gib, host, inventoryOf, snapshot, vm } from '../testing/builders.js';
import { compiled, planOf } from '../testing/compiled.js';
import { hostRules } from './index.js';
import { findingsOf } from './run.js';

const using = 'using precopy { downtime 300 ms; after 5 min: abort }';

function found(id: string, program: Program, on: Snapshot | undefined): readonly Finding[] {
    const rules = hostRules.filter((rule) => rule.id === id);
    return findingsOf(rules, { program, inventory: on && inventoryOf(on), snapshot: on });
}

const chosen = fc.constantFrom(
    '',
    'where vm.tag.role == "web"',
    'where vm.tag.role == "db"',
    'where vm.memory > 3 GiB',
    'except vm.tag.role == "web"',
);
const guests = fc.array(
    fc.record({ role: fc.constantFrom('web', 'db'), size: fc.integer({ min: 1, max: 6 }), on: fc.constantFrom('a', 'b') }),
    {
        minLength: 1,
        maxLength: 4,
    },
);

test.prop([chosen, chosen, fc.integer({ min: 0, max: 1 }), guests])(
    'MIG504 is told exactly where the VMs of a plan change hands when two policies change places',
    async (one, other, priority, all) => {
        const policy = (name: string, which: string, more = ''): string =>
            `policy ${name}${more} { when host is in maintenance move vms on host ${which} to hosts ${using} }`;
        const texts = [policy('p', one), policy('q', other, priority === 0 ? '' : ` priority ${priority}`)] as const;
        const program = await compiled(texts.join('\n'));
        const turned = await compiled([texts[1], texts[0]].join('\n'));
        const on = snapshot(
            ['a', 'b', 'c'].map((name) => host(name, { maintenance: name === 'a', memory: gib(256), memoryFree: gib(200) })),
            all.map(({ role, size, on: there }, i) => vm(`v${i}`, there, { tags: { role }, memory: gib(size) })),
        );
        const owners = (of: Program): string => {
            const { moves, instances } = planOf(of, on);
            return JSON.stringify(moves.map((move) => [move.vm.name, instances[move.instance]?.policy]).toSorted());
        };
        const told = found('MIG504', program, on);
        expect(told.length > 0).toBe(owners(program) !== owners(turned));
        for (const { message } of told) expect(owners(program)).toContain(`["${/both take (\S+) of/.exec(message)?.[1] ?? ''}","p"]`);
    },
);

const places = fc.record({ zone: fc.constantFrom('z1', 'z2'), disk: fc.constantFrom('ssd', 'hdd'), cpus: fc.constantFrom(4, 8) });
const constraint = fc.constantFrom(
    'host.zone == source.zone',
    'host.tag.disk == "ssd"',
    'host.zone != source.zone and host.tag.disk == "hdd"',
    'host.cpus >= source.cpus and host.zone == "z1"',
    'vm.tag.role == "web" or host.tag.disk == "ssd"',
);

test.prop([fc.array(places, { minLength: 2, maxLength: 4 }), constraint, constraint, guests], { numRuns: 150 })(
    'MIG506 is told exactly where no plan moves any VM of a host that is emptied, with every other host up and empty',
    async (where, first, second, all) => {
        const program = await compiled(
            `policy p { when host is in maintenance move vms on host to hosts where ${first} and ${second} ${using} }`,
        );
        const hosts = where.map(({ zone, disk, cpus }, i) =>
            host(['a', 'b', 'c', 'd'][i] ?? '', { zone, cpus, tags: { disk }, memory: gib(64), memoryFree: gib(64) }),
        );
        const vms = all.map(({ role, size, on }, i) => vm(`v${i}`, on, { tags: { role }, memory: gib(size) }));
        const on = snapshot(hosts, vms);
        // A zone that no host is in is an error of its own.
        fc.pre(hosts.some(({ zone }) => zone === 'z1'));
        const canGo = (name: string, source: string): boolean => {
            const alone = snapshot(
                hosts.map((one) => ({ ...one, maintenance: one.name === source })),
                vms.filter((one) => one.name === name),
            );
            return planOf(program, alone).moves.length > 0;
        };
        const stuck = ['a', 'b'].filter((source) => {
            const there = vms.filter((one) => one.host === source);
            return there.length > 0 && !there.some((one) => canGo(one.name, source));
        });
        // Of constraints that contradict each other, MIG510 speaks; and of places alone, those of the inventory.
        fc.pre(found('MIG510', program, on).length === 0);
        const told = found('MIG506', program, on).map(({ message }) => message);
        expect(told.some((message) => message.startsWith('no host could ever take'))).toBe(stuck.length > 0);
        const named = /any VM of (.*), which/.exec(told[0] ?? '')?.[1];
        if (named !== undefined) expect(named.split(' and ').toSorted()).toEqual(stuck);
    },
);

test.prop([
    fc.array(fc.record({ memory: fc.integer({ min: 8, max: 64 }), vms: fc.array(fc.integer({ min: 1, max: 16 }), { maxLength: 3 }) }), {
        minLength: 2,
        maxLength: 4,
    }),
    fc.integer({ min: 1, max: 4 }),
])('MIG507 is told exactly where, whichever hosts are spared, the others have less memory than the VMs need', async (all, spare) => {
    const program = await compiled(
        `policy p { every day at 12:00 move vms where vm.memory > 1 TiB to hosts keep ${spare} ${spare === 1 ? 'host' : 'hosts'} of spare capacity ${using} }`,
    );
    const names = ['a', 'b', 'c', 'd'];
    const on = snapshot(
        all.map(({ memory, vms }, i) =>
            host(names[i] ?? '', { memory: gib(memory), memoryFree: gib(memory - Math.min(memory, sum(vms))) }),
        ),
        all.flatMap(({ memory, vms }, i) =>
            sum(vms) > memory ? [] : vms.map((size, j) => vm(`v${i}${j}`, names[i] ?? '', { memory: gib(size) })),
        ),
    );
    fc.pre(all.every(({ memory, vms }) => sum(vms) <= memory));
    const needed = sum(all.flatMap(({ vms }) => vms));
    const left = subsets(
        all.map(({ memory }) => memory),
        all.length - spare,
    );
    const never = spare >= all.length || left.every((rooms) => sum(rooms) < needed);
    expect(found('MIG507', program, on).length > 0).toBe(never);
});

const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0);

function subsets(of: readonly number[], size: number): readonly (readonly number[])[] {
    const [first, ...others] = of;
    if (size <= 0) return [[]];
    if (first === undefined) return [];
    return [...subsets(others, size - 1).map((rest) => [first, ...rest]), ...subsets(others, size)];
}

const versions = fc.constantFrom('9.2.0', '9.2.3', '10.0.1', '10.1.0');

test.prop(
    [
        fc.array(versions, { minLength: 2, maxLength: 3 }),
        guests,
        fc.constantFrom('', 'where host.qemu <= source.qemu', 'where host.zone == source.zone'),
    ],
    { numRuns: 150 },
)('MIG508 is told exactly where a plan moves a VM to a newer QEMU, from one host to another', async (qemu, all, where) => {
    const program = await compiled(`policy p { when host is in maintenance move vms on host to hosts ${where} ${using} }`);
    const hosts = qemu.map(
        (version, i): HostState =>
            host(['a', 'b', 'c'][i] ?? '', {
                versions: { libvirt: '11.3.0', qemu: version },
                zone: `z${i % 2}`,
                memory: gib(64),
                memoryFree: gib(64),
            }),
    );
    const vms = all.map(({ role, size, on }, i) => vm(`v${i}`, on, { tags: { role }, memory: gib(size) }));
    const isNewer = (there: string, here: string): boolean => {
        const [a, b] = [there, here].map((version) => version.split('.').map(Number));
        return (a?.[0] ?? 0) !== (b?.[0] ?? 0) ? (a?.[0] ?? 0) > (b?.[0] ?? 0) : (a?.[1] ?? 0) > (b?.[1] ?? 0);
    };
    const moves = (source: string, to: string): boolean => {
        const there = hosts
            .filter(({ name }) => name === source || name === to)
            .map((one) => ({ ...one, maintenance: one.name === source }));
        return (
            planOf(
                program,
                snapshot(
                    there,
                    vms.filter((one) => one.host === source),
                ),
            ).moves.length > 0
        );
    };
    const oneWay = hosts.flatMap((from) =>
        hosts
            .filter((to) => isNewer(to.versions.qemu ?? '', from.versions.qemu ?? '') && moves(from.name, to.name))
            .map((to) => [from.name, to.name]),
    );
    const [told] = found('MIG508', program, snapshot(hosts, vms));
    expect(told !== undefined).toBe(oneWay.length > 0);
    const [, from, to] = /from (\S+) to (\S+), and/.exec(told?.message ?? '') ?? [];
    if (told) expect(oneWay).toContainEqual([from, to]);
});

test.prop([
    fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 4 }),
    fc.array(fc.integer({ min: 6, max: 14 }), { minLength: 1, maxLength: 3 }),
])('MIG509 is told exactly where the VMs that must be on one host have room on none, and no plan moves them all', async (sizes, rooms) => {
    const program = await compiled(`policy p { when host is in maintenance move vms on host to hosts with same vm.tag.app ${using} }`);
    const on = snapshot(
        [host('a', { maintenance: true }), ...rooms.map((size, i) => host(`h${i}`, { memory: gib(size), memoryFree: gib(size) }))],
        sizes.map((size, i) => vm(`v${i}`, 'a', { memory: gib(size), tags: { app: 'x' } })),
    );
    const [told] = found('MIG509', program, on);
    expect(told !== undefined).toBe(sum(sizes) > Math.max(...rooms));
    expect(planOf(program, on).unplaced.length > 0).toBe(told !== undefined);
    if (told) expect(told.message).toContain(`would have ${formatQuantity(gib(Math.max(...rooms)), 'size')}`);
});

test.prop([fc.array(places, { minLength: 1, maxLength: 4 }), constraint, constraint])(
    'MIG506 is told of an inventory alone exactly where each host is excluded by one of the constraints on places',
    async (where, first, second) => {
        const program = await compiled(`policy p { on demand move vms to hosts where ${first} where ${second} ${using} }`);
        const hosts = where.map(({ zone, disk }, i) => host(['a', 'b', 'c', 'd'][i] ?? '', { zone, tags: { disk } }));
        const on = snapshot(hosts, []);
        const joined = (of: Expression): readonly Expression[] =>
            of.kind === 'binary' && of.operator === 'and' ? [of.left, of.right].flatMap(joined) : [of];
        const ofPlaces = (program.policies[0]?.destination.where ?? [])
            .flatMap(joined)
            .filter((one) => attributesIn(one).every(({ entity, attribute }) => entity === 'host' && ['zone', 'tag'].includes(attribute)));
        const world = worldOf(on);
        const closed = hosts.every(({ name }) => ofPlaces.some((one) => !isTrue(holds(one, scopeOf(world, { host: name })))));
        fc.pre(
            findingsOf(
                hostRules.filter(({ id }) => id === 'MIG510'),
                { program, inventory: inventoryOf(on), snapshot: undefined },
            ).length === 0,
        );
        const rules = hostRules.filter(({ id }) => id === 'MIG506');
        const told = findingsOf(rules, { program, inventory: inventoryOf(on), snapshot: undefined });
        expect(told.length > 0).toBe(closed && ofPlaces.length > 0);
        for (const { name } of closed && ofPlaces.length > 0 ? hosts : []) expect(told[0]?.message).toContain(`not to ${name}: `);
    },
);

test.prop([guests, fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('a', 'b')), { maxLength: 2 })])(
    'MIG508 is told of a CPU only where a VM may go to a host of which another VM does not suit the one it leaves',
    async (all, refused) => {
        const program = await compiled(`policy p { when host is in maintenance move vms on host to hosts ${using} }`);
        const vms = all.map(({ role, size, on }, i) => vm(`v${i}`, on, { tags: { role }, memory: gib(size) }));
        const compatibility = refused.flatMap(([from, to]) => {
            const like = vms.find((one) => one.host === from);
            return like && from !== to ? [{ vm: like.uuid, host: to, compatible: false, detail: 'lacks avx512' }] : [];
        });
        const on = snapshot(
            ['a', 'b'].map((name) => host(name, { memory: gib(64), memoryFree: gib(48) })),
            vms,
            { compatibility },
        );
        const oneWay = [
            ['a', 'b'],
            ['b', 'a'],
        ].filter(([from = '', to = '']) => {
            const back = compatibility.some((one) => one.host === from && vms.find(({ uuid }) => uuid === one.vm)?.host === to);
            const hosts = on.hosts.map((one) => ({ ...one, maintenance: one.name === from }));
            return back && planOf(program, { ...on, hosts }).moves.some((move) => move.source === from && move.destination === to);
        });
        // One VM stands for all of its host: where it is the one that does not suit, nothing is said of the others.
        const [told] = found('MIG508', program, on);
        if (told) expect(oneWay).toContainEqual(/from (\S+) to (\S+), and/.exec(told.message)?.slice(1, 3));
        if (oneWay.length === 0) expect(told).toBeUndefined();
    },
);

test.prop([
    fc.array(fc.record({ role: fc.constantFrom('web', 'db'), on: fc.constantFrom('a', 'b', 'c') }), { minLength: 1, maxLength: 6 }),
])('MIG505 is told of a policy under which VMs may stay exactly where there are more of a kind than hosts', async (all) => {
    const program = await compiled(`policy p { every day at 12:00 move vms to hosts apart by vm.tag.role ${using} }`);
    const on = snapshot(
        ['a', 'b', 'c'].map((name) => host(name, { memory: gib(256), memoryFree: gib(200) })),
        all.map(({ role, on: there }, i) => vm(`v${i}`, there, { tags: { role }, memory: gib(1) })),
    );
    const crowded = ['web', 'db'].filter((role) => all.filter((one) => one.role === role).length > on.hosts.length);
    const told = found('MIG505', program, on).map(({ message }) => message);
    expect(told.length > 0).toBe(crowded.length > 0);
    for (const message of told) expect(crowded.some((role) => message.includes(`vm.tag.role is "${role}"`))).toBe(true);
});

test.prop(
    [
        fc.array(fc.record({ app: fc.constantFrom('shop', 'blog', ''), on: fc.constantFrom('a', 'b') }), { minLength: 1, maxLength: 6 }),
        fc.constantFrom('in all', 'per host', 'out of each host'),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        fc.constantFrom('every day at 12:00 move vms', 'when host is in maintenance move vms on host'),
        chosen,
    ],
    { numRuns: 200 },
)(
    'MIG514 is told exactly where the queue does not start the whole of a gang of the plan at once, and nothing else runs',
    async (all, scope, most, allOrNone, move, which) => {
        const program = await compiled(
            `policy p { ${move} ${which} together by vm.tag.app ${allOrNone ? 'all or none' : ''} to hosts where host.name == "c" ${using} at most ${most} ${scope} }`,
        );
        const on = snapshot(
            ['a', 'b', 'c'].map((name) => host(name, { maintenance: name !== 'c', memory: gib(256), memoryFree: gib(200) })),
            all.map(({ app, on: there }, i) =>
                vm(`v${i}`, there, { memory: gib(4), tags: { role: i % 2 === 0 ? 'web' : 'db', ...(app === '' ? {} : { app }) } }),
            ),
        );
        // Limits per host count at the destination too, of which the rule knows nothing: only the hosts that are left are asked.
        const { moves, gangs = [], limits } = planOf(program, on);
        const ids = gangs.map((gang) => moves.filter(({ id }) => gang.moves.includes(id)));
        const startsWhole = (members: typeof moves): boolean => {
            const spread = members.map((move, i) => ({
                ...queued(move),
                destination: `far${i}`,
                gang: gangs.find((gang) => gang.moves.includes(move.id)),
            }));
            return startable({ moves: spread }, limits).start.length === members.length;
        };
        const told = found('MIG514', program, on).map(({ message }) => message);
        expect(told.length > 0).toBe(ids.some((members) => !startsWhole(members)));
        for (const message of told) {
            const names = /\(([^)]*)\), and/.exec(message)?.[1]?.split(/, | and /) ?? [];
            // The VMs that are named are of one gang, and too many by themselves.
            const members = moves.filter(({ vm: { name } }) => names.includes(name));
            expect(gangs.some((gang) => members.every(({ id }) => gang.moves.includes(id)))).toBe(true);
            expect(members.length).toBe(names.length);
            expect(startsWhole(members)).toBe(false);
        }
    },
);

const queued = ({ id, source, destination }: PlannedMove): QueuedMove => ({
    id,
    source,
    destination,
    network: 'mig',
    after: [],
    status: 'waiting',
});

const ofPlaces = fc.constantFrom('host.zone == "z1"', 'host.zone != "z1"', 'host.tag.disk == "ssd"', 'host.name in ["a", "b"]');

test.prop([fc.array(places, { minLength: 2, maxLength: 3 }), fc.oneof(ofPlaces, fc.constant('')), ofPlaces])(
    'MIG506 is told of an inventory alone exactly where nothing moves between hosts that are chosen by their places',
    async (where, from, to) => {
        // A zone that no host is in is an error of its own.
        fc.pre(where.some(({ zone }) => zone === 'z1'));
        const source = from === '' ? 'on host "a"' : `on hosts where ${from}`;
        const program = await compiled(`policy p { every day at 12:00 move vms ${source} to hosts where ${to} ${using} }`);
        const hosts = where.map(({ zone, disk }, i) =>
            host(['a', 'b', 'c'][i] ?? '', { zone, tags: { disk }, memory: gib(64), memoryFree: gib(60) }),
        );
        const on = snapshot(
            hosts,
            hosts.map(({ name }) => vm(`v${name}`, name, { memory: gib(1) })),
        );
        // Where nothing is chosen, a destination has no part in it.
        const everywhere = await compiled(`policy p { every day at 12:00 move vms ${source} to hosts ${using} }`);
        fc.pre(planOf(everywhere, on).moves.length + planOf(everywhere, on).unplaced.length > 0);
        const rules = hostRules.filter(({ id }) => id === 'MIG506');
        const told = findingsOf(rules, { program, inventory: inventoryOf(on), snapshot: undefined });
        expect(told.length > 0).toBe(planOf(program, on).moves.length === 0);
    },
);
