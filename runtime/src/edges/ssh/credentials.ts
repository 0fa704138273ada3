/** What we can show a host to be let in: keys named for it, then the agent's, then the default keys. */
import { access, readFile } from 'node:fs/promises';
import ssh2 from 'ssh2';
import type { AnyAuthMethod } from 'ssh2';
import type { SshTarget } from './ssh-config.js';

export interface Credentials {
    readonly methods: readonly AnyAuthMethod[];
    /** The same in words, in the same order. */
    readonly names: readonly string[];
    /** What could not be used, in words, for the message of a refusal. */
    readonly notes: readonly string[];
}

interface Named {
    readonly name: string;
    readonly method: AnyAuthMethod;
}

export async function credentialsFor(target: SshTarget): Promise<Credentials> {
    const notes: string[] = [];
    const keys = (await Promise.all(target.identityFiles.map((file) => keyMethod(file, target, notes)))).flat();
    const isNamed = ({ name }: Named): boolean => name === target.requiredIdentity;
    const all = [...keys.filter(isNamed), ...(await agentMethod(target, notes)), ...keys.filter((key) => !isNamed(key))];
    return { methods: all.map((a) => a.method), names: all.map((a) => a.name), notes };
}

async function keyMethod(file: string, target: SshTarget, notes: string[]): Promise<readonly Named[]> {
    let text: Buffer;
    try {
        text = await readFile(file);
    } catch (error) {
        const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        if (!missing || file === target.requiredIdentity)
            notes.push(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
        return [];
    }
    const key = ssh2.utils.parseKey(text);
    if (key instanceof Error) {
        const encrypted = /passphrase|encrypted/i.test(key.message);
        notes.push(
            encrypted
                ? `${file} is encrypted: add it to an agent with ssh-add`
                : `${file} is no private key that can be used: ${key.message}`,
        );
        return [];
    }
    return [{ name: file, method: { type: 'publickey', username: target.user, key } }];
}

async function agentMethod(target: SshTarget, notes: string[]): Promise<readonly Named[]> {
    const { agent } = target;
    if (agent === undefined) return [];
    try {
        await access(agent);
    } catch {
        notes.push(`the agent's socket ${agent} is not there`);
        return [];
    }
    return [{ name: `the agent at ${agent}`, method: { type: 'agent', username: target.user, agent } }];
}
