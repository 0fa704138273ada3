import { describe, expect, test } from 'vitest';
import { checkVersions, findDaemon } from './connect.js';
import { procedures } from './procedures.js';
import { fakeAccess } from './testing/fake-access.js';
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
        const { socket, connection } = await findDaemon(fakeAccess({ [monolithic]: daemon }), never);
        await using _ = connection;
        expect(socket).toBe(monolithic);
        expect(daemon.asked.at(-1)).toMatchObject({ name: 'connectOpen', args: { name: 'qemu:///system', flags: 0 } });
    });

    test('and its absence says how to start it', async () => {
        await expect(findDaemon(fakeAccess({}), never)).rejects.toMatchObject({
            code: 'socket-missing',
            hint: expect.stringContaining('systemctl start') as string,
        });
    });

    test('an SSH server that forbids forwarding is told from a missing daemon', async () => {
        await expect(findDaemon(fakeAccess({ [modular]: 'forwarding-off', [monolithic]: 'forwarding-off' }), never)).rejects.toMatchObject({
            code: 'socket-forbidden',
            hint: expect.stringContaining('AllowStreamLocalForwarding') as string,
        });
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
