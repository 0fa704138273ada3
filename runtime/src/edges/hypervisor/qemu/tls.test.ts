import { expect, test } from 'vitest';
import { qmpParametersOf, type InventoryHost } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import { QmpConnection } from './qmp.js';
import { type FakeAnswer, type FakeCommand, FakeQemu } from './testing/fake-qemu.js';
import { certificatesOf, dropCredentials, takeCredentials } from './tls.js';

const never = new AbortController().signal;
const host = { name: 'b', tlsDirectory: '/srv/pki' } as InventoryHost;

/** As much of QEMU as has objects and parameters of a migration. */
class Qemu {
    objects: string[] = [];
    creds = '';
    refuses: string | undefined;
    readonly server = new FakeQemu((command) => this.#answer(command));

    open(): Promise<QmpConnection> {
        return QmpConnection.open({ host: 'b', socket: '/run/qemu/vm.qmp' }, this.server.stream, never);
    }

    get asked(): readonly string[] {
        return this.server.commands.map(({ execute }) => execute).filter((name) => !/^(query|qom|qmp)/.test(name));
    }

    #answer({ execute, arguments: args }: FakeCommand): FakeAnswer {
        const id = String(args['id']);
        switch (execute) {
            case 'qom-list':
                return { return: this.objects.map((name) => ({ name, type: 'child<tls-creds-x509>' })) };
            case 'query-migrate-parameters':
                return { return: { 'tls-creds': this.creds } };
            case 'migrate-set-parameters':
                this.creds = String(args['tls-creds']);
                return { return: {} };
            case 'object-del':
                this.objects = this.objects.filter((name) => name !== id);
                return { return: {} };
            default:
                if (this.refuses !== undefined) return { error: { class: 'GenericError', desc: this.refuses } };
                if (this.objects.includes(id))
                    return { error: { class: 'GenericError', desc: `attempt to add duplicate property '${id}'` } };
                this.objects.push(id);
                return { return: {} };
        }
    }
}

test('the certificates are those of the directory that the inventory names, and both ends have to show one', async () => {
    const qemu = new Qemu();
    await using qmp = await qemu.open();
    expect(await takeCredentials(qmp, host, 'server', never)).toBe('mig-run-tls');
    expect(qemu.server.commands.at(-1)?.arguments).toEqual({
        'qom-type': 'tls-creds-x509',
        id: 'mig-run-tls',
        dir: '/srv/pki',
        endpoint: 'server',
        'verify-peer': true,
    });
    expect(certificatesOf({})).toBe('/etc/pki/qemu');
});

test('what a dead run left is made anew: the VM that arrived as a server leaves as a client', async () => {
    const qemu = new Qemu();
    qemu.objects = ['charmonitor', 'mig-run-tls'];
    await using qmp = await qemu.open();
    await takeCredentials(qmp, host, 'client', never);
    expect(qemu.asked).toEqual(['object-del', 'object-add']);
    expect(qemu.objects).toEqual(['charmonitor', 'mig-run-tls']);
});

test('certificates that QEMU does not take are told with host, directory, its words and what to look at', async () => {
    const qemu = new Qemu();
    qemu.refuses = 'Unable to access credentials /srv/pki/client-key.pem: Permission denied';
    await using qmp = await qemu.open();
    const error = await takeCredentials(qmp, host, 'client', never).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(HypervisorError);
    expect(error).toMatchObject({
        code: 'refused',
        message:
            'QEMU on b does not take the certificates in /srv/pki: Unable to access credentials /srv/pki/client-key.pem: Permission denied',
        hint: expect.stringMatching(
            /client-cert\.pem and client-key\.pem are there, belong together, and may be read by the user/,
        ) as unknown,
    });
});

test('afterwards nothing is left, and what others set is not touched', async () => {
    const qemu = new Qemu();
    qemu.objects = ['vnc-tls', 'mig-run-tls'];
    qemu.creds = 'mig-run-tls';
    await using qmp = await qemu.open();
    await dropCredentials(qmp, never);
    expect(qemu).toMatchObject({ objects: ['vnc-tls'], creds: '' });
    qemu.creds = 'theirs';
    await dropCredentials(qmp, never);
    expect(qemu).toMatchObject({ objects: ['vnc-tls'], creds: 'theirs' });
    expect(qemu.asked).toEqual(['migrate-set-parameters', 'object-del']);
});

test('a technique without TLS takes back what an earlier one has set', () => {
    const technique = { live: true, postcopy: false, options: {} };
    for (const side of ['source', 'destination'] as const) {
        expect(qmpParametersOf(technique, side)).toMatchObject({ 'tls-creds': '', 'tls-hostname': '' });
        expect(qmpParametersOf({ ...technique, options: { tls: true } }, side)).toMatchObject({ 'tls-creds': 'mig-run-tls' });
    }
});
