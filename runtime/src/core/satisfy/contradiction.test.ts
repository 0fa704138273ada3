import { fc, test } from '@fast-check/vitest';
import { bytes, compileText, type Expression } from '@mig/language';
import { describe, expect } from 'vitest';
import { scopeOf } from '../decide/attributes.js';
import { evaluate } from '../decide/evaluate.js';
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
        'vm.net.tx > 2 * vm.net.rx and vm.net.rx > 2 * vm.net.tx',
        'not (vm.dirty_rate > 40 MiB/s for 5 min) and vm.dirty_rate > 40 MiB/s',
        'host.qemu >= "10.0" and host.qemu < "9.0"',
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

// The second evaluation: what the reasoner calls a contradiction, no values satisfy as decisions are made (evaluate.ts).

const figures = ['vm.memory', 'vm.vcpus', 'vm.working_set'] as const;
const words = fc.constantFrom('x', 'y', 'z');

const comparison: fc.Arbitrary<Expression> = fc.oneof(
    fc
        .tuple(fc.constantFrom(...figures), fc.constantFrom('<', '<=', '>', '>=', '==', '!='), fc.integer({ min: 0, max: 3 }), fc.boolean())
        .map(([name, operator, n, turned]) => (turned ? op(lit(n), operator, attr(name)) : op(attr(name), operator, lit(n)))),
    fc.tuple(fc.constantFrom('==', '!=', 'contains'), words).map(([operator, word]) => op(attr('vm.tag.role'), operator, lit(word))),
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

const half = fc.integer({ min: -1, max: 7 }).map((n) => n / 2);
const guests: fc.Arbitrary<VmState> = fc
    .record({
        memory: half,
        vcpus: half,
        workingSet: fc.option(half, { nil: undefined }),
        persistent: fc.boolean(),
        role: fc.option(words, { nil: undefined }),
        others: fc.uniqueArray(words),
    })
    .map(({ memory, vcpus, workingSet, persistent, role, others }) => {
        const tags = Object.fromEntries([...others.map((name) => [name, '']), ...(role === undefined ? [] : [['role', role]])]) as Record<
            string,
            string
        >;
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
