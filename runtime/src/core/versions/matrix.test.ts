import { expect, test } from 'vitest';
import { facilities } from './facilities.js';
import { combinationFacts, pairFacts, versionFacts } from './matrix.js';
import { spanText, within } from './span.js';

test('every row has an id of its own, a source and something that a policy or the runtime asks for', () => {
    const ids = [...versionFacts, ...pairFacts, ...combinationFacts].map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)]);
    for (const { uses, source, wrong } of versionFacts) {
        expect(source.length).toBeGreaterThan(10);
        expect(uses.every((facility) => facility in facilities)).toBe(true);
        expect(wrong.from ?? wrong.below).toBeDefined();
    }
});

test.each([
    ['7.2.22', { below: '9.0' }, true],
    ['9.0.0', { below: '9.0' }, false],
    ['9.1.2', { from: '9.1' }, true],
    ['9.0.4', { from: '9.1' }, false],
    ['9.2.0', { from: '9.2', below: '9.2.1' }, true],
    ['9.2.1', { from: '9.2', below: '9.2.1' }, false],
])('%s is among %o: %s', (version, span, is) => {
    expect(within(version, span)).toBe(is);
});

test('what would do instead is said as a person would', () => {
    expect([{ below: '9.0' }, { from: '9.1' }, { from: '9.2', below: '9.2.1' }].map(spanText)).toEqual([
        '9.0 or later',
        'before 9.1',
        'before 9.2, or 9.2.1 or later',
    ]);
});
