import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostAccess } from './access.js';
import { JumpHosts, hostsPerConnection } from './jump-hosts.js';
import { newKeyPair } from './key-pair.js';
import { openSsh } from './ssh-access.js';
import type { Peer } from './ssh-config.js';
import { type FakeHost, fakeHost } from './testing/fake-host.js';

const never = new AbortController().signal;
const mine = newKeyPair();
const theGates = newKeyPair();
let home: string;
let jumps: JumpHosts;
beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'mig-ssh-'));
    jumps = new JumpHosts();
    await mkdir(join(home, '.ssh'));
    await writeFile(join(home, '.ssh', 'id_ed25519'), mine.private, { mode: 0o600 });
    await writeFile(join(home, 'gate_key'), theGates.private, { mode: 0o600 });
});
afterEach(() => rm(home, { recursive: true }));

const port = (host: FakeHost): string => String(host.port);
const knownAs = (host: FakeHost, key = host.publicKey): string => `[127.0.0.1]:${port(host)} ${key}\n`;
const peer = (host: FakeHost, more: Partial<Peer> = {}): Peer => ({
    address: '127.0.0.1',
    port: host.port,
    user: 'root',
    identityFile: undefined,
    knownHosts: undefined,
    ...more,
});

/** Known hosts are all of these, unless others are given. */
async function knowing(hosts: readonly FakeHost[], known = hosts.map((host) => knownAs(host)).join('')): Promise<void> {
    await writeFile(join(home, '.ssh', 'known_hosts'), known);
}

const configured = (text: string): Promise<void> => writeFile(join(home, '.ssh', 'config'), text);

function open(connection: Peer, name = 'kvm-a', signal = never): Promise<HostAccess> {
    return openSsh(name, { kind: 'ssh', ...connection }, signal, { home, user: 'me', agent: undefined }, jumps);
}

describe('a host behind a jump host', () => {
    test('is reached as ~/.ssh/config says, by an alias that only it knows', async () => {
        await using inner = await fakeHost();
        await using gate = await fakeHost();
        await knowing([inner, gate]);
        await configured(
            `Host inner\n HostName 127.0.0.1\n Port ${port(inner)}\n ProxyJump gate\nHost gate\n HostName 127.0.0.1\n Port ${port(gate)}\n`,
        );
        await using access = await open({ ...peer(inner), address: 'inner', port: undefined });
        expect((await access.run(['echo', 'through'], never)).stdout).toBe('through\n');
        expect(gate.forwarded).toEqual([`127.0.0.1:${port(inner)}`]);
    });

    test('is reached as the inventory says, whatever ~/.ssh/config says', async () => {
        await using inner = await fakeHost();
        await using gate = await fakeHost();
        await using other = await fakeHost();
        await knowing([inner, gate, other]);
        await configured(`Host 127.0.0.1\n ProxyJump root@127.0.0.1:${port(other)}\n`);
        await using access = await open(peer(inner, { jump: [peer(gate, { jump: [] })] }));
        expect((await access.run(['true'], never)).code).toBe(0);
        expect([gate.connections.made, other.connections.made]).toEqual([1, 0]);
        await using straight = await open(peer(inner, { jump: [] }));
        expect((await straight.run(['true'], never)).code).toBe(0);
        expect([gate.connections.made, other.connections.made]).toEqual([1, 0]);
    });

    test('is reached through several, nearest first', async () => {
        await using inner = await fakeHost();
        await using second = await fakeHost();
        await using first = await fakeHost();
        await knowing([inner, second, first]);
        await using access = await open(peer(inner, { jump: [peer(first), peer(second)] }));
        expect((await access.run(['echo', 'through'], never)).stdout).toBe('through\n');
        expect(first.forwarded).toEqual([`127.0.0.1:${port(second)}`]);
        expect(second.forwarded).toEqual([`127.0.0.1:${port(inner)}`]);
    });

    test('has keys of its own, and so has the jump host', async () => {
        await using inner = await fakeHost({ accepts: [mine.public] });
        await using gate = await fakeHost({ accepts: [theGates.public] });
        await knowing([inner, gate]);
        await configured(`Host gate\n HostName 127.0.0.1\n Port ${port(gate)}\n IdentityFile ~/gate_key\n`);
        const jump = [{ ...peer(gate), address: 'gate', port: undefined }];
        await using access = await open(peer(inner, { jump }));
        expect((await access.run(['true'], never)).code).toBe(0);
        // The host's own key opens no gate.
        await configured(`Host gate\n HostName 127.0.0.1\n Port ${port(gate)}\n`);
        await access[Symbol.asyncDispose]();
        await expect(open(peer(inner, { jump, identityFile: join(home, '.ssh', 'id_ed25519') }))).rejects.toMatchObject({
            code: 'authentication-failed',
            host: 'kvm-a',
            message: expect.stringMatching(/^kvm-a: the jump host root@gate does not let root in at 127\.0\.0\.1/) as string,
            hint: expect.stringContaining('ssh-copy-id root@127.0.0.1') as string,
        });
    });

    test('and it are given back their connections when they are not needed any more', async () => {
        await using inner = await fakeHost();
        await using gate = await fakeHost();
        await knowing([inner, gate]);
        const access = await open(peer(inner, { jump: [peer(gate)] }));
        expect(gate.connections.now).toBe(1);
        await access[Symbol.asyncDispose]();
        await expect.poll(() => [gate.connections.now, inner.connections.now]).toEqual([0, 0]);
    });

    test('is lost with it, and is told so', async () => {
        await using inner = await fakeHost();
        await using gate = await fakeHost();
        await knowing([inner, gate]);
        await using access = await open(peer(inner, { jump: [peer(gate)] }));
        gate.cut();
        expect((await access.lost).why).toMatch(`the jump host root@127.0.0.1:${port(gate)} is gone`);
        // A new way is made, not the broken one taken again.
        await using again = await open(peer(inner, { jump: [peer(gate)] }));
        expect((await again.run(['true'], never)).code).toBe(0);
    });
});

describe('one connection to a jump host', () => {
    test('serves all hosts behind it at once', async () => {
        await using inner = await fakeHost();
        await using gate = await fakeHost();
        await knowing([inner, gate]);
        const names = Array.from({ length: hostsPerConnection }, (_, nth) => `kvm-${String(nth)}`);
        const all = await Promise.all(names.map((name) => open(peer(inner, { jump: [peer(gate)] }), name)));
        expect(gate.connections.made).toBe(1);
        expect(gate.forwarded).toHaveLength(names.length);
        const [first, ...others] = all;
        await first?.[Symbol.asyncDispose]();
        expect((await others[0]?.run(['true'], never))?.code).toBe(0);
        await Promise.all(others.map((access) => access[Symbol.asyncDispose]()));
        await expect.poll(() => gate.connections.now).toBe(0);
    });

    test('serves no more hosts than a server may allow: there is a second one then', async () => {
        await using inner = await fakeHost();
        await using gate = await fakeHost();
        await knowing([inner, gate]);
        const all = await Promise.all(
            Array.from({ length: hostsPerConnection + 1 }, (_, nth) => open(peer(inner, { jump: [peer(gate)] }), `kvm-${String(nth)}`)),
        );
        expect(gate.connections.made).toBe(2);
        await Promise.all(all.map((access) => access[Symbol.asyncDispose]()));
        await expect.poll(() => gate.connections.now).toBe(0);
    });

    test('is opened on for the others when one gives up, and closed when all have', async () => {
        await using inner = await fakeHost();
        await using gate = await fakeHost();
        await knowing([inner, gate]);
        const impatient = new AbortController();
        const given = open(peer(inner, { jump: [peer(gate)] }), 'kvm-a', impatient.signal);
        const kept = open(peer(inner, { jump: [peer(gate)] }), 'kvm-b');
        // Both wait for the gate now.
        await expect.poll(() => gate.connections.made).toBe(1);
        impatient.abort(new Error('enough'));
        await expect(given).rejects.toThrow('enough');
        expect((await (await kept).run(['true'], never)).code).toBe(0);
        await (await kept)[Symbol.asyncDispose]();
        await expect.poll(() => gate.connections.now).toBe(0);
        expect(gate.connections.made).toBe(1);
    });

    test('that could not be made is tried anew', async () => {
        await using inner = await fakeHost();
        await using gate = await fakeHost();
        await knowing([], knownAs(inner));
        await expect(open(peer(inner, { jump: [peer(gate)] }))).rejects.toMatchObject({ code: 'host-key-unknown' });
        await knowing([inner, gate]);
        await using access = await open(peer(inner, { jump: [peer(gate)] }));
        expect((await access.run(['true'], never)).code).toBe(0);
    });
});

describe('an error names the jump host', () => {
    test('whose key is not known', async () => {
        await using inner = await fakeHost();
        await using gate = await fakeHost();
        await knowing([], knownAs(inner));
        await expect(open(peer(inner, { jump: [peer(gate)] }))).rejects.toMatchObject({
            code: 'host-key-unknown',
            host: 'kvm-a',
            message: expect.stringMatching(/^kvm-a: the host key of the jump host root@127\.0\.0\.1:\d+ \(.*\) is not known/) as string,
            hint: expect.stringContaining(`ssh-keyscan -p ${port(gate)} 127.0.0.1`) as string,
        });
    });

    test('whose key is wrong, the second of two', async () => {
        await using inner = await fakeHost();
        await using second = await fakeHost();
        await using first = await fakeHost();
        const wrong = newKeyPair().public.split(' ').slice(0, 2).join(' ');
        await knowing([], knownAs(inner) + knownAs(second, wrong) + knownAs(first));
        await expect(open(peer(inner, { jump: [peer(first), peer(second)] }))).rejects.toMatchObject({
            code: 'host-key-mismatch',
            message: expect.stringContaining(`the host key of the jump host root@127.0.0.1:${port(second)}`) as string,
            hint: expect.stringContaining(`ssh root@127.0.0.1:${port(first)} ssh-keyscan -p ${port(second)}`) as string,
        });
    });

    test('that does not answer', async () => {
        await using inner = await fakeHost();
        const gate = await fakeHost();
        await knowing([inner, gate]);
        await gate[Symbol.asyncDispose]();
        await expect(open(peer(inner, { jump: [peer(gate)] }))).rejects.toMatchObject({
            code: 'host-unreachable',
            message: expect.stringContaining(
                `the jump host root@127.0.0.1:${port(gate)} (root@127.0.0.1:${port(gate)}) cannot be`,
            ) as string,
        });
    });

    test('that does not let us through', async () => {
        await using inner = await fakeHost();
        await using gate = await fakeHost({ forwardsNothing: true });
        await knowing([inner, gate]);
        await expect(open(peer(inner, { jump: [peer(gate)] }))).rejects.toMatchObject({
            code: 'host-unreachable',
            message: expect.stringContaining(
                `the jump host root@127.0.0.1:${port(gate)} does not forward to 127.0.0.1:${port(inner)}`,
            ) as string,
        });
        await expect.poll(() => gate.connections.now).toBe(0);
    });

    test('and the host behind it alone, where that one is to blame', async () => {
        await using inner = await fakeHost();
        await using gate = await fakeHost();
        await knowing([], knownAs(gate));
        await expect(open(peer(inner, { jump: [peer(gate)] }))).rejects.toMatchObject({
            code: 'host-key-unknown',
            message: expect.stringMatching(/^the host key of kvm-a /) as string,
            hint: expect.stringContaining(`ssh root@127.0.0.1:${port(gate)} ssh-keyscan -p ${port(inner)}`) as string,
        });
    });

    test('that leads back to itself', async () => {
        await using inner = await fakeHost();
        await knowing([inner]);
        await configured('Host *\n ProxyJump gate\n');
        await expect(open(peer(inner))).rejects.toMatchObject({
            code: 'host-unreachable',
            message: expect.stringMatching(/lead on and on: .* → gate → gate$/) as string,
            hint: expect.stringContaining('ProxyJump none') as string,
        });
    });

    test('that leads back to another that is being asked for at the same time', async () => {
        await using inner = await fakeHost();
        await knowing([inner]);
        await configured('Host gate\n ProxyJump other\nHost other\n ProxyJump gate\n');
        const jump = (address: string): readonly Peer[] => [{ ...peer(inner), address, user: undefined, port: undefined }];
        const both = await Promise.allSettled([open(peer(inner, { jump: jump('gate') })), open(peer(inner, { jump: jump('other') }), 'b')]);
        expect(both.map((each) => each.status === 'rejected' && (each.reason as Error).message)).toEqual([
            expect.stringMatching(/^kvm-a: .* → gate → other → gate$/),
            expect.stringMatching(/^b: .* → other → gate → other$/),
        ]);
    });
});
