import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { jumpOption, type Peer, peerText, resolveTarget, type SshTarget } from './ssh-config.js';

const bare: Peer = {
    address: 'kvm-a',
    user: undefined,
    port: undefined,
    identityFile: undefined,
    knownHosts: undefined,
};
let home: string;
beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'mig-ssh-'));
    await mkdir(join(home, '.ssh', 'more'), { recursive: true });
});
afterEach(() => rm(home, { recursive: true }));

async function target(config: string, connection: Partial<Peer> = {}): Promise<SshTarget> {
    await writeFile(join(home, '.ssh', 'config'), config);
    return resolveTarget('a', { ...bare, ...connection }, { home, user: 'me', agent: '/agent' });
}

describe('without a configuration', () => {
    test("OpenSSH's defaults hold", async () => {
        const found = await resolveTarget('a', bare, { home, user: 'me', agent: undefined });
        expect(found).toMatchObject({ host: 'kvm-a', port: 22, user: 'me', jumps: [], agent: undefined, connectTimeoutMs: 10_000 });
        expect(found.identityFiles).toContain(join(home, '.ssh', 'id_ed25519'));
        expect(found.knownHostsFiles.slice(0, 1)).toEqual([join(home, '.ssh', 'known_hosts')]);
    });
});

describe('the configuration', () => {
    test('gives host name, user, port, key and known hosts', async () => {
        const config =
            'Host kvm-*\n  HostName %h.example\n  User admin\n  Port 2222\n  IdentityFile ~/keys/%n\n  UserKnownHostsFile ~/k1 ~/k2\n  GlobalKnownHostsFile /dev/null\n';
        expect(await target(config)).toMatchObject({
            host: 'kvm-a.example',
            user: 'admin',
            port: 2222,
            identityFiles: [join(home, 'keys/kvm-a')],
            knownHostsFiles: [join(home, 'k1'), join(home, 'k2'), '/dev/null'],
        });
    });

    test('gives way to the inventory', async () => {
        const config = 'Host *\n  User admin\n  Port 2222\n  IdentityFile ~/other\n  UserKnownHostsFile ~/k1\n';
        const found = await target(config, { user: 'root', port: 22, identityFile: '~/mine', knownHosts: '/lab/known_hosts' });
        expect(found).toMatchObject({
            user: 'root',
            port: 22,
            requiredIdentity: join(home, 'mine'),
            knownHostsFiles: ['/lab/known_hosts'],
        });
        expect(found.identityFiles[0]).toBe(join(home, 'mine'));
    });

    test('is read with its includes in their places', async () => {
        await writeFile(join(home, '.ssh', 'more', 'lab.conf'), 'Host kvm-a\n  User from-include\n');
        await writeFile(join(home, '.ssh', 'more', 'other.txt'), 'Host kvm-a\n  Port 1\n');
        expect(await target('Include more/*.conf\nHost *\n  User later\n')).toMatchObject({ user: 'from-include', port: 22 });
    });

    test('can take the agent away', async () => {
        expect((await target('Host *\n  IdentitiesOnly yes\n')).agent).toBeUndefined();
        expect((await target('Host *\n  IdentityAgent none\n')).agent).toBeUndefined();
        expect((await target('Host *\n  User x\n')).agent).toBe('/agent');
    });

    test('names the hosts to pass through, nearest first', async () => {
        const jumps = async (value: string): Promise<readonly string[]> =>
            (await target(`Host *\n  ProxyJump ${value}\n`)).jumps.map(peerText);
        expect(await jumps('gate, me@inner:2200')).toEqual(['gate', 'me@inner:2200']);
        expect(await jumps('root@[2001:db8::1]:22,ssh://you@gate:23/')).toEqual(['root@[2001:db8::1]:22', 'you@gate:23']);
        expect(await jumps('%r@gate-of-%n')).toEqual(['me@gate-of-kvm-a']);
        expect(await jumps('none')).toEqual([]);
        expect(await jumps('None')).toEqual([]);
    });

    test('gives way to the jump hosts of the inventory, and to none', async () => {
        const gate = { ...bare, address: 'gate' };
        expect((await target('Host *\n  ProxyJump other\n', { jump: [gate] })).jumps).toEqual([gate]);
        expect((await target('Host *\n  ProxyJump other\n', { jump: [] })).jumps).toEqual([]);
        expect((await target('Host *\n  ProxyCommand nc %h %p\n', { jump: [gate] })).jumps).toEqual([gate]);
    });

    test('gives jump hosts the known hosts of the inventory beside their own', async () => {
        const [gate] = (await target('Host kvm-a\n  ProxyJump gate\n', { knownHosts: '/lab/known_hosts' })).jumps;
        const found = await resolveTarget('gate', gate!, { home, user: 'me', agent: undefined });
        expect(found.knownHostsFiles.slice(0, 2)).toEqual(['/lab/known_hosts', join(home, '.ssh', 'known_hosts')]);
    });

    test('that names no host to pass through is refused with what it says', async () => {
        await expect(target('Host *\n  ProxyJump gate:here\n')).rejects.toMatchObject({
            code: 'feature-missing',
            message: expect.stringContaining("'gate:here'") as string,
        });
    });

    test('is refused where following it would be wrong', async () => {
        await expect(target('Host *\n  ProxyCommand nc %h %p\n')).rejects.toMatchObject({
            code: 'feature-missing',
            hint: expect.stringContaining('ProxyJump') as string,
        });
        // What is said first holds, as in OpenSSH.
        await expect(target('Host *\n  ProxyCommand nc %h %p\n  ProxyJump gate\n')).rejects.toMatchObject({ code: 'feature-missing' });
        expect((await target('Host *\n  ProxyJump gate\n  ProxyCommand nc %h %p\n')).jumps.map(peerText)).toEqual(['gate']);
        await expect(target('Host *\n  RevokedHostKeys /etc/revoked\n')).rejects.toMatchObject({ code: 'feature-missing' });
    });
});

test("the way through jump hosts is written as OpenSSH's tools take it", () => {
    const jumps = [
        { ...bare, address: 'gate', user: 'me' },
        { ...bare, address: 'fe80::1', port: 2200 },
    ];
    expect(jumpOption(jumps)).toBe('-J me@gate,[fe80::1]:2200 ');
    expect(jumpOption([])).toBe('');
});
