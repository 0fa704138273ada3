import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type EpochMs, epochMs } from '@mig/language';
import type { PolicyState, Sample, Snapshot } from '../../core/index.js';
import { guarded, JournalError } from '../journal/errors.js';
import { ownDirectory } from '../own-directory.js';

/** Kept for conditions that must hold for a time; older samples answer nothing that a policy can ask. */
const keepMs = 24 * 3_600_000;
const schemaVersion = 1;

/**
 * What earlier runs saw and which policies fired, so that `for 5 min`, `until` and `cooldown` mean something in a single
 * run too. Apart from the journal: it may be deleted at any time, and only makes such conditions unknown again.
 */
export class ObservationMemory implements Disposable {
    readonly #database: DatabaseSync;
    readonly #file: string;

    private constructor(database: DatabaseSync, file: string) {
        this.#database = database;
        this.#file = file;
    }

    /** @throws JournalError, as of a journal: `journal-unwritable`, `journal-full`, `journal-damaged`, `journal-newer` */
    static open(directory: string): ObservationMemory {
        const file = path.join(directory, 'observations.db');
        return remembering(file, () => {
            ownDirectory(directory);
            const database = new DatabaseSync(file);
            try {
                prepare(database, file);
            } catch (error) {
                database.close();
                throw error;
            }
            return new ObservationMemory(database, file);
        });
    }

    /** Samples of the last `spanMs`, oldest first, and what the policies did. */
    recall(now: EpochMs, spanMs: number): { readonly history: Snapshot['history']; readonly policies: readonly PolicyState[] } {
        return remembering(this.#file, () => ({ history: this.#samples(now, spanMs), policies: this.#policies() }));
    }

    #samples(now: EpochMs, spanMs: number): Snapshot['history'] {
        const history: Record<string, Sample[]> = {};
        if (spanMs > 0) {
            for (const row of this.#database.prepare('SELECT key, at, value FROM samples WHERE at >= ? ORDER BY at').all(now - spanMs)) {
                const { key, at, value } = row as { key: string; at: number; value: string };
                (history[key] ??= []).push({ at: epochMs(at), value: JSON.parse(value) as Sample['value'] });
            }
        }
        return history;
    }

    #policies(): readonly PolicyState[] {
        const policies = this.#database.prepare('SELECT policy, bound, last_fired, holding FROM policies').all() as {
            policy: string;
            bound: string;
            last_fired: number | null;
            holding: number;
        }[];
        return policies.map((p) => ({
            policy: p.policy,
            bound: p.bound === '' ? undefined : p.bound,
            lastFired: p.last_fired === null ? undefined : epochMs(p.last_fired),
            holding: p.holding === 1,
        }));
    }

    /** Keeps samples by their key in `Snapshot.history`, and forgets what is too old. */
    keep(samples: Readonly<Record<string, Sample>>, now: EpochMs): void {
        this.#transaction(() => {
            const insert = this.#database.prepare('INSERT OR REPLACE INTO samples (key, at, value) VALUES (?, ?, ?)');
            for (const [key, { at, value }] of Object.entries(samples)) insert.run(key, at, JSON.stringify(value));
            this.#database.prepare('DELETE FROM samples WHERE at < ?').run(now - keepMs);
        });
    }

    /** Notes that a policy fired now, or was released. */
    fired(states: readonly PolicyState[]): void {
        this.#transaction(() => {
            const put = this.#database.prepare('INSERT OR REPLACE INTO policies (policy, bound, last_fired, holding) VALUES (?, ?, ?, ?)');
            for (const s of states) put.run(s.policy, s.bound ?? '', s.lastFired ?? null, s.holding ? 1 : 0);
        });
    }

    #transaction(work: () => void): void {
        remembering(this.#file, () => {
            this.#database.exec('BEGIN IMMEDIATE');
            try {
                work();
                this.#database.exec('COMMIT');
            } catch (error) {
                // A full disk has rolled the transaction back already.
                if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
                throw error;
            }
        });
    }

    [Symbol.dispose](): void {
        this.#database.close();
    }
}

function prepare(database: DatabaseSync, file: string): void {
    const { user_version: found } = database.prepare('PRAGMA user_version').get() as { user_version: number };
    if (found > schemaVersion) {
        const hint = 'use that one, or move the file away: only the memory of earlier observations is lost';
        throw new JournalError('journal-newer', `${file} was written by a newer mig-run`, hint, file);
    }
    database.exec(`
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = NORMAL;
        PRAGMA busy_timeout = 2000;
        CREATE TABLE IF NOT EXISTS samples (key TEXT NOT NULL, at INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (key, at)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS policies (policy TEXT NOT NULL, bound TEXT NOT NULL, last_fired INTEGER, holding INTEGER NOT NULL, PRIMARY KEY (policy, bound)) WITHOUT ROWID;
        PRAGMA user_version = ${schemaVersion};
    `);
}

const remembering = <T>(file: string, work: () => T): T => guarded(file, work, 'the memory of observations');
