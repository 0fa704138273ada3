/** What we can show a host to be let in: keys named for it, then the agent's, then the default keys. */
import { access, readFile } from 'node:fs/promises';
import ssh2 from 'ssh2';
import type { AnyAuthMethod } from 'ssh2';
import type { SshTarget } from './ssh-config.js';

export interface Credentials {
    readonly methods: readonly AnyAuthMethod[];
    /** What could not be used, in words, for the message of a refusal. */
    readonly notes: readonly string[];
}

export async function credentialsFor(target: SshTarget): Promise<Credentials> {
    const notes: string[] = [];
    const keys = await Promise.all(target.identityFiles.map(async (file) => ({ file, method: await keyMethod(file, target, notes) })));
    const of = (named: boolean): readonly AnyAuthMethod[] =>
        keys.filter((k) => (k.file === target.requiredIdentity) === named).flatMap((k) => (k.method === undefined ? [] : [k.method]));
    return { methods: [...of(true), ...(await agentMethod(target, notes)), ...of(false)], notes };
}

async function keyMethod(file: string, target: SshTarget, notes: string[]): Promise<AnyAuthMethod | undefined> {
    let text: Buffer;
    try {
        text = await readFile(file);
    } catch (error) {
        const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        if (!missing || file === target.requiredIdentity)
            notes.push(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
        return undefined;
    }
    const key = ssh2.utils.parseKey(text);
    if (key instanceof Error) {
        const encrypted = /passphrase|encrypted/i.test(key.message);
        notes.push(
            encrypted
                ? `${file} is encrypted: add it to an agent with ssh-add`
                : `${file} is no private key that can be used: ${key.message}`,
        );
        return undefined;
    }
    return { type: 'publickey', username: target.user, key };
}

async function agentMethod(target: SshTarget, notes: string[]): Promise<readonly AnyAuthMethod[]> {
    const { agent } = target;
    if (agent === undefined) return [];
    try {
        await access(agent);
    } catch {
        notes.push(`the agent's socket ${agent} is not there`);
        return [];
    }
    return [{ type: 'agent', username: target.user, agent }];
}
