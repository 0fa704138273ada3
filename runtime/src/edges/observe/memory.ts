import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type EpochMs, epochMs } from '@mig/language';
import { MigrationError, type PolicyState, type Sample, type Snapshot } from '../../core/index.js';

/** Kept for conditions that must hold for a time; older samples answer nothing that a policy can ask. */
const keepMs = 24 * 3_600_000;
const schemaVersion = 1;

/**
 * What earlier runs saw and which policies fired, so that `for 5 min`, `until` and `cooldown` mean something in a single
 * run too. Apart from the journal: it may be deleted at any time, and only makes such conditions unknown again.
 */
export class ObservationMemory implements Disposable {
    readonly #database: DatabaseSync;

    private constructor(database: DatabaseSync) {
        this.#database = database;
    }

    /** Throws `journal-unwritable` where the file cannot be opened, `journal-newer` where a newer version wrote it. */
    static open(directory: string): ObservationMemory {
        const file = path.join(directory, 'observations.db');
        try {
            mkdirSync(directory, { recursive: true, mode: 0o700 });
            const database = new DatabaseSync(file);
            const { user_version: found } = database.prepare('PRAGMA user_version').get() as { user_version: number };
            if (found > schemaVersion) {
                database.close();
                throw new MigrationError('journal-newer', `${file} was written by a newer mig-run`, {
                    hint: 'use that one, or move the file away: only the memory of earlier observations is lost',
                });
            }
            database.exec(`
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = NORMAL;
                PRAGMA busy_timeout = 2000;
                CREATE TABLE IF NOT EXISTS samples (key TEXT NOT NULL, at INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (key, at)) WITHOUT ROWID;
                CREATE TABLE IF NOT EXISTS policies (policy TEXT NOT NULL, bound TEXT NOT NULL, last_fired INTEGER, holding INTEGER NOT NULL, PRIMARY KEY (policy, bound)) WITHOUT ROWID;
                PRAGMA user_version = ${schemaVersion};
            `);
            return new ObservationMemory(database);
        } catch (cause) {
            if (cause instanceof MigrationError) throw cause;
            throw new MigrationError(
                'journal-unwritable',
                `cannot open ${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
                {
                    cause,
                    hint: 'free some space or set XDG_STATE_HOME to a directory that can be written',
                },
            );
        }
    }

    /** Samples of the last `spanMs`, oldest first, and what the policies did. */
    recall(now: EpochMs, spanMs: number): { readonly history: Snapshot['history']; readonly policies: readonly PolicyState[] } {
        const history: Record<string, Sample[]> = {};
        if (spanMs > 0) {
            for (const row of this.#database.prepare('SELECT key, at, value FROM samples WHERE at >= ? ORDER BY at').all(now - spanMs)) {
                const { key, at, value } = row as { key: string; at: number; value: string };
                (history[key] ??= []).push({ at: epochMs(at), value: JSON.parse(value) as Sample['value'] });
            }
        }
        const policies = this.#database.prepare('SELECT policy, bound, last_fired, holding FROM policies').all() as {
            policy: string;
            bound: string;
            last_fired: number | null;
            holding: number;
        }[];
        return {
            history,
            policies: policies.map((p) => ({
                policy: p.policy,
                bound: p.bound === '' ? undefined : p.bound,
                lastFired: p.last_fired === null ? undefined : epochMs(p.last_fired),
                holding: p.holding === 1,
            })),
        };
    }

    /** Keeps samples by their key in `Snapshot.history`, and forgets what is too old. */
    keep(samples: Readonly<Record<string, Sample>>, now: EpochMs): void {
        const insert = this.#database.prepare('INSERT OR REPLACE INTO samples (key, at, value) VALUES (?, ?, ?)');
        this.#transaction(() => {
            for (const [key, { at, value }] of Object.entries(samples)) insert.run(key, at, JSON.stringify(value));
            this.#database.prepare('DELETE FROM samples WHERE at < ?').run(now - keepMs);
        });
    }

    /** Notes that a policy fired now, or was released. */
    fired(states: readonly PolicyState[]): void {
        const put = this.#database.prepare('INSERT OR REPLACE INTO policies (policy, bound, last_fired, holding) VALUES (?, ?, ?, ?)');
        this.#transaction(() => {
            for (const s of states) put.run(s.policy, s.bound ?? '', s.lastFired ?? null, s.holding ? 1 : 0);
        });
    }

    #transaction(work: () => void): void {
        this.#database.exec('BEGIN IMMEDIATE');
        try {
            work();
            this.#database.exec('COMMIT');
        } catch (error) {
            this.#database.exec('ROLLBACK');
            throw error;
        }
    }

    [Symbol.dispose](): void {
        this.#database.close();
    }
}
