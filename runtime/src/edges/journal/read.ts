import type { DatabaseSync } from 'node:sqlite';
import { epochMs, type EpochMs } from '@mig/language';
import type { MigrationEvent } from '../../core/index.js';
import type { AbortRequest, MoveRecord, RunRecord } from './records.js';

/** Rows become records here: the one place that trusts what the journal wrote itself. */
type Row = Readonly<Record<string, unknown>>;

export function readRun(db: DatabaseSync, id: string): RunRecord | undefined {
    const row = db.prepare('SELECT * FROM runs WHERE id = ?').get(id);
    return row && runOf(db, row);
}

export function readRuns(db: DatabaseSync): readonly RunRecord[] {
    return db
        .prepare('SELECT * FROM runs ORDER BY started_at DESC, id DESC')
        .all()
        .map((row) => runOf(db, row));
}

export function readEvents(db: DatabaseSync, run: string): readonly MigrationEvent[] {
    return db
        .prepare('SELECT event FROM events WHERE run = ? ORDER BY seq')
        .all(run)
        .map((row) => JSON.parse(text(row, 'event')) as MigrationEvent);
}

export function readRequests(db: DatabaseSync, run: string, after: number): readonly AbortRequest[] {
    return db
        .prepare('SELECT * FROM requests WHERE run = ? AND seq > ? ORDER BY seq')
        .all(run, after)
        .map((row) => ({
            seq: Number(row['seq']),
            ask: text(row, 'ask') as AbortRequest['ask'],
            by: text(row, 'by'),
            at: time(row, 'at'),
        }));
}

function runOf(db: DatabaseSync, row: Row): RunRecord {
    const id = text(row, 'id');
    return {
        id,
        startedAt: time(row, 'started_at'),
        endedAt: row['ended_at'] === null ? undefined : time(row, 'ended_at'),
        outcome: optional(row, 'outcome') as RunRecord['outcome'],
        simulated: row['simulated'] === 1,
        controller: text(row, 'controller'),
        owner: { machine: text(row, 'owner_machine'), pid: Number(row['owner_pid']), started: text(row, 'owner_started') },
        plan: JSON.parse(text(row, 'plan')) as RunRecord['plan'],
        moves: db.prepare('SELECT * FROM moves WHERE run = ? ORDER BY position').all(id).map(moveOf),
    };
}

function moveOf(row: Row): MoveRecord {
    const error = optional(row, 'error');
    return {
        id: text(row, 'id'),
        state: text(row, 'state') as MoveRecord['state'],
        attempt: Number(row['attempt']),
        phase: optional(row, 'phase') as MoveRecord['phase'],
        finish: text(row, 'finish') as MoveRecord['finish'],
        epoch: Number(row['epoch']),
        sourceBoot: optional(row, 'source_boot'),
        destinationBoot: optional(row, 'destination_boot'),
        outcome: optional(row, 'outcome') as MoveRecord['outcome'],
        vmOn: optional(row, 'vm_on'),
        error: error === undefined ? undefined : (JSON.parse(error) as MoveRecord['error']),
    };
}

const text = (row: Row, column: string): string => optional(row, column) ?? '';
const optional = (row: Row, column: string): string | undefined => {
    const value = row[column];
    return typeof value === 'string' ? value : undefined;
};
const time = (row: Row, column: string): EpochMs => epochMs(Number(row[column]));
