import { epochMs } from '@mig/language';
import { MigrationError, reportOf } from '../../../core/index.js';
import { openJournal, type Journal } from '../../journal/journal.js';
import { type RunStatus, status, statusOf } from '../../journal/status.js';
import { controller } from '../carry-out.js';
import type { Console } from '../console.js';
import { showReport as print } from '../show.js';

interface Json {
    readonly json?: boolean;
}

const shownRuns = 5;

/** The latest runs, or one in full: what is where, as far as the journal knows. */
export function showStatus(run: string | undefined, options: Json, console: Console): void {
    using journal = openJournal();
    const all = run === undefined ? status(journal) : [statusOf(journal, run)];
    const [latest] = all;
    if (options.json === true) {
        console.out(JSON.stringify(latest ?? null, null, 2));
        return;
    }
    if (latest === undefined) {
        console.out('No run is in the journal yet.');
        return;
    }
    describe(latest, console);
    const earlier = all.slice(1, shownRuns);
    if (earlier.length > 0) {
        console.out('\nearlier');
        for (const one of earlier)
            console.out(`  ${one.id}  ${stateText(one)}, ${one.moves.length} ${one.moves.length === 1 ? 'move' : 'moves'}`);
    }
}

function describe(run: RunStatus, console: Console): void {
    console.out(`run ${run.id} by ${run.controller}, ${new Date(run.startedAt).toLocaleString('sv')}: ${stateText(run)}`);
    for (const move of run.moves) {
        const planned = run.plan.moves.find((m) => m.id === move.id);
        const what = planned === undefined ? move.id : `${planned.vm.name}  ${planned.source} -> ${planned.destination}`;
        const state =
            move.state === 'ended'
                ? `${move.outcome ?? 'ended'}${move.vmOn === undefined ? '' : `, on ${move.vmOn}`}${move.error === undefined ? '' : `: ${move.error.message}`}`
                : move.state === 'running'
                  ? `in ${move.phase ?? 'begin'}${move.finish === 'not-sent' ? '' : ` (finish ${move.finish})`}`
                  : 'waiting';
        console.out(`  ${what}: ${state}`);
    }
    if (run.state === 'interrupted')
        console.out(`\nIts mig-run is gone. Bring it to a safe end: mig-run resume ${run.id} --inventory FILE`);
    if (run.moves.some((m) => m.outcome === 'held'))
        console.out(`\nA VM is held. When both hosts answer again: mig-run resume ${run.id} --inventory FILE`);
}

const stateText = (run: RunStatus): string =>
    run.state === 'ended'
        ? `ended, ${run.outcome ?? 'unknown'}`
        : run.state === 'elsewhere'
          ? `belongs to ${run.controller}, which cannot be asked from here`
          : run.state;

/** Asks a running mig-run to cancel what can be cancelled safely. */
export function abortRun(run: string | undefined, console: Console): void {
    using journal = openJournal();
    const wanted = run === undefined ? status(journal).find((one) => one.state === 'running') : statusOf(journal, run);
    if (wanted === undefined)
        throw new MigrationError('run-unknown', 'no run is under way', { hint: '`mig-run status` shows the last ones' });
    if (wanted.state === 'interrupted') {
        throw new MigrationError('run-ended', `run ${wanted.id} cannot be asked: its mig-run is gone`, {
            hint: `mig-run resume ${wanted.id} --inventory FILE`,
        });
    }
    if (wanted.state !== 'running')
        throw new MigrationError('run-ended', `run ${wanted.id} is not under way`, { hint: '`mig-run status` shows what is where' });
    journal.requestAbort(wanted.id, 'cancel', controller(), epochMs(Date.now()));
    console.out(`asked run ${wanted.id} to stop: moves that can still be cancelled are, the others are brought to their end`);
}

/** The report of a run, again. */
export function showReport(run: string | undefined, options: Json, console: Console): void {
    using journal = openJournal();
    const wanted = run ?? latestOf(journal);
    journal.run(wanted);
    print(reportOf(journal.events(wanted)), options, console);
}

function latestOf(journal: Journal): string {
    const [latest] = status(journal);
    if (latest === undefined) throw new MigrationError('run-unknown', 'no run is in the journal yet', { hint: 'carry a policy out first' });
    return latest.id;
}
