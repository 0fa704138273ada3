/** A host for tests: a real SSH server in this process. Its commands run here, its sockets are what the test gives it. */
import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { type AddressInfo, createConnection } from 'node:net';
import ssh2 from 'ssh2';
import type { Connection, ServerChannel } from 'ssh2';
import { newKeyPair } from '../key-pair.js';

export interface FakeHostOptions {
    /** In the OpenSSH format; a new one unless given. */
    readonly hostKey?: string;
    /** Public keys that are let in; undefined: all. */
    readonly accepts?: readonly string[];
    /** What a unix socket leads to, if anything. Left out: the server's configuration forbids forwarding. */
    readonly unix?: (path: string) => Duplex | undefined;
    /** Sessions that it has open on one connection at most; undefined: any number. */
    readonly maxSessions?: number;
    /** It connects to nothing for anybody. */
    readonly forwardsNothing?: boolean;
}

export interface FakeHost extends AsyncDisposable {
    readonly port: number;
    /** `type base64`, as it stands in known_hosts. */
    readonly publicKey: string;
    /** Where it was asked to connect to. */
    readonly forwarded: readonly string[];
    /** Connections that were made to it, and those that there are now. */
    readonly connections: { readonly made: number; readonly now: number };
    /** Ends all connections. */
    cut(): void;
    /** Ends the connection that was made last. */
    cutLast(): void;
}

export async function fakeHost(options: FakeHostOptions = {}): Promise<FakeHost> {
    const hostKey = options.hostKey ?? newKeyPair().private;
    const parsed = ssh2.utils.parseKey(hostKey);
    if (parsed instanceof Error) throw parsed;
    const clients = new Set<Connection>();
    const forwarded: string[] = [];
    let made = 0;
    const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
        made += 1;
        clients.add(client);
        client.on('close', () => clients.delete(client));
        client.on('error', () => undefined);
        authenticate(client, options);
        client.on('ready', () => serve(client, options, forwarded));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
        port: (server.address() as AddressInfo).port,
        publicKey: `${parsed.type} ${parsed.getPublicSSH().toString('base64')}`,
        forwarded,
        get connections() {
            return { made, now: clients.size };
        },
        cut: () => {
            for (const client of clients) client.end();
        },
        cutLast: () => [...clients].at(-1)?.end(),
        [Symbol.asyncDispose]: async () => {
            for (const client of clients) client.end();
            await new Promise<void>((resolve) => server.close(() => resolve()));
        },
    };
}

function authenticate(client: Connection, { accepts }: FakeHostOptions): void {
    client.on('authentication', (context) => {
        if (context.method !== 'publickey') return context.reject(['publickey']);
        const shown = context.key.data.toString('base64');
        if (accepts !== undefined && !accepts.some((key) => key.split(' ')[1] === shown)) return context.reject(['publickey']);
        context.accept();
    });
}

function serve(client: Connection, { unix, maxSessions = Infinity, forwardsNothing = false }: FakeHostOptions, forwarded: string[]): void {
    let sessions = 0;
    // Without a listener the server answers as one whose configuration forbids it.
    if (unix !== undefined) {
        client.on('openssh.streamlocal', (accept, reject, info) => {
            const there = unix(info.socketPath);
            if (there === undefined) return reject();
            const channel = accept();
            channel.pipe(there).pipe(channel);
        });
    }
    client.on('tcpip', (accept, reject, { destIP, destPort }) => {
        if (forwardsNothing) return reject();
        forwarded.push(`${destIP}:${String(destPort)}`);
        const socket = createConnection(destPort, destIP);
        const channel = accept();
        channel.pipe(socket).pipe(channel);
        socket.on('error', () => channel.close());
    });
    client.on('session', (accept, reject) => {
        if (sessions >= maxSessions) return reject();
        sessions += 1;
        const session = accept();
        session.once('close', () => (sessions -= 1));
        session.on('exec', (acceptExec, _reject, { command }) => run(acceptExec(), command));
    });
}

function run(channel: ServerChannel, command: string): void {
    const child = spawn('sh', ['-c', command], { stdio: ['pipe', 'pipe', 'pipe'] });
    channel.pipe(child.stdin);
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (chunk: Buffer) => channel.write(chunk));
    child.stderr.on('data', (chunk: Buffer) => channel.stderr.write(chunk));
    child.once('close', (code) => {
        channel.exit(code ?? 1);
        channel.end();
    });
    channel.once('close', () => child.stdin.end());
}
