import type { DatabaseSync } from 'node:sqlite';
import { JournalError } from './errors.js';

/**
 * Raised when an older program could misread the newer file; a newer file is refused.
 * 1: runs, moves, phases, events, requests.
 */
export const journalVersion = 1;

/** 'migj': marks the file as a journal (SQLite's application id). */
const applicationId = 0x6d69676a;

const tables = `
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    started_at REAL NOT NULL,
    ended_at REAL,
    outcome TEXT,
    simulated INTEGER NOT NULL,
    controller TEXT NOT NULL,
    owner_machine TEXT NOT NULL,
    owner_pid INTEGER NOT NULL,
    owner_started TEXT NOT NULL,
    plan TEXT NOT NULL
) STRICT;
CREATE TABLE moves (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    phase TEXT,
    finish TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    source_boot TEXT,
    destination_boot TEXT,
    outcome TEXT,
    vm_on TEXT,
    error TEXT,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE phases (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    move TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    mark TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
CREATE INDEX phases_of_run ON phases(run, move);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    event TEXT NOT NULL
) STRICT;
CREATE INDEX events_of_run ON events(run, seq);
CREATE TABLE requests (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    ask TEXT NOT NULL,
    by TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
`;

/** Makes the tables of an empty file, and refuses a file that this program cannot read. */
export function prepareSchema(db: DatabaseSync, file: string): void {
    const version = pragma(db, 'user_version');
    const application = pragma(db, 'application_id');
    if (version > journalVersion) {
        throw new JournalError(
            'journal-newer',
            `the journal ${file} is of version ${version}; this mig-run reads up to ${journalVersion}`,
            'use the newer mig-run that wrote it, or set XDG_STATE_HOME to begin another journal',
            file,
        );
    }
    if (version === journalVersion && application === applicationId) return;
    const others = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n'];
    if (version !== 0 || others !== 0)
        throw new JournalError('journal-damaged', `${file} is a database, but not a journal`, 'move it away; a new one is made', file);
    db.exec(`BEGIN IMMEDIATE; ${tables} PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${journalVersion}; COMMIT;`);
}

function pragma(db: DatabaseSync, name: 'user_version' | 'application_id'): number {
    const value = db.prepare(`PRAGMA ${name}`).get()?.[name];
    return typeof value === 'number' ? value : 0;
}
