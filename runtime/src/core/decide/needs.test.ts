import { milliseconds } from '@mig/language';
import { expect, test } from 'vitest';
import { nowhere, policy, program } from '../testing/program.js';
import { observationNeeds } from './needs.js';

const needs = (...reads: readonly (readonly ['vm' | 'host' | 'source' | 'move', string])[]) =>
    observationNeeds(program([], { reads: reads.map(([entity, attribute]) => ({ entity, attribute, historyMs: 0 })) }), milliseconds(1000));

test('what comes with every listing costs nothing more', () => {
    expect(needs(['host', 'maintenance'], ['vm', 'memory'], ['vm', 'tag'])).toEqual({
        statistics: false,
        twoSamples: false,
        dirtyRate: false,
        windowMs: 0,
    });
});

test('a rate costs the sampling window', () => {
    expect(needs(['source', 'cpu'])).toEqual({ statistics: false, twoSamples: true, dirtyRate: false, windowMs: 1000 });
    expect(needs(['vm', 'dirty_rate'])).toEqual({ statistics: false, twoSamples: false, dirtyRate: true, windowMs: 1000 });
});

test('memory in use costs one statistics call, and what a move knows of itself nothing', () => {
    expect(needs(['host', 'memory.used'], ['move', 'dirty_rate'])).toEqual({
        statistics: true,
        twoSamples: false,
        dirtyRate: false,
        windowMs: 0,
    });
});

test('keeping CPU free and evening out the load need CPU time; emptying a host to the least loaded does not wait for it', () => {
    const sampled = (destination: NonNullable<Parameters<typeof policy>[0]>['destination']) =>
        observationNeeds(program([policy({ ...(destination ? { destination } : {}) })]), milliseconds(1000)).twoSamples;
    const prefer = (kind: 'even-load' | 'least-loaded') => ({ preferences: [{ kind, weight: 1, gain: undefined, range: nowhere }] });
    expect(sampled({ keepFree: [{ resource: 'cpu', amount: { kind: 'share', share: 0.1 }, range: nowhere }] })).toBe(true);
    expect(sampled(prefer('even-load'))).toBe(true);
    expect(sampled(prefer('least-loaded'))).toBe(false);
});
