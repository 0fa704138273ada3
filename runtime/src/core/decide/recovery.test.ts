import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { conditionOf, recover, type FinishRecord, type RecoveryFacts, type Sighting } from './recovery.js';
import { rows } from './recovery-table.js';

const paused: Sighting = {
    kind: 'present',
    sameBoot: true,
    state: 'paused',
    reason: 'migration',
    job: 'none',
    persistent: true,
    moverRun: 'r1',
};
const running: Sighting = { ...paused, state: 'running', reason: 'other' };
const absent: Sighting = { kind: 'absent', sameBoot: true };
const silent: Sighting = { kind: 'silent', fenced: false };
const facts = (finish: FinishRecord, source: Sighting, destination: Sighting): RecoveryFacts => ({
    finish,
    source,
    destination,
    run: 'r1',
    unguardedDisks: true,
});

describe('before finish was sent', () => {
    test('a paused source is resumed once the destination says that it has nothing', () => {
        expect(recover(facts('not-sent', paused, absent))).toMatchObject({
            verdict: 'settled',
            steps: ['resume-source', 'clear-marks'],
            vmAt: 'source',
        });
    });
    test('a leftover at the destination is removed before the source is resumed', () => {
        expect(recover(facts('not-sent', paused, paused)).steps).toEqual(['remove-leftover', 'resume-source', 'clear-marks']);
    });
    test('a destination that has rebooted never ran the VM: the source is resumed', () => {
        expect(recover(facts('not-sent', paused, { kind: 'absent', sameBoot: false })).steps).toContain('resume-source');
    });
    test('a silent destination is never absent: with unguarded disks nothing is resumed', () => {
        expect(recover(facts('not-sent', paused, silent))).toMatchObject({ verdict: 'ask-again', steps: [], alarm: true });
    });
    test('a silent destination that has been fenced counts as gone', () => {
        expect(recover(facts('not-sent', paused, { kind: 'silent', fenced: true })).steps).toContain('resume-source');
    });
    test('a source in a post-copy state is never resumed', () => {
        expect(recover(facts('not-sent', { ...paused, reason: 'postcopy-failed' }, absent))).toMatchObject({ verdict: 'hold', steps: [] });
    });

    test.each([
        ['it runs there with all of its memory', 'sent', 'postcopy-failed', { state: 'running' }, 'settled', 'destination'],
        ['its memory is on its way', 'sent', 'postcopy', { state: 'running', reason: 'postcopy' }, 'ask-again', 'destination'],
        [
            'the way between the hosts is cut',
            'sent',
            'postcopy-failed',
            { state: 'running', reason: 'postcopy-failed' },
            'ask-again',
            'destination',
        ],
        ['the destination is about to run it', 'sent', 'postcopy', { job: 'incoming' }, 'ask-again', undefined],
        ['the destination dropped its copy before it was told to run it', 'not-sent', 'postcopy', undefined, 'hold', undefined],
    ] as const)('after a switch to post-copy, where %s', (_, finish, reason, there, verdict, vmAt) => {
        const destination = there === undefined ? absent : { ...paused, ...there };
        const decision = recover(facts(finish, { ...paused, reason }, destination));
        expect(decision).toMatchObject({ verdict, vmAt });
        expect(decision.steps).not.toContain('resume-source');
        expect(decision.steps).not.toContain('remove-leftover');
        if (verdict === 'hold') expect(decision.alarm).toBe(true);
    });

    test('where the way between the hosts was cut in post-copy, the rest is sent anew once both have noticed', () => {
        const there = { ...running, reason: 'postcopy-failed', job: 'incoming' } as const;
        const cut = facts('started', { ...paused, reason: 'postcopy-failed' }, there);
        expect(recover(cut)).toMatchObject({ row: 'postcopy-cut', steps: ['take-up-postcopy'], alarm: true });
        expect(recover(facts('started', { ...paused, reason: 'postcopy' }, there))).toMatchObject({
            verdict: 'ask-again',
            steps: [],
            alarm: true,
        });
        expect(recover({ ...cut, cannotTakeUp: 'its libvirt is too new' })).toMatchObject({
            verdict: 'hold',
            steps: [],
            vmAt: 'destination',
            because: expect.stringMatching(/cannot be made to go on from here: its libvirt is too new$/) as unknown,
            hint: expect.stringMatching(/touch the VM on neither host/) as unknown,
        });
    });
    test.each([
        ['rebooted', { ...absent, sameBoot: false }, 'hold'],
        ['has nothing of it any more', absent, 'ask-again'],
    ] as const)(
        'a source that %s took memory with it that the destination waits for: nothing is touched, and it is said that the VM is lost',
        (_, source, verdict) => {
            const there = { ...running, reason: 'postcopy-failed', job: 'incoming' } as const;
            expect(recover(facts('started', source, there))).toMatchObject({
                verdict,
                steps: [],
                alarm: true,
                vmAt: undefined,
                because: expect.stringMatching(/lost as it ran/) as unknown,
            });
        },
    );

    test('in whatever state the destination is, a source that has switched is never resumed', () => {
        const reasons = ['migration', 'migrated', 'received', 'postcopy', 'postcopy-failed', 'user', 'other'] as const;
        for (const finish of ['not-sent', 'sent', 'started', 'not-started', 'refused'] as const)
            for (const state of ['running', 'paused', 'shut off', 'other'] as const)
                for (const reason of reasons)
                    for (const job of ['incoming', 'outgoing', 'none'] as const)
                        for (const own of ['postcopy', 'postcopy-failed'] as const) {
                            const { steps } = recover(facts(finish, { ...paused, reason: own }, { ...paused, state, reason, job }));
                            expect(steps).not.toContain('resume-source');
                            expect(steps).not.toContain('remove-leftover');
                        }
    });
    test('a VM that its owner paused stays paused', () => {
        expect(recover(facts('not-sent', { ...paused, reason: 'user' }, absent)).steps).toEqual(['clear-marks']);
    });
    test('a source that rebooted took the VM down with it, and nothing is started', () => {
        expect(recover(facts('not-sent', { kind: 'absent', sameBoot: false }, absent))).toMatchObject({
            verdict: 'hold',
            steps: [],
            alarm: true,
        });
    });
});

describe('after finish was sent', () => {
    test('a VM that runs at the destination is completed there', () => {
        expect(recover(facts('sent', paused, running))).toMatchObject({
            steps: ['remove-source', 'undefine-source', 'settle-arrival'],
            vmAt: 'destination',
        });
    });
    test('without an error reply the source is not resumed, even if the destination has nothing', () => {
        expect(recover(facts('sent', paused, absent))).toMatchObject({ verdict: 'hold', steps: [], alarm: true });
    });
    test('an error reply that does not say that the guest was not started proves nothing', () => {
        expect(recover(facts('refused', paused, absent))).toMatchObject({ verdict: 'hold', steps: [] });
    });
    test('an error reply that says that the guest was not started lets the source go on', () => {
        expect(recover(facts('not-started', paused, absent)).steps).toEqual(['resume-source', 'clear-marks']);
    });
    test('a silent destination is polled with an alarm, and nothing is touched', () => {
        expect(recover(facts('sent', paused, silent))).toMatchObject({ verdict: 'ask-again', steps: [], alarm: true });
    });
    test('two running guests are left to a person, at once', () => {
        expect(recover(facts('sent', running, running))).toMatchObject({ verdict: 'hold', alarm: true, row: 'two-run' });
    });
    test("a copy that bears another run's mark is not touched", () => {
        expect(recover(facts('sent', { ...paused, moverRun: 'r2' }, running))).toMatchObject({ verdict: 'hold', steps: [] });
    });
});

const sightings: readonly Sighting[] = [
    silent,
    { kind: 'silent', fenced: true },
    absent,
    { kind: 'absent', sameBoot: false },
    ...(['running', 'paused', 'shut off', 'other'] as const).flatMap((state) =>
        (['migration', 'received', 'postcopy', 'postcopy-failed', 'user', 'other'] as const).flatMap((reason) =>
            (['outgoing', 'unattended', 'incoming', 'none'] as const).flatMap((job) =>
                [true, false].flatMap((sameBoot) =>
                    ['r1', 'r2', undefined].map(
                        (moverRun): Sighting => ({ kind: 'present', sameBoot, state, reason, job, persistent: true, moverRun }),
                    ),
                ),
            ),
        ),
    ),
];
const everyFact = fc
    .record({
        finish: fc.constantFrom<FinishRecord>('not-sent', 'sent', 'started', 'not-started', 'refused'),
        source: fc.constantFrom(...sightings),
        destination: fc.constantFrom(...sightings),
        run: fc.constant('r1'),
        unguardedDisks: fc.boolean(),
        cannotTakeUp: fc.constantFrom(undefined, 'a reason'),
    })
    .map(({ cannotTakeUp, ...f }): RecoveryFacts => ({ ...f, ...(cannotTakeUp !== undefined && { cannotTakeUp }) }));

describe('the table', () => {
    property.prop([everyFact], { numRuns: 3000 })('has a row for every combination, and acts on no host that is silent', (f) => {
        const { steps } = recover(f);
        const atDestination: readonly string[] = ['remove-leftover', 'start-destination', 'settle-arrival'];
        const onSource = steps.some((s) => !atDestination.includes(s));
        const onDestination = steps.some((s) => atDestination.includes(s));
        expect(onSource && f.source.kind === 'silent').toBe(false);
        expect(onDestination && f.destination.kind === 'silent').toBe(false);
    });
    property.prop([everyFact], { numRuns: 3000 })('never resumes a source whose destination may have run the VM', (f) => {
        const resumes = recover(f).steps.includes('resume-source');
        if (resumes) expect(['not-sent', 'not-started']).toContain(f.finish);
        if (resumes) expect(['running', 'sending', 'unattended']).not.toContain(conditionOf(f.destination, f.run));
    });
    property.prop([everyFact], { numRuns: 3000 })('removes the copy at the source only when the VM has run at the destination', (f) => {
        if (!recover(f).steps.includes('remove-source')) return;
        expect(f.finish === 'started' || ['running', 'sending', 'unattended'].includes(conditionOf(f.destination, f.run))).toBe(true);
    });
    property.prop([everyFact], { numRuns: 3000 })(
        'starts the destination only where the source stands still and does not go on by itself',
        (f) => {
            if (!recover(f).steps.includes('start-destination')) return;
            expect(conditionOf(f.destination, f.run)).toBe('received');
            expect(['paused', 'postcopy', 'postcopy-failed']).toContain(conditionOf(f.source, f.run));
            // Before the switch to post-copy, the word that the source gave the VM away is on disk.
            if (conditionOf(f.source, f.run) === 'paused') expect(['not-sent', 'not-started']).not.toContain(f.finish);
        },
    );
    property.prop([everyFact], { numRuns: 3000 })(
        'ends a migration that goes on by itself only where the destination was never told to run the VM',
        (f) => {
            if (recover(f).steps.includes('cancel-sending')) expect(['not-sent', 'not-started']).toContain(f.finish);
        },
    );
    property.prop([everyFact], { numRuns: 3000 })('sends anew only what both sides wait for, and never again where it was refused', (f) => {
        if (!recover(f).steps.includes('take-up-postcopy')) return;
        expect([conditionOf(f.source, f.run), conditionOf(f.destination, f.run)]).toEqual(['postcopy-failed', 'postcopy-failed']);
        expect(f.cannotTakeUp).toBeUndefined();
    });
    test('has no row that an earlier one hides', () => {
        const used = new Set<string>();
        for (const finish of ['not-sent', 'sent', 'started', 'not-started', 'refused'] as const)
            for (const source of sightings)
                for (const destination of sightings)
                    for (const unguardedDisks of [true, false])
                        for (const refused of [{}, { cannotTakeUp: 'a reason' }])
                            used.add(recover({ finish, source, destination, run: 'r1', unguardedDisks, ...refused }).row);
        expect(rows.map((r) => r.id).filter((id) => !used.has(id))).toEqual([]);
    });
});
