/** One SSH connection made: host key judged, person authenticated. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import type { Client, ConnectConfig } from 'ssh2';
import type { HostName } from '../../core/index.js';
import { HypervisorError } from '../hypervisor/errors.js';
import { asError } from './abortable.js';
import { type Credentials, credentialsFor } from './credentials.js';
import { hostKeyCheck } from './host-key.js';
import { gatherWrites } from './gather-writes.js';
import { keepKeysAsObjects } from './key-objects.js';
import { jumpOption, type SshTarget } from './ssh-config.js';

/** A host that answers nothing for interval times count is lost: 15 s. */
const keepalive = { keepaliveInterval: 5000, keepaliveCountMax: 3 };

/** `stream` is the way to the target where a host lies in between. */
export async function connectClient(name: HostName, target: SshTarget, stream: Duplex | undefined, signal: AbortSignal): Promise<Client> {
    const [check, credentials] = await Promise.all([hostKeyCheck(name, target), credentialsFor(target)]);
    signal.throwIfAborted();
    const client = new ssh2.Client();
    let keyProblem: HypervisorError | undefined;
    const config: ConnectConfig = {
        host: target.host,
        port: target.port,
        username: target.user,
        readyTimeout: target.connectTimeoutMs,
        ...keepalive,
        algorithms: { serverHostKey: [...check.algorithms] },
        hostVerifier: (key: Buffer): boolean => {
            keyProblem = check.verify(key);
            return keyProblem === undefined;
        },
        authHandler: [...credentials.methods],
        sock: stream ?? socketTo(target),
    };
    await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => {
            client.destroy();
            reject(asError(signal.reason));
        };
        signal.addEventListener('abort', onAbort, { once: true });
        const fail = (error: Error): void => {
            signal.removeEventListener('abort', onAbort);
            client.destroy();
            reject(error);
        };
        client.once('ready', () => {
            signal.removeEventListener('abort', onAbort);
            keepKeysAsObjects(client);
            resolve();
        });
        // Stays for as long as the client lives: a late error without a listener would end the process.
        client.on('error', (error) => fail(keyProblem ?? connectionError(name, target, credentials, error)));
        client.once('close', () => fail(connectionError(name, target, credentials, new Error('the host closed the connection'))));
        client.connect(config);
    });
    return client;
}

/** On its way to the target; errors come as events. Without delay from the first packet: the handshake is made of small ones. */
function socketTo({ host, port, bindAddress, family }: SshTarget): Socket {
    const socket = new Socket();
    socket.setMaxListeners(0);
    socket.setNoDelay(true);
    socket.connect({
        host,
        port,
        ...(bindAddress === undefined ? {} : { localAddress: bindAddress }),
        ...(family === undefined ? {} : { family }),
    });
    return gatherWrites(socket);
}

const reasons: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'see whether its SSH server runs, and on that port',
    EHOSTUNREACH: 'see whether the host is up and the network leads there',
    ENETUNREACH: 'see whether the network leads there',
    ENOTFOUND: 'the name does not resolve: correct the address in the inventory or in ~/.ssh/config',
    EAI_AGAIN: 'the name service does not answer',
    ETIMEDOUT: 'see whether the host is up and a firewall is in between',
};

function connectionError(
    name: HostName,
    target: SshTarget,
    credentials: Credentials,
    error: Error & { level?: string; code?: string },
): HypervisorError {
    const place = `${target.user}@${target.host}:${String(target.port)}`;
    const jump = jumpOption(target.jumps);
    if (error.level === 'client-authentication') {
        const notes = credentials.notes.length === 0 ? '' : ` (${credentials.notes.join('; ')})`;
        const tried = credentials.names.length === 0 ? 'there was nothing to show it' : `it was shown ${credentials.names.join(', ')}`;
        return new HypervisorError(
            'authentication-failed',
            name,
            `${name} does not let ${target.user} in at ${target.host}: ${tried}${notes}`,
            {
                cause: error,
                hint: `ssh-copy-id ${jump.replace(/^-J (.*) $/, '-o ProxyJump=$1 ')}${target.user}@${target.host}, start an agent with the key, or name identity_file in the inventory`,
            },
        );
    }
    const timedOut = error.level === 'client-timeout';
    return new HypervisorError(
        'host-unreachable',
        name,
        timedOut
            ? `${name} (${place}) did not answer within ${String(target.connectTimeoutMs / 1000)} s`
            : `${name} (${place}) cannot be reached: ${error.message}`,
        {
            cause: error,
            hint:
                reasons[timedOut ? 'ETIMEDOUT' : (error.code ?? '')] ??
                `try: ssh ${jump}-p ${String(target.port)} ${target.user}@${target.host} true`,
        },
    );
}
