import { describe, expect, test } from 'vitest';
import type { PlannedTechnique } from '../model/plan.js';
import { moveTechnique, ownSwitch } from './move-technique.js';

const planned = (kind: PlannedTechnique['kind'], ladder: PlannedTechnique['ladder'] = []): PlannedTechnique => ({
    kind,
    name: undefined,
    options: { streams: 2 },
    ladder,
});
const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

describe('a technique as the phases are asked for it', () => {
    test.each([
        ['precopy', true, false, undefined],
        ['postcopy', true, true, { atIteration: 1 }],
        ['hybrid', true, true, { atIteration: 2 }],
        ['stop-and-copy', false, false, undefined],
    ] as const)('%s', (kind, live, postcopy, own) => {
        expect(moveTechnique(planned(kind))).toEqual({ live, postcopy, options: { streams: 2 } });
        expect(ownSwitch(planned(kind))).toEqual(own);
    });

    test('pre-copy with a rung that switches prepares for it', () => {
        const rung = { on: { kind: 'after', ms: 1000 }, and: undefined, action: { kind: 'switch-to-postcopy' }, range } as const;
        expect(moveTechnique(planned('precopy', [rung])).postcopy).toBe(true);
        expect(ownSwitch(planned('precopy', [rung]))).toBeUndefined();
    });
});
