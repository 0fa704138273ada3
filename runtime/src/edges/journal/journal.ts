/**
 * The journal: what a run was about to do, written and flushed to disk before it does it (safety.md rule 1).
 * SQLite in write-ahead mode with full synchronisation: a commit is on disk when it returns, other processes read
 * beside the one that writes. Events are kept too, in batches: they are for people, recovery never needs them.
 */
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { EpochMs } from '@mig/language';
import type { FinishRecord, MigrationEvent, MoveId, Plan, PlannedMove } from '../../core/index.js';
import { ownDirectory } from '../own-directory.js';
import { guarded, JournalError } from './errors.js';
import { liveness, thisProcess, type Owner } from './owner.js';
import { journalPath } from './place.js';
import { readEvents, readRequests, readRun, readRuns } from './read.js';
import type { AbortRequest, Ask, MoveEnd, PhaseMark, RunOutcome, RunRecord } from './records.js';
import { prepareSchema } from './schema.js';

export interface JournalOptions {
    /** A file, or `:memory:` for a run that leaves no trace. The usual place unless said. */
    readonly path?: string;
}

/** Progress of one move is kept this often. */
const progressEveryMs = 2000;
/** How long a write waits for another process's write. */
const busyTimeoutMs = 5000;
/** Written and freed again when a run starts: what the journal of a run needs is then there before any host is touched. */
const reserveBytes = 256 * 1024;
/** Pages of the write-ahead log after which it begins anew: within the reserve. */
const checkpointPages = 50;

/**
 * Opens the journal, and makes it where there is none.
 * @throws JournalError with the path and a cure
 */
export function openJournal(options: JournalOptions = {}): Journal {
    const path = options.path ?? journalPath();
    return guarded(path, () => {
        if (path !== ':memory:') ownDirectory(dirname(path));
        const db = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
        try {
            db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${checkpointPages};`);
            prepareSchema(db, path);
        } catch (error) {
            db.close();
            throw error;
        }
        return new Journal(db, path);
    });
}

export class Journal implements Disposable {
    readonly path: string;
    readonly #db: DatabaseSync;
    readonly #pending: { run: string; event: string }[] = [];
    readonly #lastProgress = new Map<MoveId, number>();

    constructor(db: DatabaseSync, path: string) {
        this.#db = db;
        this.path = path;
    }

    [Symbol.dispose](): void {
        if (!this.#db.isOpen) return;
        try {
            this.flush();
        } finally {
            this.#db.close();
        }
    }

    /** Writes a run and its moves, owned by this process. After this there is room for what the run will write; or nothing is written. */
    startRun(run: {
        readonly id: string;
        readonly at: EpochMs;
        readonly controller: string;
        readonly simulated: boolean;
        readonly plan: Plan;
    }): void {
        const plan = JSON.stringify(run.plan);
        this.#reserve(reserveBytes + plan.length);
        this.#write(() => {
            const owner = thisProcess();
            this.#run(
                `INSERT INTO runs (id, started_at, simulated, controller, owner_machine, owner_pid, owner_started, plan) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
                run.id,
                run.at,
                run.simulated ? 1 : 0,
                run.controller,
                owner.machine,
                owner.pid,
                owner.started,
                plan,
            );
            for (const [position, move] of run.plan.moves.entries())
                this.#run(
                    `INSERT INTO moves (run, id, position, state, attempt, finish, epoch) VALUES (?, ?, ?, 'waiting', 0, 'not-sent', 0)`,
                    run.id,
                    move.id,
                    position,
                );
        });
    }

    /**
     * Takes over a run whose owner is dead, or which ended with a move on hold.
     * @throws JournalError `run-owned` while another process carries it out, or one on another machine may
     */
    claimRun(id: string): RunRecord {
        return this.#write(() => {
            const run = this.run(id);
            if (run.endedAt !== undefined && run.moves.every((m) => m.outcome !== 'held'))
                throw new JournalError(
                    'run-ended',
                    `run ${id} has ended; nothing is left to resume`,
                    'see it with `mig-run status`',
                    this.path,
                );
            const owner = thisProcess();
            if (run.endedAt === undefined && !same(run.owner, owner)) this.#refuseLiving(run);
            this.#run(
                'UPDATE runs SET owner_machine = ?, owner_pid = ?, owner_started = ?, ended_at = NULL, outcome = NULL WHERE id = ?',
                owner.machine,
                owner.pid,
                owner.started,
                id,
            );
            return this.run(id);
        });
    }

    endRun(id: string, outcome: RunOutcome, at: EpochMs): void {
        this.#write(() => this.#run('UPDATE runs SET ended_at = ?, outcome = ? WHERE id = ?', at, outcome, id));
    }

    /** A move goes elsewhere from now on, as one that has not begun: recovery has to ask that host. On disk on return. */
    redirect(run: string, move: PlannedMove): void {
        this.#write(() => {
            const { plan } = this.run(run);
            const moves = plan.moves.map((m) => (m.id === move.id ? move : m));
            this.#run('UPDATE runs SET plan = ? WHERE id = ?', JSON.stringify({ ...plan, moves }), run);
            // What was entered and sent of the last attempt was with another host, and is over.
            this.#run(
                `UPDATE moves SET state = 'waiting', phase = NULL, finish = 'not-sent', source_boot = NULL, destination_boot = NULL WHERE run = ? AND id = ?`,
                run,
                move.id,
            );
        });
    }

    /** A new attempt at a move: its epoch, and the boots of both hosts that recovery will compare. On disk on return. */
    startAttempt(
        run: string,
        move: MoveId,
        attempt: number,
        boots: { readonly source: string; readonly destination: string },
        at: EpochMs,
    ): { readonly epoch: number } {
        return this.#write(() => {
            this.#run(
                `UPDATE moves SET state = 'running', attempt = ?, epoch = epoch + 1, phase = 'claim', finish = 'not-sent', source_boot = ?, destination_boot = ? WHERE run = ? AND id = ?`,
                attempt,
                boots.source,
                boots.destination,
                run,
                move,
            );
            this.#mark(run, move, 'claim', at);
            const row = this.#db.prepare('SELECT epoch FROM moves WHERE run = ? AND id = ?').get(run, move);
            return { epoch: Number(row?.['epoch'] ?? 0) };
        });
    }

    /** On disk when it returns, in one commit: only then may what it announces be done. */
    enter(run: string, move: MoveId, marks: readonly PhaseMark[], at: EpochMs): void {
        this.#write(() => {
            for (const mark of marks) {
                const finish = finishRecord[mark];
                if (finish !== undefined) this.#run('UPDATE moves SET finish = ? WHERE run = ? AND id = ?', finish, run, move);
                else if (!besidePhases.has(mark)) this.#run('UPDATE moves SET phase = ? WHERE run = ? AND id = ?', mark, run, move);
                this.#mark(run, move, mark, at);
            }
        });
    }

    endMove(run: string, move: MoveId, end: MoveEnd): void {
        this.#write(() =>
            this.#run(
                `UPDATE moves SET state = 'ended', outcome = ?, vm_on = ?, error = ? WHERE run = ? AND id = ?`,
                end.outcome,
                end.vmOn ?? null,
                end.error ? JSON.stringify(end.error) : null,
                run,
                move,
            ),
        );
    }

    /** Kept for status and reports; on disk with the next `flush`. Of progress only so much as a report can show. */
    note(run: string, event: MigrationEvent): void {
        if (event.type === 'progress') {
            const last = this.#lastProgress.get(event.move);
            if (last !== undefined && event.at - last < progressEveryMs) return;
            this.#lastProgress.set(event.move, event.at);
        }
        this.#pending.push({ run, event: JSON.stringify(event) });
    }

    /** Writes the events that wait. Where that fails they are lost, and the error says why: no phase depends on them. */
    flush(): void {
        if (this.#pending.length === 0) return;
        const events = this.#pending.splice(0);
        this.#write(() => {
            for (const { run, event } of events) this.#run('INSERT INTO events (run, event) VALUES (?, ?)', run, event);
        });
    }

    /** @throws JournalError `run-unknown` */
    run(id: string): RunRecord {
        const found = guarded(this.path, () => readRun(this.#db, id));
        if (!found)
            throw new JournalError('run-unknown', `the journal knows no run ${id}`, 'list the runs with `mig-run status`', this.path);
        return found;
    }

    /** Newest first. */
    runs(): readonly RunRecord[] {
        return guarded(this.path, () => readRuns(this.#db));
    }

    events(run: string): readonly MigrationEvent[] {
        this.flush();
        return guarded(this.path, () => readEvents(this.#db, run));
    }

    /** Asks the process that carries a run out to stop or to cancel it. It looks about three times a second. */
    requestAbort(run: string, ask: Ask, by: string, at: EpochMs): void {
        const { endedAt } = this.run(run);
        if (endedAt !== undefined)
            throw new JournalError('run-ended', `run ${run} has ended already`, 'see it with `mig-run status`', this.path);
        this.#write(() => this.#run('INSERT INTO requests (run, ask, by, at) VALUES (?, ?, ?, ?)', run, ask, by, at));
    }

    /** Requests after the given sequence number, oldest first. */
    requests(run: string, after: number): readonly AbortRequest[] {
        return guarded(this.path, () => readRequests(this.#db, run, after));
    }

    /** Forgets old runs that have ended, beyond the newest `keep` and older than `before`. An unfinished run is never forgotten. */
    prune(rule: { readonly keep: number; readonly before: EpochMs }): number {
        return this.#write(() =>
            this.#run(
                `DELETE FROM runs WHERE ended_at IS NOT NULL AND started_at < ? AND id NOT IN (SELECT id FROM runs ORDER BY started_at DESC LIMIT ?)
                 AND NOT EXISTS (SELECT 1 FROM moves WHERE moves.run = runs.id AND (moves.state = 'running' OR moves.outcome = 'held'))`,
                rule.before,
                rule.keep,
            ),
        );
    }

    #mark(run: string, move: MoveId, mark: PhaseMark, at: EpochMs): void {
        this.#run(
            'INSERT INTO phases (run, move, attempt, mark, at) SELECT run, id, attempt, ?, ? FROM moves WHERE run = ? AND id = ?',
            mark,
            at,
            run,
            move,
        );
    }

    #refuseLiving(run: RunRecord): void {
        const state = liveness(run.owner);
        if (state === 'dead') return;
        const who = `process ${run.owner.pid} on ${run.owner.machine}`;
        throw new JournalError(
            'run-owned',
            state === 'alive'
                ? `run ${run.id} is being carried out by ${who}`
                : `run ${run.id} belongs to ${who}, which cannot be asked from here`,
            state === 'alive' ? 'watch it with `mig-run status`, or stop it with `mig-run abort`' : 'resume it on that machine',
            this.path,
        );
    }

    /** One commit: on disk when it returns, or nothing of it. */
    #write<T>(work: () => T): T {
        return guarded(this.path, () => {
            this.#db.exec('BEGIN IMMEDIATE');
            try {
                const result = work();
                this.#db.exec('COMMIT');
                return result;
            } catch (error) {
                // A full disk has rolled the transaction back already.
                if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
                throw error;
            }
        });
    }

    #run(sql: string, ...values: (string | number | null)[]): number {
        return Number(this.#db.prepare(sql).run(...values).changes);
    }

    /** Grows the log and the file once, and frees the room again for the rows of the run. */
    #reserve(bytes: number): void {
        this.#write(() => {
            this.#db.exec('PRAGMA defer_foreign_keys = ON'); // of no run: the row is gone when it counts
            this.#db.prepare(`INSERT INTO events (run, event) VALUES ('', hex(zeroblob(?)))`).run(Math.ceil(bytes / 2));
            this.#db.exec('DELETE FROM events WHERE seq = last_insert_rowid()');
        });
        guarded(this.path, () => this.#db.exec('PRAGMA wal_checkpoint(RESTART)'));
    }
}

/** Marks of what is done within a phase, or after it. */
const besidePhases: ReadonlySet<PhaseMark> = new Set<PhaseMark>(['finish-cancelled', 'switch', 'take-up']);

/** What a mark says about finish; the others name a phase. */
const finishRecord: Partial<Record<PhaseMark, FinishRecord>> = {
    'finish-sent': 'sent',
    'finish-started': 'started',
    'finish-not-started': 'not-started',
    'finish-refused': 'refused',
};

const same = (a: Owner, b: Owner): boolean => a.machine === b.machine && a.pid === b.pid && a.started === b.started;
