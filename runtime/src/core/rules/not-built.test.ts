import { type FeatureId, features, type FeatureUse } from '@mig/language';
import { expect, test } from 'vitest';
import { executable } from '../decide/executable.js';
import { nowhere, policy, program } from '../testing/program.js';
import { notBuilt, type Purpose } from './not-built.js';

const use = (feature: FeatureId, within: string | undefined): FeatureUse => ({ feature, within, range: nowhere });
const severities = (purpose: Purpose, ...uses: readonly FeatureUse[]) => {
    const scenarios = [{ name: 'a test', given: [], runs: [], expects: [], nameRange: nowhere, range: nowhere }];
    return notBuilt(program([policy({ name: 'p' }), policy({ name: 'q' })], { uses, scenarios }), purpose).map((f) => f.severity);
};
const run = (name?: string): Purpose => ({ kind: 'run', policy: name });

test('what the runtime carries out is no finding', () => {
    expect(severities(run(), use('technique.precopy', 'p'), use('bandwidth.total', 'p'))).toEqual([]);
});

test('what it does not is a warning in a check, and an error in a plan, with its id', () => {
    expect(severities({ kind: 'check' }, use('technique.agile', 'p'))).toEqual(['warning']);
    expect(severities(run(), use('technique.agile', 'p'))).toEqual(['error']);
    const [finding] = notBuilt(program([], { uses: [use('technique.agile', 'p')] }), run());
    expect(finding).toMatchObject({ id: 'MIG090', message: 'agile migration cannot be carried out yet (technique.agile)' });
});

test('a policy that is not asked for does not stand in the way of one that is', () => {
    expect(severities(run('p'), use('dedup.pages', 'q'), use('dedup.pages', 'p'), use('dedup.pages', undefined))).toEqual([
        'warning',
        'error',
        'error',
    ]);
});

test('a scenario is no part of a run', () => {
    expect(severities(run(), use('scenario', 'a test'), use('trigger.failing', 'a test'))).toEqual(['warning', 'warning']);
});

test('every word after immovable: is carried out', () => {
    for (const action of ['halt-plan', 'shut-down'] as const) {
        const saying = program([policy({ selection: { immovable: { action, range: nowhere } } })], {
            uses: [use('select.immovable', 'evacuate')],
        });
        expect(notBuilt(saying, run())).toEqual([]);
    }
});

test('every capability on the list is one of the language', () => {
    expect([...executable].filter((feature) => !(feature in features))).toEqual([]);
});
