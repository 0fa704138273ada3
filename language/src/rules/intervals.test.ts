import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { BinaryOperator, Expression } from '../program.js';
import { condition } from '../testing/kit.js';
import { alike, boundsOf, implies } from './intervals.js';

const nowhere = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

/** Two figures, a truth value and a text, each known or not: every world that the conditions below can tell apart. */
interface World {
    readonly 'vm.a': number | undefined;
    readonly 'vm.b': number | undefined;
    readonly 'vm.c': boolean | undefined;
    readonly 'vm.d': string | undefined;
}
const figures = [undefined, 0, 1, 2, 3, 4];
const worlds: readonly World[] = figures.flatMap((a) =>
    figures.flatMap((b) =>
        [undefined, true, false].flatMap((c) => [undefined, 'x', 'y', 'z'].map((d) => ({ 'vm.a': a, 'vm.b': b, 'vm.c': c, 'vm.d': d }))),
    ),
);

const attribute = (name: 'a' | 'b' | 'c' | 'd'): Expression => ({
    kind: 'attribute',
    type: name === 'c' ? 'boolean' : name === 'd' ? 'string' : 'number',
    entity: 'vm',
    attribute: name,
    key: undefined,
    range: nowhere,
});
const number = (value: number): Expression => ({ kind: 'literal', type: 'number', value, range: nowhere });
const text = (value: string): Expression => ({ kind: 'literal', type: 'string', value, range: nowhere });
const binary = (operator: BinaryOperator, left: Expression, right: Expression): Expression => ({
    kind: 'binary',
    type: 'boolean',
    operator,
    left,
    right,
    range: nowhere,
});

const comparison = fc
    .tuple(
        fc.constantFrom<BinaryOperator[]>('<', '<=', '>', '>=', '==', '!='),
        fc.constantFrom('a' as const, 'b' as const),
        fc.integer({ min: 0, max: 4 }),
        fc.boolean(),
    )
    .map(([operator, name, value, turned]) =>
        turned ? binary(operator, number(value), attribute(name)) : binary(operator, attribute(name), number(value)),
    );
const leaf = fc.oneof(
    { weight: 6, arbitrary: comparison },
    fc.constant(attribute('c')),
    fc.boolean().map((value): Expression => ({ kind: 'literal', type: 'boolean', value, range: nowhere })),
    fc
        .tuple(fc.constantFrom<BinaryOperator[]>('==', '!='), fc.constantFrom('x', 'y'))
        .map(([operator, value]) => binary(operator, attribute('d'), text(value))),
    fc.constant(binary('<', attribute('a'), attribute('b'))),
    fc
        .subarray(['x', 'y', 'z'], { minLength: 1 })
        .map((list) => binary('in', attribute('d'), { kind: 'literal', type: 'strings', value: list, range: nowhere })),
);
const { tree: conditions } = fc.letrec<{ tree: Expression }>((tie) => ({
    tree: fc.oneof(
        { maxDepth: 4, depthSize: 'small' },
        leaf,
        tie('tree').map((operand): Expression => ({ kind: 'not', type: 'boolean', operand, range: nowhere })),
        fc
            .tuple(fc.constantFrom<BinaryOperator[]>('and', 'or'), tie('tree'), tie('tree'))
            .map(([operator, left, right]) => binary(operator, left, right)),
    ),
}));

const copyOf = (of: Expression): Expression => JSON.parse(JSON.stringify(of)) as Expression;

/** Three-valued truth, worked out anew: whatever needs an unknown is unknown. */
function truth(of: Expression, world: World): boolean | undefined {
    if (of.kind === 'literal') return of.value === true;
    if (of.kind === 'attribute') return world['vm.c'];
    if (of.kind === 'not') {
        const inner = truth(of.operand, world);
        return inner === undefined ? undefined : !inner;
    }
    if (of.kind !== 'binary') return undefined;
    if (of.operator === 'and' || of.operator === 'or') {
        const sides = [truth(of.left, world), truth(of.right, world)];
        const decisive = of.operator === 'or';
        return sides.includes(decisive) ? decisive : sides.includes(undefined) ? undefined : !decisive;
    }
    const [left, right] = [valueOf(of.left, world), valueOf(of.right, world)];
    if (left === undefined || right === undefined) return undefined;
    if (of.operator === 'in') return Array.isArray(right) && right.includes(left);
    if (of.operator === '==') return left === right;
    if (of.operator === '!=') return left !== right;
    const [l, r] = [Number(left), Number(right)];
    return of.operator === '<' ? l < r : of.operator === '<=' ? l <= r : of.operator === '>' ? l > r : l >= r;
}

function valueOf(of: Expression, world: World): number | string | boolean | readonly string[] | undefined {
    if (of.kind === 'literal') return of.value;
    return of.kind === 'attribute' ? world[`vm.${of.attribute}` as keyof World] : undefined;
}

describe('what a condition says of attributes', () => {
    property.prop([conditions])('holds in every world in which the condition is true', (of) => {
        const bounds = boundsOf(of);
        for (const world of worlds.filter((one) => truth(of, one) === true)) {
            if (bounds === 'never') throw new Error('a condition that is true was said never to be');
            for (const [name, bound] of bounds) {
                const value = world[name as keyof World];
                expect(value).toBeDefined();
                if (bound.kind === 'values') expect(bound.values.has(value as string | boolean)).toBe(bound.listed);
                else {
                    const n = Number(value);
                    expect(bound.lowOpen ? n > bound.low : n >= bound.low).toBe(true);
                    expect(bound.highOpen ? n < bound.high : n <= bound.high).toBe(true);
                }
            }
        }
    });

    property.prop([conditions, conditions])('one that implies another is never true where the other is not', (first, second) => {
        if (!implies(first, second)) return;
        expect(worlds.filter((one) => truth(first, one) === true && truth(second, one) !== true)).toEqual([]);
    });

    property.prop([conditions])('every condition is like itself, and implies itself', (of) => {
        expect(alike(of, copyOf(of))).toBe(true);
        expect(implies(of, copyOf(of))).toBe(true);
    });

    test.each([
        ['vm.memory > 4 GiB', 'vm.memory > 2 GiB', true],
        ['vm.memory > 2 GiB', 'vm.memory > 4 GiB', false],
        ['vm.memory >= 2 GiB', 'vm.memory > 2 GiB', false],
        ['vm.memory > 2 GiB', 'vm.memory >= 2048 MiB', true],
        ['vm.memory > 4 GiB and vm.cpu < 10%', 'vm.cpu < 20%', true],
        ['not vm.memory <= 4 GiB', '2 GiB < vm.memory', true],
        ['vm.memory > 4 GiB or vm.memory > 8 GiB', 'vm.memory > 3 GiB', true],
        ['vm.name == "a"', 'vm.name in ["a", "b"]', true],
        ['vm.name == "a"', 'vm.name != "b"', true],
        ['vm.tags contains "a"', 'vm.tags contains "b"', false],
        ['vm.cpu > 20% for 10 min', 'vm.cpu > 10% for 5 min', true],
        ['vm.cpu > 20% for 5 min', 'vm.cpu > 10%', true],
        ['vm.cpu > 20%', 'vm.cpu > 10% for 5 min', false],
        ['vm.net.tx > 2 * vm.net.rx', 'vm.net.tx > 2 * vm.net.rx', true],
        ['host.qemu >= "9.0"', 'host.qemu >= "10.0"', false],
    ])('%s, so %s: %s', async (first, second, expected) => {
        expect(implies(await condition(first), await condition(second))).toBe(expected);
    });

    test.each([
        ['vm.cpu > 80% and vm.cpu < 20%', true],
        ['vm.cpu > 80% and not vm.cpu > 20%', true],
        ['vm.cpu >= 80% and vm.cpu <= 80%', false],
        ['vm.cpu > 80% and vm.cpu <= 80%', true],
        ['vm.cpu > 80% or vm.cpu < 20%', false],
        ['vm.tags contains "a" and not vm.tags contains "a"', true],
        ['vm.name == "a" and vm.name == "b"', true],
        ['vm.name in ["a", "b"] and vm.name != "a"', false],
        ['vm.autostart and not vm.autostart', true],
        ['2 > 3', true],
    ])('%s is never true: %s', async (text, expected) => {
        expect(boundsOf(await condition(text)) === 'never').toBe(expected);
    });
});
