/** Where mig-run keeps what it has done and seen: `$XDG_STATE_HOME/mig-run`, else `~/.local/state/mig-run`. */
export function stateDirectoryOf(environment: Readonly<Record<string, string | undefined>>, home: string): string {
    const state = environment['XDG_STATE_HOME'];
    const base = state?.startsWith('/') === true ? state : `${environment['HOME'] ?? home}/.local/state`;
    return `${base.replace(/\/+$/, '')}/mig-run`;
}

/** The directory of the last looks at hosts, below that of the state. */
export const lookDirectoryOf = (state: string): string => `${state}/looks`;
