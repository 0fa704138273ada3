import { eventsVersion, returnedHome, type MigrationEvent, type PlannedMove } from '../../core/index.js';
import type { MoveRecord, RunRecord } from '../journal/records.js';
import { messageOf, note, type RunContext } from './context.js';
import { running } from './frame.js';
import { LockKeeper } from './lock-keeper.js';
import type { ExecutePorts, RunSignals } from './ports.js';
import { holdHint, settle, type Settled } from './settle.js';
import { tellOfShutdowns } from './shut-down.js';

/**
 * Ends what an interrupted run has left: for each move that was under way both hosts are asked, and the VM is brought
 * back to one side, by the journal and the recovery table (safety.md rule 2). Moves that had not begun are not begun:
 * run the policy again for them. Acts only under the lock of each VM.
 *
 * @throws JournalError `run-unknown`, `run-ended`, or `run-owned` while the process that carries it out lives
 */
export async function* resume(ports: ExecutePorts, signals: RunSignals = {}): AsyncGenerator<MigrationEvent, void, undefined> {
    const record = ports.journal.claimRun(ports.run);
    yield* running(ports, record.plan, signals, async (context) => {
        context.emit({ type: 'run-started', version: eventsVersion, run: ports.run, plan: record.plan, simulated: record.simulated });
        await Promise.all(record.moves.map((move) => resumeMove(record, move, context)));
        const moved = ports.journal.run(ports.run).moves.every((m) => m.outcome === 'moved');
        const off = await tellOfShutdowns(record.plan, context);
        return moved && off ? 'complete' : 'incomplete';
    });
}

async function resumeMove(record: RunRecord, move: MoveRecord, run: RunContext): Promise<void> {
    const step = record.plan.moves.find((m) => m.id === move.id);
    if (!step) return;
    if (move.state === 'waiting') {
        close(step, notBegun(step), run);
    } else if (move.state === 'running' || move.outcome === 'held') {
        // No further attempt begins, so there is no `move-started`: the one of the journal goes on to its end.
        note(
            run,
            'info',
            step.id,
            `${step.vm.name} was in ${move.phase ?? 'its first steps'} when the run was interrupted: both hosts are asked`,
        );
        const settled = await bringToOneSide(step, move, run);
        if (settled.end === 'moved') run.emit({ type: 'arrived', move: step.id, carried: settled.carried });
        close(step, ending(step, settled), run);
    } else {
        run.emit({ type: 'move-ended', move: step.id, outcome: move.outcome ?? 'failed', vmOn: move.vmOn, error: move.error });
    }
}

async function bringToOneSide(step: PlannedMove, move: MoveRecord, run: RunContext): Promise<Settled> {
    await using lock = new LockKeeper(step, run.ports);
    let told = '';
    const complain = (error: unknown): void => {
        if (messageOf(error) !== told) note(run, 'warning', step.id, messageOf(error));
        told = messageOf(error);
    };
    const { finish, sourceBoot, destinationBoot } = move;
    return await settle(step, { finish, sourceBoot, destinationBoot, holdsLock: () => lock.held(run.control.cancel, complain) }, run);
}

interface Ending {
    readonly outcome: 'moved' | 'failed' | 'held' | 'skipped';
    readonly vmOn: string | undefined;
    readonly why: { readonly code: string; readonly message: string } | undefined;
    /** What a person can do about it. */
    readonly hint?: string;
}

function notBegun({ vm, source, destination, homeward }: PlannedMove): Ending {
    if (homeward === undefined)
        return {
            outcome: 'skipped',
            vmOn: source,
            why: { code: 'stopped', message: `${vm.name} had not begun when the run was interrupted` },
        };
    const message = `${vm.name} is on ${source}; the run was interrupted before it was returned to ${destination} (${homeward})`;
    return { outcome: 'failed', vmOn: source, why: { code: 'not-returned', message } };
}

function ending(step: PlannedMove, settled: Settled): Ending {
    const { end, vmOn, because } = settled;
    switch (end) {
        case 'moved':
            if (step.homeward !== undefined) return { outcome: 'failed', vmOn, why: returnedHome(step, step.homeward) };
            return { outcome: 'moved', vmOn, why: undefined };
        case 'home':
            return {
                outcome: 'failed',
                vmOn,
                why: { code: 'interrupted', message: `${step.vm.name} stays at ${step.source}: ${because}` },
            };
        case 'held':
            return { outcome: 'held', vmOn, why: { code: 'held', message: because }, hint: holdHint(step, settled) };
    }
}

const hints: Readonly<Record<Ending['outcome'], string>> = {
    moved: '',
    held: '',
    failed: 'run the policy again to move it',
    skipped: 'run the policy again to move it',
};

function close(step: PlannedMove, { outcome, vmOn, why, hint }: Ending, run: RunContext): void {
    const error = why && { ...why, hint: hint ?? hints[outcome] };
    run.ports.journal.endMove(run.ports.run, step.id, { outcome, vmOn, error });
    run.emit({ type: 'move-ended', move: step.id, outcome, vmOn, error });
}
