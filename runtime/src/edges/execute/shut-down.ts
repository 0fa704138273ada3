/**
 * VMs that cannot move are shut down where they are, because the policy says so: their guests are asked, and looked at until
 * they are off. None is ever switched off: one that does not heed it in its time runs on, and that is told.
 */
import { milliseconds, type Milliseconds } from '@mig/language';
import { MigrationError } from '../../core/errors.js';
import { notShutDown, type MoveFailure, type Plan, type PlannedShutdown } from '../../core/index.js';
import type { HostSession } from '../hypervisor/port.js';
import { failureOf } from './attempt-end.js';
import { within } from './bounds.js';
import { since } from './clock.js';
import type { RunContext } from './context.js';
import { sessionWith } from './ports.js';

/** How often a host is asked whether the VM still runs. */
const lookEvery = milliseconds(1_000);
/** A question that takes longer is asked again. */
const answerWithin = milliseconds(10_000);

interface End {
    readonly outcome: 'off' | 'failed' | 'skipped';
    readonly error: MoveFailure | undefined;
}

/** All at once, when the moves have ended; whether all are off. Nobody is asked any more where the run is stopped. */
export async function shutDownAll(plan: Plan, run: RunContext): Promise<boolean> {
    const ends = await Promise.all((plan.shutdowns ?? []).map((one) => shutDown(one, run)));
    return ends.every((end) => end === 'off');
}

/** What an interrupted run has left of them: none is asked now, and where one stands is told once. */
export async function tellOfShutdowns(plan: Plan, run: RunContext): Promise<boolean> {
    const ends = await Promise.all(
        (plan.shutdowns ?? []).map(async (one) => {
            const off = await isOff(one, run).catch(() => false); // it is not known to be off, and so it is not said
            const end: End = off ? { outcome: 'off', error: undefined } : notShutDown(one.vm.name, 'the run was interrupted');
            return tell(one, end, run.clock.now(), run);
        }),
    );
    return ends.every((end) => end === 'off');
}

async function shutDown(one: PlannedShutdown, run: RunContext): Promise<End['outcome']> {
    const began = run.clock.now();
    if (run.control.stop.aborted)
        return tell(one, notShutDown(one.vm.name, run.control.reason?.detail ?? 'the run was stopped'), began, run);
    try {
        await ask(one, run);
        return tell(one, { outcome: 'off', error: undefined }, began, run);
    } catch (error) {
        return tell(one, { outcome: 'failed', error: failureOf(error) }, began, run);
    }
}

async function ask(one: PlannedShutdown, run: RunContext): Promise<void> {
    const { ports, clock } = run;
    const { vm, host } = one;
    const call = <T>(what: string, work: (session: HostSession, signal: AbortSignal) => Promise<T>): Promise<T> =>
        within(clock, answerWithin, { call: what, host, vm: vm.name }, async (signal) =>
            work(await sessionWith(ports, host, signal), signal),
        );
    const owner = { run: ports.run, controller: ports.controller };
    await using _lock = await call('the lock', (session, signal) => session.lock(vm.uuid, owner, signal));
    const there = await call('a question', (session, signal) => session.presence(vm.uuid, signal));
    if (there.kind === 'absent' || there.state === 'shut off') return;
    if (there.state !== 'running' || there.job !== 'none')
        throw new MigrationError('vm-busy', `${vm.name} is not shut down: it is ${there.state} on ${host}, or a job is under way on it`, {
            hint: 'look at it; run the policy again once it runs by itself',
            where: { host, vm: vm.name },
        });
    run.emit({ type: 'shutdown-started', vm: vm.name, host });
    // With its reasons, which the plan in the journal has: on disk before it is done.
    ports.journal.flush();
    await call('shutting down', (session, signal) => session.shutDownGuest(vm.uuid, signal));
    await untilOff(one, run);
}

async function untilOff(one: PlannedShutdown, run: RunContext): Promise<void> {
    const { clock, control } = run;
    const { vm, host, withinMs } = one;
    const began = clock.now();
    for (;;) {
        // A host that does not answer may answer later: the VM counts as on until it says otherwise.
        if (await isOff(one, run).catch(() => false)) return;
        if (control.cancel.aborted)
            throw new MigrationError('cancelled', `${vm.name} was asked to shut down, and nobody waits until it is off`, {
                hint: `see whether it still runs on ${host}`,
                where: { host, vm: vm.name },
            });
        if (since(clock, began) >= withinMs) throw runsOn(one, withinMs);
        await clock.sleep(lookEvery, control.cancel).catch(() => undefined); // looked at once more, then told
    }
}

async function isOff({ vm, host }: PlannedShutdown, run: RunContext): Promise<boolean> {
    const there = await within(run.clock, answerWithin, { call: 'a question', host, vm: vm.name }, async (signal) =>
        (await sessionWith(run.ports, host, signal)).presence(vm.uuid, signal),
    );
    return there.kind === 'absent' || there.state === 'shut off';
}

function runsOn({ vm, host }: PlannedShutdown, waited: Milliseconds): MigrationError {
    return new MigrationError('runs-on', `${vm.name} was asked to shut down and still runs on ${host} after ${waited / 1000} s`, {
        hint: 'its guest may not heed its power button, or need longer; it is not switched off: decide by hand',
        where: { host, vm: vm.name },
    });
}

function tell({ vm, host }: PlannedShutdown, { outcome, error }: End, began: number, run: RunContext): End['outcome'] {
    run.emit({ type: 'shutdown-ended', vm: vm.name, host, outcome, tookMs: milliseconds(run.clock.now() - began), error });
    return outcome;
}
