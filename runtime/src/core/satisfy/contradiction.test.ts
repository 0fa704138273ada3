import { fc, test } from '@fast-check/vitest';
import { bytes, compileText, type Expression } from '@mig/language';
import { describe, expect } from 'vitest';
import { scopeOf } from '../decide/attributes.js';
import { evaluate, holds } from '../decide/evaluate.js';
import { isTrue } from '../decide/truth.js';
import { worldOf } from '../decide/world.js';
import { wordsOf } from '../decide/wording.js';
import type { VmState } from '../model/snapshot.js';
import { host, snapshot, vm } from '../testing/builders.js';
import { attr, heldFor, lit, not, op } from '../testing/program.js';
import { contradiction, type Demand } from './contradiction.js';

async function condition(text: string): Promise<Expression> {
    const policy = `policy p { move vms where ${text} to hosts using precopy { after 5 min: abort } }`;
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text: policy });
    const [found] = program?.policies[0]?.selection.where ?? [];
    if (!found) throw new Error(findings.map((f) => f.message).join('\n'));
    return found;
}

/** The comparisons that clash, in words. */
async function clashOf(text: string): Promise<readonly string[] | undefined> {
    const found = contradiction([{ condition: await condition(text), mustBe: 'true' }]);
    return found?.between.map(({ comparison, holds }) => `${holds ? '' : 'not '}${wordsOf(comparison)}`);
}

describe('conditions over one attribute', () => {
    test.each([
        ['vm.memory > 4 GiB and vm.memory < 2 GiB', ['vm.memory > 4 GiB', 'vm.memory < 2 GiB']],
        ['vm.memory > 4 GiB and vm.vcpus > 2 and not vm.memory >= 4 GiB', ['vm.memory > 4 GiB', 'not vm.memory >= 4 GiB']],
        ['vm.vcpus >= 2 and vm.vcpus <= 2 and vm.vcpus != 2', ['vm.vcpus >= 2', 'vm.vcpus <= 2', 'vm.vcpus != 2']],
        ['host.zone == "a" and host.zone == "b"', ['host.zone == "a"', 'host.zone == "b"']],
        [
            'host.zone in ["a", "b"] and host.zone != "a" and host.zone != "b"',
            ['host.zone in "a", "b"', 'host.zone != "a"', 'host.zone != "b"'],
        ],
        ['vm.tags contains "web" and not ("web" in vm.tags)', ['vm.tags contains "web"', 'not "web" in vm.tags']],
        ['vm.persistent and vm.autostart and not vm.persistent', ['vm.persistent', 'not vm.persistent']],
        ['2 GiB > vm.memory and vm.memory > 1 GiB * 4', ['2 GiB > vm.memory', 'vm.memory > 1 GiB * 4']],
        ['vm.dirty_rate > 40 MiB/s for 5 min and vm.dirty_rate < 40 MiB/s', ['vm.dirty_rate > 336 Mbit/s', 'vm.dirty_rate < 336 Mbit/s']],
    ])('%s can never hold', async (text, between) => {
        expect(await clashOf(text)).toEqual(between);
    });

    test.each([
        'vm.memory > 2 GiB and vm.memory < 4 GiB',
        'vm.memory >= 4 GiB and vm.memory <= 4 GiB',
        'vm.memory > 4 GiB or vm.memory < 2 GiB',
        'host.zone == "a" and source.zone == "b"',
        'vm.tag.role == "web" and vm.tag.app == "shop"',
        'not (vm.dirty_rate > 40 MiB/s for 5 min) and vm.dirty_rate > 40 MiB/s',
        'vm.name contains "web" and vm.name contains "db"',
    ])('of %s nothing is said', async (text) => {
        expect(await clashOf(text)).toBeUndefined();
    });

    test('what is merely not true may be unknown', async () => {
        const large = await condition('vm.working_set > 4 GiB');
        const small = await condition('vm.working_set <= 4 GiB');
        const notTrue = [large, small].map((one): Demand => ({ condition: one, mustBe: 'not true' }));
        expect(contradiction(notTrue)).toBeUndefined();
        expect(contradiction([...notTrue, { condition: await condition('vm.working_set > 1 GiB'), mustBe: 'true' }])).toBeDefined();
    });
});

describe('conditions over several attributes', () => {
    test.each([
        ['vm.memory < 4 GiB and host.cpu > source.cpu and host.cpu < source.cpu', ['host.cpu > source.cpu', 'host.cpu < source.cpu']],
        ['host.zone == source.zone and source.zone != host.zone', ['host.zone == source.zone', 'source.zone != host.zone']],
        ['not (host.zone == source.zone) and host.zone == source.zone', ['not host.zone == source.zone', 'host.zone == source.zone']],
        [
            'host.zone == source.zone and host.zone == "a" and source.zone in ["b", "c"]',
            ['host.zone == source.zone', 'host.zone == "a"', 'source.zone in "b", "c"'],
        ],
        [
            'host.rack != source.rack and host.rack == "r1" and source.rack == "r1"',
            ['host.rack != source.rack', 'host.rack == "r1"', 'source.rack == "r1"'],
        ],
        [
            'vm.net.tx > vm.net.rx and vm.net.rx > vm.disk.read and vm.disk.read >= vm.net.tx',
            ['vm.net.tx > vm.net.rx', 'vm.net.rx > vm.disk.read', 'vm.disk.read >= vm.net.tx'],
        ],
        ['vm.net.tx > 2 * vm.net.rx and vm.net.rx > 2 * vm.net.tx', ['vm.net.tx > 2 * vm.net.rx', 'vm.net.rx > 2 * vm.net.tx']],
        [
            'host.cpus == source.cpus and host.cpus > 16 and source.cpus < 8',
            ['host.cpus == source.cpus', 'host.cpus > 16', 'source.cpus < 8'],
        ],
        [
            'vm.memory >= vm.working_set and vm.memory <= vm.working_set and vm.memory != vm.working_set',
            ['vm.memory >= vm.working_set', 'vm.memory <= vm.working_set', 'vm.memory != vm.working_set'],
        ],
        ['vm.net.tx / vm.net.rx < 2 and vm.net.tx / vm.net.rx > 3', ['vm.net.tx / vm.net.rx < 2', 'vm.net.tx / vm.net.rx > 3']],
        [
            'host.memory.free - vm.memory > 8 GiB and host.memory.free < vm.memory',
            ['host.memory.free - vm.memory > 8 GiB', 'host.memory.free < vm.memory'],
        ],
        ['vm.memory < vm.memory', ['vm.memory < vm.memory']],
        ['host.qemu >= "10.0" and host.qemu < "9.0"', ['host.qemu >= "10.0"', 'host.qemu < "9.0"']],
        [
            'host.qemu <= source.qemu and host.qemu >= "10.0" and source.qemu == "9.2.1"',
            ['host.qemu <= source.qemu', 'host.qemu >= "10.0"', 'source.qemu == "9.2.1"'],
        ],
    ])('%s can never hold', async (text, between) => {
        expect(await clashOf(text)).toEqual(between);
    });

    test.each([
        'host.cpu < source.cpu and host.memory.free > source.memory.free',
        'host.zone == source.zone and host.rack != source.rack',
        'host.zone == source.zone and host.zone != "a" and source.zone == "b"',
        'vm.net.tx > 2 * vm.net.rx or vm.net.rx > 2 * vm.net.tx',
        'vm.net.tx >= 2 * vm.net.rx and vm.net.rx >= 2 * vm.net.tx',
        'vm.working_set < vm.memory / 2 and vm.memory > 4 GiB',
        'host.qemu >= "9.2" and host.qemu < "10.0"',
        'host.qemu <= source.qemu and host.qemu != source.qemu',
        'host.memory.free < 0 GiB and host.memory.free < source.memory.free',
        'vm.net.tx / vm.net.rx < 2 and vm.net.tx / vm.disk.read > 3',
    ])('of %s nothing is said', async (text) => {
        expect(await clashOf(text)).toBeUndefined();
    });

    test('what is merely not true may be unknown, of either side', async () => {
        const [more, less] = [await condition('vm.net.tx > vm.net.rx'), await condition('vm.net.tx <= vm.net.rx')];
        const notTrue = [more, less].map((one): Demand => ({ condition: one, mustBe: 'not true' }));
        expect(contradiction(notTrue)).toBeUndefined();
        const sent: Demand = { condition: await condition('vm.net.tx > 1 MiB/s'), mustBe: 'true' };
        expect(contradiction([...notTrue, sent])).toBeUndefined();
        const received: Demand = { condition: await condition('vm.net.rx > 1 MiB/s'), mustBe: 'true' };
        expect(contradiction([...notTrue, sent, received])).toBeDefined();
    });
});

// The second evaluation: what the reasoner calls a contradiction, no values satisfy as decisions are made (evaluate.ts).

const figures = ['vm.memory', 'vm.vcpus', 'vm.working_set'] as const;
const words = fc.constantFrom('x', 'y', 'z');

const orders = fc.constantFrom('<', '<=', '>', '>=', '==', '!=');
const figure = fc.constantFrom(...figures);
/** A figure, twice as much, or with something added. */
const reckoned = fc.oneof(
    figure.map((name) => attr(name)),
    figure.map((name) => op(lit(2), '*', attr(name))),
    fc.tuple(figure, fc.integer({ min: -1, max: 1 })).map(([name, n]) => op(attr(name), '+', lit(n))),
    fc.tuple(figure, figure).map(([a, b]) => op(attr(a), '-', attr(b))),
    fc.tuple(figure, figure).map(([a, b]) => op(attr(a), '/', attr(b))),
);
const related = fc.oneof(
    fc.tuple(reckoned, orders, reckoned).map(([a, operator, b]) => op(a, operator, b)),
    fc.constantFrom('==', '!=').map((operator) => op(attr('vm.tag.role'), operator, attr('vm.tag.app'))),
);

const comparison: fc.Arbitrary<Expression> = fc.oneof(
    related,
    fc
        .tuple(fc.constantFrom(...figures), orders, fc.integer({ min: 0, max: 3 }), fc.boolean())
        .map(([name, operator, n, turned]) => (turned ? op(lit(n), operator, attr(name)) : op(attr(name), operator, lit(n)))),
    fc
        .tuple(fc.constantFrom('vm.tag.role', 'vm.tag.app'), fc.constantFrom('==', '!=', 'contains'), words)
        .map(([name, operator, word]) => op(attr(name), operator, lit(word))),
    words.map((word) => op(attr('vm.tags'), 'contains', lit(word))),
    words.map((word) => op(lit(word), 'in', attr('vm.tags'))),
    fc.constantFrom(attr('vm.persistent'), lit(true), lit(false)),
);

const { condition: conditions } = fc.letrec<{ condition: Expression }>((tie) => ({
    condition: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        comparison,
        tie('condition').map(not),
        tie('condition').map((inner) => heldFor(inner, 0)),
        fc
            .tuple(tie('condition'), fc.constantFrom<'and' | 'or'>('and', 'or'), tie('condition'))
            .map(([left, operator, right]) => op(left, operator, right)),
    ),
}));

const demands: fc.Arbitrary<readonly Demand[]> = fc.array(
    fc.record({ condition: conditions, mustBe: fc.constantFrom<Demand['mustBe']>('true', 'false', 'not true') }),
    { minLength: 1, maxLength: 3 },
);

const half = fc.integer({ min: 0, max: 7 }).map((n) => n / 2);
const guests: fc.Arbitrary<VmState> = fc
    .record({
        memory: half,
        vcpus: half,
        workingSet: fc.option(half, { nil: undefined }),
        persistent: fc.boolean(),
        role: fc.option(words, { nil: undefined }),
        app: fc.option(words, { nil: undefined }),
        others: fc.uniqueArray(words),
    })
    .map(({ memory, vcpus, workingSet, persistent, role, app, others }) => {
        const given = Object.entries({ role, app }).filter(([, value]) => value !== undefined);
        const tags = Object.fromEntries([...others.map((name) => [name, '']), ...given]) as Record<string, string>;
        const size = (n: number) => n as ReturnType<typeof bytes>;
        return vm('v', 'a', {
            memory: size(memory),
            vcpus,
            workingSet: workingSet === undefined ? undefined : size(workingSet),
            persistent,
            tags,
        });
    });

function valueOf(of: Expression, guest: VmState): unknown {
    const outcome = evaluate(of, scopeOf(worldOf(snapshot([host('a')], [guest])), { vm: guest }));
    return outcome.known ? outcome.value : undefined;
}

function met({ condition: of, mustBe }: Demand, guest: VmState): boolean {
    const value = valueOf(of, guest);
    return mustBe === 'true' ? value === true : mustBe === 'false' ? value === false : value !== true;
}

test.prop([demands, fc.array(guests, { minLength: 8, maxLength: 8 })], { numRuns: 250 })(
    'what is called a contradiction no values satisfy',
    (asked, all) => {
        fc.pre(contradiction(asked) !== undefined);
        for (const guest of all) expect(asked.every((demand) => met(demand, guest))).toBe(false);
    },
);

test.prop([fc.array(conditions, { minLength: 1, maxLength: 5 }), guests], { numRuns: 500 })(
    'of conditions that some values satisfy together nothing is said',
    (all, guest) => {
        const asked = all.map((condition): Demand => {
            const value = valueOf(condition, guest);
            return { condition, mustBe: value === undefined ? 'not true' : value === true ? 'true' : 'false' };
        });
        expect(asked.every((demand) => met(demand, guest))).toBe(true);
        expect(contradiction(asked)).toBeUndefined();
    },
);

const ofMemory = fc.letrec<{ condition: Expression }>((tie) => ({
    condition: fc.oneof(
        { maxDepth: 3 },
        fc
            .tuple(fc.constantFrom('<', '<=', '>', '>=', '==', '!='), fc.integer({ min: 0, max: 3 }))
            .map(([operator, n]) => op(attr('vm.memory'), operator, lit(n))),
        tie('condition').map(not),
        fc
            .tuple(tie('condition'), fc.constantFrom<'and' | 'or'>('and', 'or'), tie('condition'))
            .map(([left, operator, right]) => op(left, operator, right)),
    ),
})).condition;

test.prop([ofMemory], { numRuns: 500 })('of one figure every contradiction is found, and every one that is found is one', (of) => {
    const values = Array.from({ length: 9 }, (_, i) => (i - 1) / 2);
    const some = values.some((n) => met({ condition: of, mustBe: 'true' }, vm('v', 'a', { memory: n as ReturnType<typeof bytes> })));
    expect(contradiction([{ condition: of, mustBe: 'true' }]) === undefined).toBe(some);
});

const ordersOfThree = fc.array(
    fc.oneof(
        fc.tuple(figure, orders, figure).map(([a, operator, b]) => op(attr(a), operator, attr(b))),
        fc.tuple(figure, orders, fc.integer({ min: 1, max: 2 })).map(([a, operator, n]) => op(attr(a), operator, lit(n))),
    ),
    { minLength: 2, maxLength: 5 },
);
const nobody = worldOf(snapshot([host('a')], []));

/** Between two whole numbers, and above them, there is room for three values that differ. */
const quarters = Array.from({ length: 12 }, (_, i) => i / 4) as ReturnType<typeof bytes>[];

test.prop([ordersOfThree], { numRuns: 60 })('of three figures that are compared every contradiction is found', (all) => {
    const some = quarters.some((memory) =>
        quarters.some((workingSet) =>
            quarters.some((vcpus) => {
                const scope = scopeOf(nobody, { vm: vm('v', 'a', { memory, workingSet, vcpus }) });
                return all.every((one) => isTrue(holds(one, scope)));
            }),
        ),
    );
    expect(contradiction(all.map((condition) => ({ condition, mustBe: 'true' }))) === undefined).toBe(some);
});
