import { MigrationError } from '../../core/errors.js';

/**
 * What can be wrong with the journal.
 * - `journal-unwritable`: its place cannot be created or written
 * - `journal-full`: no space is left where it stands
 * - `journal-newer`: a newer version of the program wrote it
 * - `journal-damaged`: it is no journal, or its file is damaged
 * - `journal-busy`: another process kept it locked for too long
 * - `run-unknown`, `run-owned`, `run-ended`: about one run in it
 */
export type JournalErrorCode =
    | 'journal-unwritable'
    | 'journal-full'
    | 'journal-newer'
    | 'journal-damaged'
    | 'journal-busy'
    | 'run-unknown'
    | 'run-owned'
    | 'run-ended';

export class JournalError extends MigrationError<JournalErrorCode> {
    constructor(code: JournalErrorCode, message: string, hint: string, file: string, cause?: unknown) {
        super(code, message, { hint, where: { file }, cause });
        this.name = 'JournalError';
    }
}

/** SQLite's primary result codes (sqlite.org/rescode.html), and what they mean for a journal. */
const causes: Readonly<Record<number, { readonly code: JournalErrorCode; readonly text: string; readonly hint: string }>> = {
    5: {
        code: 'journal-busy',
        text: 'is locked by another process',
        hint: 'see which mig-run is at work with `mig-run status`, and try again',
    },
    8: {
        code: 'journal-unwritable',
        text: 'cannot be written',
        hint: 'give yourself write permission on it and on its directory, or set XDG_STATE_HOME',
    },
    10: {
        code: 'journal-unwritable',
        text: 'cannot be read or written (input/output error)',
        hint: 'check the disk that it stands on and the space on it, or set XDG_STATE_HOME',
    },
    11: { code: 'journal-damaged', text: 'is damaged', hint: 'move it away; what is unfinished must then be looked up on the hosts' },
    13: {
        code: 'journal-full',
        text: 'cannot grow: the disk is full',
        hint: 'free some space there, or set XDG_STATE_HOME to a place that has some',
    },
    14: {
        code: 'journal-unwritable',
        text: 'cannot be opened',
        hint: 'give yourself write permission on its directory, or set XDG_STATE_HOME',
    },
    26: { code: 'journal-damaged', text: 'is no database', hint: 'move it away; a new one is made' },
};

/** Runs something on the database file; SQLite's errors come out with what the file is, its path and a cure. */
export function guarded<T>(file: string, work: () => T, what?: string): T {
    try {
        return work();
    } catch (error) {
        throw asJournalError(error, file, what);
    }
}

/** The error of SQLite or the file system as one that a person can act on; others are returned as they are. */
export function asJournalError(error: unknown, file: string, what = 'the journal'): unknown {
    if (error instanceof JournalError || !(error instanceof Error)) return error;
    const found = causes[sqliteCode(error) ?? fileSystemCodes[codeOf(error) ?? ''] ?? -1];
    return found ? new JournalError(found.code, `${what} ${file} ${found.text}`, found.hint, file, error) : error;
}

const fileSystemCodes: Readonly<Record<string, number>> = {
    EACCES: 8,
    EPERM: 8,
    EROFS: 8,
    ENOSPC: 13,
    EDQUOT: 13,
    ENOTDIR: 14,
    EEXIST: 14,
    ENOENT: 14,
    EIO: 10,
};

/** SQLITE_IOERR_SHMSIZE and SQLITE_IOERR_SHMMAP: the index of the write-ahead log could not grow, which a full disk causes. */
const noRoomForIndex: readonly number[] = [4874, 5386];

function sqliteCode(error: Error): number | undefined {
    const code = 'errcode' in error ? error.errcode : undefined;
    if (typeof code !== 'number') return undefined;
    return noRoomForIndex.includes(code) ? 13 : code & 0xff;
}

function codeOf(error: Error): string | undefined {
    return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
