import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { Expression, Rung } from '../program.js';
import { findings, policyText } from '../testing/kit.js';
import { endedBy, neverFires } from './rungs.js';
import type { BuiltIn } from './written.js';

const ids = async (ladder: string, technique = 'precopy'): Promise<readonly string[]> =>
    (await findings(policyText(`using ${technique} {\n${ladder}\n}`))).map((line) => line.slice(0, 6));

describe('the rungs of a ladder', () => {
    test.each([
        // An abort before anything else
        ['after 5 min: abort\nafter 10 min: downtime 900 ms', ['MIG304']],
        ['after 5 min: abort\nafter 5 min: report', ['MIG304']],
        ['after 5 min: report\nafter 5 min: abort', []],
        ['when stalled for 3 iterations: abort\nwhen stalled for 5 iterations: downtime 900 ms', ['MIG304']],
        ['when iteration 3: abort\nwhen stalled for 5 iterations: downtime 900 ms', ['MIG304']],
        ['when stalled for 5 iterations: downtime 900 ms\nafter 10 min: abort', []],
        ['after 10 min: downtime 900 ms\nafter 5 min: abort', ['MIG304']],
        ['after 5 min and iteration < 3: abort\nafter 10 min: downtime 900 ms\nafter 20 min: abort', []],
        ['after 5 min and iteration >= 3: abort\nafter 10 min and iteration >= 4: downtime 900 ms\nafter 20 min: abort', ['MIG304']],
        ['when elapsed > 5 min: abort\nafter 10 min: downtime 900 ms', ['MIG304']],
        // A condition that contradicts its moment
        ['after 10 min and elapsed < 5 min: downtime 900 ms\nafter 20 min: abort', ['MIG304']],
        ['when iteration 5 and iteration <= 3: downtime 900 ms\nafter 20 min: abort', ['MIG304']],
        ['when remaining > 2 GiB and remaining < 1 GiB: downtime 900 ms\nafter 20 min: abort', ['MIG304']],
        // After a switch or a pause
        ['after 2 min: switch to postcopy\nafter 10 min: abort', ['MIG307']],
        ['after 2 min: switch to postcopy\nafter 3 min: bandwidth unlimited\nafter 4 min: report', []],
        ['after 2 min and iteration >= 2: switch to postcopy\nafter 10 min: abort', []],
        ['after 2 min: pause\nafter 3 min: throttle 20%', ['MIG307']],
        ['after 2 min: pause\nafter 10 min: abort', []],
        // Order
        ['after 4 min: downtime 900 ms\nafter 2 min: throttle 20%\nafter 10 min: abort', ['MIG305']],
        ['after 4 min: downtime 900 ms\nwhen stalled for 2 iterations: throttle 20%\nafter 10 min: abort', []],
        // Taking back
        ['downtime 900 ms\nafter 4 min: downtime 900 ms\nafter 10 min: abort', ['MIG306']],
        ['after 4 min: downtime 900 ms\nafter 6 min: downtime 700 ms\nafter 10 min: abort', ['MIG306']],
        ['after 4 min and iteration < 3: downtime 900 ms\nafter 6 min: downtime 700 ms\nafter 10 min: abort', []],
        // What is forbidden ends nothing
        ['never postcopy\nafter 2 min: switch to postcopy\nafter 10 min: abort', ['MIG308']],
        // No end
        ['after 2 min: report', ['MIG303']],
        ['after 2 min: pause', []],
    ])('%s: %j', async (ladder, expected) => {
        expect(await ids(ladder)).toEqual(expected);
    });

    test('techniques that begin after the switch, or with the guest standing still, have no use for some', async () => {
        expect(await ids('after 10 min: abort', 'postcopy')).toEqual(['MIG307']);
        expect(await ids('after 10 min: report', 'postcopy')).toEqual([]);
        expect(await ids('after 2 min: throttle 20%', 'stop-and-copy')).toEqual(['MIG307']);
        expect(await ids('when stalled for 2 iterations: report', 'hybrid')).toEqual([]);
    });

    test('of a shared technique are judged once, where it is declared', async () => {
        const shared = 'technique t = precopy { after 5 min: abort after 10 min: report }\n';
        const policies = [1, 2, 3].map((n) => policyText('using t').replace('policy p', `policy p${n}`)).join('\n');
        const found = await findings(
            `${shared}${policies}\npolicy q like p1 { priority 3 }`.replace('{ priority 3 }', '{ cooldown 5 min }'),
        );
        expect(found).toHaveLength(1);
    });

    test('of a technique with parameters are judged with what they are given', async () => {
        const shared = 'technique t(most: duration) = precopy { after 5 min: report after most: abort }\n';
        expect(await findings(`${shared}${policyText('using t(most: 10 min)')}`)).toEqual([]);
        expect((await findings(`${shared}${policyText('using t(most: 2 min)')}`)).map((line) => line.slice(0, 6))).toEqual(['MIG304']);
    });

    test('are not judged where the text has errors', async () => {
        const broken = 'technique t = precopy { after 5 GiB: abort after 10 min: report }\n';
        expect((await findings(`${broken}${policyText('using t')}`)).map((line) => line.slice(0, 6))).toEqual(['MIG203']);
    });
});

const nowhere = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
const moveAttribute = (attribute: 'iteration' | 'elapsed'): Expression => ({
    kind: 'attribute',
    type: 'number',
    entity: 'move',
    attribute,
    key: undefined,
    range: nowhere,
});
const further = fc
    .tuple(
        fc.constantFrom('iteration' as const, 'elapsed' as const),
        fc.constantFrom('<' as const, '>=' as const),
        fc.integer({ min: 1, max: 6 }),
    )
    .map(
        ([attribute, operator, value]): Expression => ({
            kind: 'binary',
            type: 'boolean',
            operator,
            left: moveAttribute(attribute),
            right: { kind: 'literal', type: 'number', value, range: nowhere },
            range: nowhere,
        }),
    );
const figure = fc.integer({ min: 1, max: 6 });
const moment = fc.oneof(
    figure.map((iterations): Rung['on'] => ({ kind: 'stalled', iterations })),
    figure.map((iteration): Rung['on'] => ({ kind: 'iteration', iteration })),
    figure.map((ms): Rung['on'] => ({ kind: 'after', ms })),
);
const rung = fc
    .record({
        on: moment,
        and: fc.option(further, { nil: undefined }),
        action: fc.constantFrom<Rung['action'][]>({ kind: 'abort' }, { kind: 'report' }, { kind: 'downtime', ms: 500 }),
    })
    .map((one): Rung => ({ ...one, range: nowhere }));

/** Which rungs fire in one run: a boundary and a clock time at every step, judged from top to bottom, each rung once. */
function fired(ladder: readonly Rung[], progress: readonly boolean[]): ReadonlySet<number> {
    const done = new Set<number>();
    const left: number[] = [];
    for (const [step, better] of progress.entries()) {
        left.push((left.at(-1) ?? 1000) * (better ? 0.5 : 1));
        const [iteration, elapsed] = [step + 1, step];
        for (const [index, { on, and, action }] of ladder.entries()) {
            const due =
                on.kind === 'after'
                    ? elapsed >= on.ms
                    : on.kind === 'iteration'
                      ? iteration >= on.iteration
                      : on.kind === 'stalled' && stalled(left, on.iterations);
            if (done.has(index) || !due || !holds(and, iteration, elapsed)) continue;
            done.add(index);
            if (action.kind === 'abort') return done;
        }
    }
    return done;
}

function stalled(left: readonly number[], window: number): boolean {
    if (left.length <= window) return false;
    return Math.min(...left.slice(-window)) > Math.min(...left.slice(0, -window)) * 0.96;
}

function holds(and: Expression | undefined, iteration: number, elapsed: number): boolean {
    if (and?.kind !== 'binary' || and.left.kind !== 'attribute' || and.right.kind !== 'literal') return true;
    const value = and.left.attribute === 'iteration' ? iteration : elapsed;
    return and.operator === '<' ? value < Number(and.right.value) : value >= Number(and.right.value);
}

describe('a rung that is said never to fire', () => {
    property.prop([fc.array(rung, { minLength: 1, maxLength: 5 }), fc.array(fc.boolean(), { maxLength: 14 })])(
        'does not in any run',
        (ladder, progress) => {
            const use: BuiltIn = { kind: 'technique', technique: 'precopy', name: undefined, options: {}, ladder, range: nowhere };
            const done = fired(ladder, progress);
            for (const [index, one] of ladder.entries()) {
                if (neverFires(one) || endedBy(use, index)) expect(done.has(index)).toBe(false);
            }
        },
    );
});
