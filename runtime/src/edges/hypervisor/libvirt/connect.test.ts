import { describe, expect, test } from 'vitest';
import { checkVersions, connectDaemon, findDaemon } from './connect.js';
import { procedures } from './procedures.js';
import { fakeAccess, type FakeCommand } from './testing/fake-access.js';
import { DaemonRefusal, FakeDaemon } from './testing/fake-daemon.js';

const never = new AbortController().signal;
const modular = '/var/run/libvirt/virtqemud-sock';
const monolithic = '/var/run/libvirt/libvirt-sock';

describe('the daemon is looked for', () => {
    test('at the modular socket first', async () => {
        const [first, second] = [new FakeDaemon(), new FakeDaemon()];
        await using found = (await findDaemon(fakeAccess({ [modular]: first, [monolithic]: second }), never)).connection;
        expect(found.rpc.host).toBe('kvm-a');
        expect(first.names()).toEqual(['authList', 'connectSupportsFeature', 'connectOpen']);
        expect(second.names()).toEqual([]);
    });

    test('then at the monolithic one', async () => {
        const daemon = new FakeDaemon();
        const { way, connection } = await findDaemon(fakeAccess({ [monolithic]: daemon }), never);
        await using _ = connection;
        expect(way).toEqual({ by: 'socket', socket: monolithic });
        expect(daemon.asked.at(-1)).toMatchObject({ name: 'connectOpen', args: { name: 'qemu:///system', flags: 0 } });
    });

    test('and its absence says how to start it', async () => {
        await expect(findDaemon(fakeAccess({}), never)).rejects.toMatchObject({
            code: 'socket-missing',
            hint: expect.stringContaining('systemctl start') as string,
        });
    });
});

describe('an SSH server that forbids forwarding', () => {
    const closed = { [modular]: 'failed', [monolithic]: 'failed' } as const;
    /** The script that asks the host, by words of it. */
    const asks = '/proc/net/unix';
    const told = (...lines: readonly string[]): FakeCommand => ({ code: 0, stdout: lines.map((line) => `${line}\n`).join('') });

    test('is got round by virt-ssh-helper, which then carries further connections too', async () => {
        const daemon = new FakeDaemon();
        const access = fakeAccess(closed, {
            [asks]: told('missing', 'listening', 'way virt-ssh-helper', 'way nc'),
            'virt-ssh-helper qemu:///system': daemon,
        });
        const { way, connection } = await findDaemon(access, never);
        await using _ = connection;
        expect(way).toEqual({ by: 'virt-ssh-helper', socket: monolithic });
        await using further = await connectDaemon(access, way, never);
        expect(further.rpc.host).toBe('kvm-a');
        expect(daemon.connections).toHaveLength(2);
        expect(access.started.filter((line) => line.includes(asks))).toHaveLength(1);
    });

    test('is got round by nc where the helper is missing', async () => {
        const daemon = new FakeDaemon();
        const access = fakeAccess(closed, { [asks]: told('listening', 'missing', 'way nc'), '-U "$1"': daemon });
        const { way, connection } = await findDaemon(access, never);
        await using _ = connection;
        expect(way).toEqual({ by: 'nc', socket: modular });
        expect(access.started.at(-1)).toMatch(`sh ${modular}`);
    });

    test('is got round by nc where the helper does not work', async () => {
        const daemon = new FakeDaemon();
        const access = fakeAccess(closed, {
            [asks]: told('listening', 'missing', 'way virt-ssh-helper', 'way nc'),
            'virt-ssh-helper qemu:///system': { code: 1, stderr: 'virt-ssh-helper: cannot connect\n' },
            '-U "$1"': daemon,
        });
        await using connection = (await findDaemon(access, never)).connection;
        expect(connection.rpc.host).toBe('kvm-a');
    });

    test('and all else that fails is told, with what was tried and how to mend it', async () => {
        const access = fakeAccess(closed, {
            [asks]: told('missing', 'listening', 'way virt-ssh-helper'),
            'virt-ssh-helper qemu:///system': { code: 1, stderr: 'virt-ssh-helper: cannot connect\n' },
        });
        await expect(findDaemon(access, never)).rejects.toMatchObject({
            code: 'socket-forbidden',
            message: expect.stringMatching(
                /forbids forwarding .*virt-ssh-helper does not reach it \(virt-ssh-helper: cannot connect\); an nc that knows -U is not there$/,
            ) as string,
            hint: expect.stringMatching(/AllowStreamLocalForwarding.*virt-ssh-helper/) as string,
        });
    });

    test('is told from a missing daemon, where it says so itself too', async () => {
        const silent = { [modular]: 'forwarding-off', [monolithic]: 'forwarding-off' } as const;
        await expect(findDaemon(fakeAccess(silent, { [asks]: told('missing', 'missing') }), never)).rejects.toMatchObject({
            code: 'socket-missing',
        });
        await expect(findDaemon(fakeAccess(silent, { [asks]: told('unanswered', 'missing') }), never)).rejects.toMatchObject({
            code: 'socket-forbidden',
        });
    });

    test('is told from one that lets somebody in who may not use the daemon', async () => {
        const access = fakeAccess(closed, { [asks]: told('forbidden', 'listening', 'way virt-ssh-helper') });
        await expect(findDaemon(access, never)).rejects.toMatchObject({ message: expect.stringContaining('no permission on') as string });
    });

    test("has the daemon's own refusals told as they are", async () => {
        const daemon = new FakeDaemon().on(procedures.authList, () => ({ types: [1] }));
        const access = fakeAccess(closed, {
            [asks]: told('listening', 'missing', 'way virt-ssh-helper', 'way nc'),
            'virt-ssh-helper qemu:///system': daemon,
        });
        await expect(findDaemon(access, never)).rejects.toMatchObject({ message: 'libvirt on kvm-a asks for SASL authentication' });
    });
});

describe('authentication', () => {
    test('by polkit is asked of the daemon, and its refusal is no permission', async () => {
        const daemon = new FakeDaemon()
            .on(procedures.authList, () => ({ types: [2] }))
            .on(procedures.authPolkit, () => {
                throw new DaemonRefusal(45, 'authentication failed: no agent is available to authenticate');
            });
        await expect(findDaemon(fakeAccess({ [modular]: daemon }), never)).rejects.toMatchObject({
            code: 'socket-forbidden',
            hint: expect.stringContaining('group libvirt') as string,
        });
    });

    test('by SASL is refused in words', async () => {
        const daemon = new FakeDaemon().on(procedures.authList, () => ({ types: [1] }));
        await expect(findDaemon(fakeAccess({ [modular]: daemon }), never)).rejects.toMatchObject({
            code: 'feature-missing',
            message: 'libvirt on kvm-a asks for SASL authentication',
        });
    });
});

describe('versions', () => {
    const versions = async (daemon: FakeDaemon): Promise<unknown> => {
        await using connection = (await findDaemon(fakeAccess({ [modular]: daemon }), never)).connection;
        return await checkVersions(connection, never);
    };

    test('are told as people write them', async () => {
        expect(await versions(new FakeDaemon())).toEqual({ libvirt: '10.1.0', qemu: '8.2.1' });
    });

    test('below the floor are refused, by name', async () => {
        const old = new FakeDaemon().on(procedures.connectGetLibVersion, () => ({ version: 8_009_000n }));
        await expect(versions(old)).rejects.toMatchObject({
            code: 'hypervisor-too-old',
            message: 'kvm-a runs libvirt 8.9.0; 9.0.0 is the oldest that can be used',
        });
        const oldQemu = new FakeDaemon().on(procedures.connectGetVersion, () => ({ version: 6_002_000n }));
        await expect(versions(oldQemu)).rejects.toMatchObject({
            code: 'hypervisor-too-old',
            message: expect.stringContaining('QEMU 6.2.0') as string,
        });
    });

    test('a driver without managed migrations is refused', async () => {
        const other = new FakeDaemon().on(procedures.connectSupportsFeature, ({ feature }) => ({ supported: feature === 10 ? 1 : 0 }));
        await expect(versions(other)).rejects.toMatchObject({ code: 'feature-missing' });
    });
});
