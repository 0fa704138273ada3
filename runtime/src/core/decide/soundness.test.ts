/**
 * The types of the language are sound: what the compiler accepts never fails for its types when it is evaluated, and means
 * the same whatever units things are counted in. The second is the abstraction theorem of units of measure (A. J. Kennedy,
 * "Relational parametricity and units of measure", 1997); scales that are powers of two make it exact in floating point.
 */
import { fc, test as property } from '@fast-check/vitest';
import { attributes, bytes, bytesPerSecond, compileText, type Expression, milliseconds, ratio, type ValueType } from '@mig/language';
import { expect } from 'vitest';
import type { Snapshot } from '../model/snapshot.js';
import { host, snapshot, vm } from '../testing/builders.js';
import { type Scope, scopeOf } from './attributes.js';
import { evaluate } from './evaluate.js';
import type { Outcome, Value } from './truth.js';
import { worldOf } from './world.js';

// ---------------------------------------------------------------- expressions

type Text = fc.Arbitrary<string>;

const literals: Readonly<Record<ValueType, readonly string[]>> = {
    boolean: ['true', 'false', 'host is in maintenance', 'host is not healthy'],
    string: ['"a"', '"z1"', '"10.1"', 'zone'],
    strings: ['["a", "z1"]', 'near', 'both'],
    number: ['2', '0.5', '3', 'many'],
    duration: ['300 ms', '5 s', '2 min'],
    size: ['4 GiB', '100 MB', '1 B'],
    rate: ['8 Gbit/s', '100 MiB/s', 'uplink'],
    ratio: ['60%', '5%'],
    power: ['300 W', '2 kW'],
    energy: ['5 kJ', '1 J'],
    'time-of-day': ['22:00', 'since'],
};
const declared = `param zone: string = "z1"
param near: set of string = ["a", "b"] one of "a", "b", "c"
param many = 4
param uplink: rate = 1 Gbit/s
param since: time = 08:30
let both = near
`;

const types = Object.keys(literals) as ValueType[];
/** How an attribute is written in a filter of VMs. */
const written = attributes
    .filter(({ entity }) => entity === 'vm' || entity === 'host' || entity === 'cluster')
    .map(({ entity, name, keyed, type }) => ({ type, text: `${entity}.${name}${keyed ? '.app' : ''}` }));

/** Two types and an operator, and what comes of them. */
const algebra: readonly (readonly [ValueType, string, ValueType, ValueType])[] = [
    ['rate', '*', 'duration', 'size'],
    ['duration', '*', 'rate', 'size'],
    ['power', '*', 'duration', 'energy'],
    ['size', '/', 'rate', 'duration'],
    ['size', '/', 'duration', 'rate'],
    ['energy', '/', 'power', 'duration'],
    ['energy', '/', 'duration', 'power'],
    ['size', '/', 'size', 'number'],
    ['duration', '/', 'duration', 'number'],
    ['rate', '+', 'rate', 'rate'],
    ['size', '-', 'size', 'size'],
    ['ratio', '-', 'ratio', 'ratio'],
    ['number', '+', 'ratio', 'ratio'],
    ['size', '*', 'ratio', 'size'],
    ['number', '*', 'duration', 'duration'],
    ['rate', '/', 'number', 'rate'],
    ['ratio', '/', 'ratio', 'number'],
    ['string', 'in', 'strings', 'boolean'],
    ['strings', 'contains', 'string', 'boolean'],
    ['string', 'contains', 'string', 'boolean'],
    ['boolean', 'and', 'boolean', 'boolean'],
    ['boolean', 'or', 'boolean', 'boolean'],
    ...types.flatMap((type) =>
        (['==', '!=', '<', '>='] as const).map((operator): readonly [ValueType, string, ValueType, ValueType] => [
            type,
            operator,
            type,
            'boolean',
        ]),
    ),
];

/** An expression that is mostly of a type: one part in twelve is of any. */
function expressionOf(type: ValueType, depth: number): Text {
    const leaf: Text = fc.constantFrom(...literals[type], ...written.filter((one) => one.type === type).map((one) => one.text));
    if (depth === 0) return leaf;
    const made = algebra.filter(([, , , result]) => result === type);
    const mostly = (of: ValueType): Text =>
        fc.oneof(
            { weight: 11, arbitrary: expressionOf(of, depth - 1) },
            { weight: 1, arbitrary: fc.constantFrom(...types).chain((any) => expressionOf(any, 0)) },
        );
    const binary = fc
        .constantFrom(...(made.length > 0 ? made : algebra))
        .chain(([left, operator, right]) => fc.tuple(mostly(left), mostly(right)).map(([a, b]) => `(${a}) ${operator} (${b})`));
    const unary = mostly(type).map((operand) =>
        type === 'boolean' ? `not (${operand})` : type === 'string' || type === 'strings' ? operand : `-(${operand})`,
    );
    const lasting = mostly('boolean').map((condition) => `(${condition}) for 5 min`);
    return fc.oneof(
        { weight: 2, arbitrary: leaf },
        { weight: 5, arbitrary: binary },
        { weight: 1, arbitrary: unary },
        { weight: type === 'boolean' ? 1 : 0, arbitrary: lasting },
    );
}
const expressions = fc.array(
    fc.constantFrom(...types).chain((type) => expressionOf(type, 3)),
    { minLength: 40, maxLength: 40 },
);

/** The expressions among these that the compiler accepts. Each is compared with itself, so that it may be of any type. */
async function accepted(texts: readonly string[]): Promise<readonly Expression[]> {
    const compiled = (some: readonly string[]) =>
        compileText({
            uri: 'file:///p.mig',
            text: `${declared}${some.map((text, n) => `policy p${n} { move vms where (${text}) == (${text}) to hosts using precopy }\n`).join('')}`,
        });
    const first = declared.split('\n').length - 1;
    const wrong = new Set(
        (await compiled(texts)).findings.filter(({ severity }) => severity === 'error').map(({ range }) => range.start.line - first),
    );
    const { program } = await compiled(texts.filter((_, line) => !wrong.has(line)));
    if (!program) throw new Error('What is right by itself must be right together.');
    return program.policies.flatMap(({ selection }) => selection.where);
}

// ---------------------------------------------------------------- worlds

const share = fc.option(
    fc.integer({ min: 0, max: 64 }).map((n) => ratio(n / 64)),
    { nil: undefined },
);
const rate = fc.option(
    fc.integer({ min: 0, max: 4000 }).map((n) => bytesPerSecond(n * 262_144)),
    { nil: undefined },
);
const size = fc.integer({ min: 1, max: 64 }).map((n) => bytes(n * 1024 ** 3));
const text = fc.constantFrom('a', 'z1', '10.1');
const worlds: fc.Arbitrary<Snapshot> = fc
    .record({
        host: fc.record({
            zone: fc.option(text, { nil: undefined }),
            maintenance: fc.boolean(),
            failing: fc.option(fc.boolean(), { nil: undefined }),
            unreachable: fc.option(fc.constant('no route to host'), { nil: undefined, freq: 6 }),
            cpuUsed: share,
            memory: size,
            memoryFree: size,
            tags: fc.constantFrom<Readonly<Record<string, string>>>({}, { app: 'a' }, { z1: '' }),
        }),
        vm: fc.record({
            memory: size,
            cpu: share,
            netTx: rate,
            netRx: rate,
            dirtyRate: rate,
            workingSet: fc.option(size, { nil: undefined }),
            uptime: fc.option(
                fc.integer({ min: 0, max: 1_000_000 }).map((n) => milliseconds(n)),
                { nil: undefined },
            ),
            tags: fc.constantFrom<Readonly<Record<string, string>>>({}, { app: 'z1' }, { a: '' }),
        }),
    })
    .map((facts) => snapshot([host('a', facts.host), host('b')], [vm('a', 'a', facts.vm), vm('c', 'b')]));

const scopeIn = (world: Snapshot): Scope => scopeOf(worldOf(world), { vm: world.vms[0] });

// ---------------------------------------------------------------- what must hold

/** Every part of an expression, itself first. */
function partsOf(of: Expression): readonly Expression[] {
    switch (of.kind) {
        case 'literal':
        case 'attribute':
        case 'metric':
            return [of];
        case 'not':
        case 'negate':
            return [of, ...partsOf(of.operand)];
        case 'held':
            return [of, ...partsOf(of.condition)];
        case 'binary':
            return [of, ...partsOf(of.left), ...partsOf(of.right)];
    }
}

function isOf(type: ValueType, value: Value): boolean {
    if (type === 'boolean' || type === 'string') return typeof value === type;
    if (type === 'strings') return Array.isArray(value) && value.every((one) => typeof one === 'string');
    return typeof value === 'number' && !Number.isNaN(value);
}

/** What the evaluator says where operands are not of a kind that it can use. */
const failures = /cannot be reckoned with|neither true nor false|is not a set|have no order/;

property.prop([expressions, worlds], { numRuns: 40 })(
    'what the compiler accepts has a value of its type, or is unknown',
    async (texts, world) => {
        const found = await accepted(texts);
        // About six in ten are; of none the test would say nothing.
        expect(found.length).toBeGreaterThan(0);
        for (const part of found.flatMap(partsOf)) {
            const outcome = evaluate(part, scopeIn(world));
            if (outcome.known) expect([part.type, outcome.value, isOf(part.type, outcome.value)]).toEqual([part.type, outcome.value, true]);
            else expect(outcome.because.join('; ')).not.toMatch(failures);
        }
    },
);

const scale = fc.integer({ min: -8, max: 8 }).map((power) => 2 ** power);

property.prop([expressions, worlds, fc.record({ time: scale, data: scale, power: scale })], { numRuns: 40 })(
    'what the compiler accepts comes to the same in other units of time, data and power',
    async (texts, world, { time, data, power }) => {
        const scales: Partial<Readonly<Record<ValueType, number>>> = {
            duration: time,
            size: data,
            rate: data / time,
            power,
            energy: power * time,
        };
        /** The same in other units: what is measured is put in as literals. */
        const rescaled = (of: Expression): Expression => {
            switch (of.kind) {
                case 'literal':
                    return typeof of.value === 'number' ? { ...of, value: of.value * (scales[of.type] ?? 1) } : of;
                case 'attribute': {
                    const value: Outcome = evaluate(of, scopeIn(world));
                    return value.known ? rescaled({ kind: 'literal', type: of.type, value: value.value, range: of.range }) : of;
                }
                case 'metric':
                case 'held':
                    return of;
                case 'not':
                case 'negate':
                    return { ...of, operand: rescaled(of.operand) };
                case 'binary':
                    return { ...of, left: rescaled(of.left), right: rescaled(of.right) };
            }
        };
        for (const part of (await accepted(texts)).flatMap(partsOf)) {
            const [before, after] = [part, rescaled(part)].map((one) => evaluate(one, scopeIn(world)));
            const counted = before?.known === true ? before.value : undefined;
            const expected = typeof counted === 'number' ? counted * (scales[part.type] ?? 1) : counted;
            expect([part.type, after?.known === true ? after.value : undefined]).toEqual([part.type, expected]);
        }
    },
);
