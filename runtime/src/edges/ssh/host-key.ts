/** Host keys are strict: a key is known, or the connection ends with an error that says what to do. */
import { readFile } from 'node:fs/promises';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import type { HostName } from '../../core/index.js';
import { HypervisorError } from '../hypervisor/errors.js';
import { fingerprint, judge, type KnownKey, keyType, knownName, knownTypes, parseKnownHosts } from './known-hosts.js';
import { jumpOption, peerText, type SshTarget } from './ssh-config.js';

export interface HostKeyCheck {
    /** In the order of preference: types that are known of the host first, so that it shows a key that we can judge. */
    readonly algorithms: readonly ServerHostKeyAlgorithm[];
    /** Undefined: the key is the host's. */
    verify(key: Buffer): HypervisorError | undefined;
}

export async function hostKeyCheck(name: HostName, target: SshTarget): Promise<HostKeyCheck> {
    const known = (await Promise.all(target.knownHostsFiles.map(readKnownHosts))).flat();
    const lookup = target.hostKeyAlias?.toLowerCase() ?? knownName(target.host, target.port);
    const types = knownTypes(lookup, known);
    return {
        algorithms: [...algorithms].sort((a, b) => Number(types.includes(typeOf(b))) - Number(types.includes(typeOf(a)))),
        verify: (key) => problem(name, target, lookup, key, known),
    };
}

const algorithms: readonly ServerHostKeyAlgorithm[] = [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
];

/** An RSA key is one type under several signature algorithms (RFC 8332). */
const typeOf = (algorithm: ServerHostKeyAlgorithm): string => (algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm);

async function readKnownHosts(file: string): Promise<readonly KnownKey[]> {
    try {
        return parseKnownHosts(await readFile(file, 'utf8'), file);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
    }
}

function problem(name: HostName, target: SshTarget, lookup: string, key: Buffer, known: readonly KnownKey[]): HypervisorError | undefined {
    const verdict = judge(key, lookup, known);
    const shown = `${keyType(key)} ${fingerprint(key)}`;
    const file = target.knownHostsFiles[0] ?? '~/.ssh/known_hosts';
    // The key of a host behind jump hosts is seen from the last of them.
    const last = target.jumps.at(-1);
    const from = last === undefined ? '' : `ssh ${jumpOption(target.jumps.slice(0, -1))}${peerText(last)} `;
    const scan = `${from}ssh-keyscan ${target.port === 22 ? '' : `-p ${String(target.port)} `}${target.host} >> ${file}`;
    switch (verdict.kind) {
        case 'known':
            return undefined;
        case 'unknown':
            return new HypervisorError('host-key-unknown', name, `the host key of ${name} (${lookup}) is not known: it shows ${shown}`, {
                hint: `if that fingerprint is the host's own (ask its console: ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), add it: ${scan}`,
            });
        case 'revoked':
            return new HypervisorError('host-key-mismatch', name, `the host key of ${name} (${lookup}) is revoked: it shows ${shown}`, {
                hint: `${verdict.by.file}:${String(verdict.by.line)} revokes it; give the host a new key`,
                where: { file: verdict.by.file, line: verdict.by.line },
            });
        case 'mismatch': {
            const expected = verdict.known.map((k) => `${k.type} ${fingerprint(k.key)} (${k.file}:${String(k.line)})`).join(', ');
            const [first] = verdict.known;
            return new HypervisorError(
                'host-key-mismatch',
                name,
                `the host key of ${name} (${lookup}) is wrong: it shows ${shown}; known is ${expected}`,
                {
                    hint: `someone may be in between. If the host was set up anew: ssh-keygen -R '${lookup}' -f ${first?.file ?? file}, then ${scan}`,
                    ...(first ? { where: { file: first.file, line: first.line } } : {}),
                },
            );
        }
    }
}
