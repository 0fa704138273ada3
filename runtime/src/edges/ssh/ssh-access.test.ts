import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostAccess, HostProcess } from './access.js';
import { fingerprint } from './known-hosts.js';
import { openSsh, sessionsPerConnection } from './ssh-access.js';
import { newKeyPair } from './key-pair.js';
import { type FakeHost, type FakeHostOptions, fakeHost } from './testing/fake-host.js';

const never = new AbortController().signal;
const mine = newKeyPair();
let home: string;
beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'mig-ssh-'));
    await writeFile(join(home, 'key'), mine.private, { mode: 0o600 });
});
afterEach(() => rm(home, { recursive: true }));

interface Opening {
    readonly knownHosts?: string;
    readonly identityFile?: string | undefined;
    readonly signal?: AbortSignal;
}

async function open(host: Pick<FakeHost, 'port' | 'publicKey'>, opening: Opening = {}): Promise<HostAccess> {
    const knownHosts = join(home, 'known_hosts');
    await writeFile(knownHosts, opening.knownHosts ?? `[127.0.0.1]:${String(host.port)} ${host.publicKey}\n`);
    return openSsh(
        'kvm-a',
        {
            kind: 'ssh',
            address: '127.0.0.1',
            port: host.port,
            user: 'root',
            identityFile: 'identityFile' in opening ? opening.identityFile : join(home, 'key'),
            knownHosts,
        },
        opening.signal ?? never,
        { home, user: 'me', agent: undefined },
    );
}

/** A host whose sockets answer in capitals. */
const shouting: FakeHostOptions = {
    unix: () => {
        const [client, server] = duplexPair();
        server.on('data', (chunk: Buffer) => server.write(chunk.toString().toUpperCase()));
        return client;
    },
};

describe('a connection', () => {
    test('carries commands with their arguments, exit codes and both outputs', async () => {
        await using host = await fakeHost({ accepts: [mine.public] });
        await using access = await open(host);
        expect(await access.run(['sh', '-c', 'echo "$1"; echo oops >&2; exit 3', 'sh', "it's $HOME"], never)).toEqual({
            code: 3,
            stdout: "it's $HOME\n",
            stderr: 'oops\n',
        });
    });

    test('carries unix sockets', async () => {
        await using host = await fakeHost(shouting);
        await using access = await open(host);
        const socket = await access.openUnix('/run/x.sock', never);
        socket.write('hello');
        const [answer] = (await socket.take(1).toArray()) as [Buffer];
        expect(answer.toString()).toBe('HELLO');
    });

    test('tells a socket that forwarding is not allowed for', async () => {
        await using host = await fakeHost();
        await using access = await open(host);
        await expect(access.openUnix('/run/x.sock', never)).rejects.toMatchObject({ path: '/run/x.sock', reason: 'forwarding-off' });
    });

    test('tells a socket that could not be opened', async () => {
        await using host = await fakeHost({ unix: () => undefined });
        await using access = await open(host);
        await expect(access.openUnix('/run/x.sock', never)).rejects.toMatchObject({ path: '/run/x.sock', reason: 'failed' });
    });

    test('that breaks is lost, and says so to whoever uses it', async () => {
        await using host = await fakeHost(shouting);
        const access = await open(host);
        host.cut();
        expect((await access.lost).why).toBeTruthy();
        await expect(access.openUnix('/run/x.sock', never)).rejects.toMatchObject({ code: 'host-lost' });
    });

    test('that we close is not lost', async () => {
        await using host = await fakeHost();
        const access = await open(host);
        await access[Symbol.asyncDispose]();
        expect(await Promise.race([access.lost, new Promise((resolve) => setImmediate(() => resolve('not lost')))])).toBe('not lost');
    });
});

describe('sessions', () => {
    /** Commands that run until their input ends. */
    const hold = (access: HostAccess, count: number): Promise<readonly HostProcess[]> =>
        Promise.all(Array.from({ length: count }, () => access.start(['cat'], never)));
    const release = (held: readonly HostProcess[]): Promise<unknown> =>
        Promise.all(
            held.map((process) => {
                process.stdin.end();
                process.stdout.resume();
                return process.exit;
            }),
        );

    test('of one connection do, while there are enough', async () => {
        await using host = await fakeHost({ maxSessions: sessionsPerConnection });
        await using access = await open(host);
        await release(await hold(access, sessionsPerConnection));
        await release(await hold(access, sessionsPerConnection));
        expect(host.connections.made).toBe(1);
    });

    test('that run out are had on a further connection, which is closed with the first', async () => {
        await using host = await fakeHost({ maxSessions: sessionsPerConnection });
        const access = await open(host);
        const held = await hold(access, 2 * sessionsPerConnection + 1);
        expect(host.connections.made).toBe(3);
        expect((await access.run(['echo', 'one more'], never)).stdout).toBe('one more\n');
        await release(held);
        await access[Symbol.asyncDispose]();
        await expect.poll(() => host.connections.now).toBe(0);
    });

    test('that a server allows fewer of are counted as it does', async () => {
        await using host = await fakeHost({ maxSessions: 2 });
        await using access = await open(host);
        const held = await hold(access, 7);
        expect(held).toHaveLength(7);
        expect(host.connections.made).toBe(4);
        expect((await access.run(['echo', 'the eighth'], never)).stdout).toBe('the eighth\n');
        expect(host.connections.made).toBe(4);
        await release(held);
    });

    test('that a server opens none of are told with their cure', async () => {
        await using host = await fakeHost({ maxSessions: 0 });
        await using access = await open(host);
        await expect(access.run(['true'], never)).rejects.toMatchObject({
            code: 'refused',
            hint: expect.stringContaining('MaxSessions') as string,
        });
    });

    test('of a further connection that breaks end, and the host is not lost', async () => {
        await using host = await fakeHost({ maxSessions: 1 });
        await using access = await open(host);
        const [first, second] = await hold(access, 2);
        second?.stdout.resume();
        host.cutLast();
        expect(await second?.exit).toEqual({ code: undefined });
        expect((await access.run(['echo', 'again'], never)).stdout).toBe('again\n');
        await release([first!]);
    });
});

describe('host keys', () => {
    test('are found under hashed names', async () => {
        await using host = await fakeHost();
        const salt = Buffer.from('0123456789');
        const name = createHmac('sha1', salt)
            .update(`[127.0.0.1]:${String(host.port)}`)
            .digest('base64');
        await using access = await open(host, { knownHosts: `|1|${salt.toString('base64')}|${name} ${host.publicKey}\n` });
        expect((await access.run(['true'], never)).code).toBe(0);
    });

    test('that are unknown end it, with the fingerprint and the command that adds the key', async () => {
        await using host = await fakeHost();
        await expect(open(host, { knownHosts: '' })).rejects.toMatchObject({
            code: 'host-key-unknown',
            message: expect.stringContaining(fingerprint(Buffer.from(host.publicKey.split(' ')[1]!, 'base64'))) as string,
            hint: expect.stringContaining(`ssh-keyscan -p ${String(host.port)} 127.0.0.1 >> ${join(home, 'known_hosts')}`) as string,
        });
    });

    test('that are wrong end it, with both fingerprints and the line', async () => {
        await using host = await fakeHost();
        const expected = newKeyPair().public.split(' ').slice(0, 2).join(' ');
        const error: unknown = await open(host, { knownHosts: `\n[127.0.0.1]:${String(host.port)} ${expected}\n` }).catch(
            (e: unknown) => e,
        );
        expect(error).toMatchObject({ code: 'host-key-mismatch', where: { file: join(home, 'known_hosts'), line: 2 } });
        for (const key of [expected, host.publicKey])
            expect((error as Error).message).toContain(fingerprint(Buffer.from(key.split(' ')[1]!, 'base64')));
    });

    test('that are revoked end it', async () => {
        await using host = await fakeHost();
        const name = `[127.0.0.1]:${String(host.port)}`;
        await expect(open(host, { knownHosts: `${name} ${host.publicKey}\n@revoked ${name} ${host.publicKey}\n` })).rejects.toMatchObject({
            code: 'host-key-mismatch',
            message: expect.stringContaining('revoked') as string,
        });
    });
});

describe('who may come in', () => {
    test('a key that the host does not know is refused, with what can be done', async () => {
        await using host = await fakeHost({ accepts: [newKeyPair().public] });
        await expect(open(host)).rejects.toMatchObject({
            code: 'authentication-failed',
            hint: expect.stringContaining('ssh-copy-id root@127.0.0.1') as string,
        });
    });

    test('a key file that is not there is named', async () => {
        await using host = await fakeHost();
        await expect(open(host, { identityFile: join(home, 'absent') })).rejects.toMatchObject({
            code: 'authentication-failed',
            message: expect.stringContaining(join(home, 'absent')) as string,
        });
    });
});

describe('a host that does not answer', () => {
    test('is unreachable, with its address', async () => {
        const host = await fakeHost();
        await host[Symbol.asyncDispose]();
        await expect(open(host)).rejects.toMatchObject({
            code: 'host-unreachable',
            message: expect.stringContaining(`root@127.0.0.1:${String(host.port)}`) as string,
            hint: 'see whether its SSH server runs, and on that port',
        });
    });

    test('is not waited for once the caller has given up', async () => {
        await using host = await fakeHost();
        await expect(open(host, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    });
});
