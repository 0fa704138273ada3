import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Where the journal stands: `$XDG_STATE_HOME/mig-run/journal.db`, else `~/.local/state/mig-run/journal.db`. */
export function journalPath(environment: Readonly<Record<string, string | undefined>> = process.env): string {
    const state = environment['XDG_STATE_HOME'];
    const home = environment['HOME'] ?? homedir();
    const base = state !== undefined && isAbsolute(state) ? state : join(home, '.local', 'state');
    return join(base, 'mig-run', 'journal.db');
}
