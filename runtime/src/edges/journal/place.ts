import { homedir } from 'node:os';
import { join } from 'node:path';
import { stateDirectoryOf } from '../../core/index.js';

/** Where the journal stands: `$XDG_STATE_HOME/mig-run/journal.db`, else `~/.local/state/mig-run/journal.db`. */
export function journalPath(environment: Readonly<Record<string, string | undefined>> = process.env): string {
    return join(stateDirectoryOf(environment, homedir()), 'journal.db');
}
