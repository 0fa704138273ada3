import { homedir, userInfo } from 'node:os';

/** What SSH takes from the person who runs us. */
export interface SshEnvironment {
    readonly home: string;
    readonly user: string;
    /** SSH_AUTH_SOCK. */
    readonly agent: string | undefined;
}

/** Of this process. */
export function ownEnvironment(): SshEnvironment {
    return { home: homedir(), user: userInfo().username, agent: process.env['SSH_AUTH_SOCK'] };
}
