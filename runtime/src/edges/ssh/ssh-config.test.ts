import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { jumpConnection, resolveTarget, type SshConnection, type SshTarget } from './ssh-config.js';

const bare: SshConnection = {
    kind: 'ssh',
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

async function target(config: string, connection: Partial<SshConnection> = {}): Promise<SshTarget> {
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
        expect((await target('Host *\n  ProxyJump gate, me@inner:2200\n')).jumps).toEqual(['gate', 'me@inner:2200']);
        expect((await target('Host *\n  ProxyJump none\n')).jumps).toEqual([]);
    });

    test('is refused where following it would be wrong', async () => {
        await expect(target('Host *\n  ProxyCommand nc %h %p\n')).rejects.toMatchObject({
            code: 'feature-missing',
            hint: expect.stringContaining('ProxyJump') as string,
        });
        await expect(target('Host *\n  RevokedHostKeys /etc/revoked\n')).rejects.toMatchObject({ code: 'feature-missing' });
    });
});

test('a jump is read with its user and port', () => {
    expect(jumpConnection('me@inner:2200', '/k')).toMatchObject({ address: 'inner', user: 'me', port: 2200, knownHosts: '/k' });
    expect(jumpConnection('[fe80::1]:22', undefined)).toMatchObject({ address: 'fe80::1', user: undefined, port: 22 });
    expect(jumpConnection('gate', undefined)).toMatchObject({ address: 'gate', port: undefined });
});
