/**
 * The certificates by which two QEMUs know each other, as an object inside each of them: made before a migration is set to
 * it, and taken away once the run is done with the VM. Between, a post-copy that broke is taken up again with it.
 */
import { type InventoryHost, tlsCredentials } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { QmpConnection } from './qmp.js';
import { QmpRefusal } from './qmp-errors.js';

/** Where QEMU's own tools and libvirt look for them too. */
const usualDirectory = '/etc/pki/qemu';

/** The directory of a host's certificates. */
export const certificatesOf = ({ tlsDirectory }: Pick<InventoryHost, 'tlsDirectory'>): string => tlsDirectory ?? usualDirectory;

/**
 * Makes the object anew from the files as they are now, and returns its id: what `tls-creds` of a migration, of an NBD
 * server (`server`) or of an NBD client (`client`) takes. Each end has to show a certificate that the other's authority
 * signed. Errors: refused, with what QEMU says of the files.
 */
export async function takeCredentials(
    qmp: QmpConnection,
    at: InventoryHost,
    endpoint: 'client' | 'server',
    signal: AbortSignal,
): Promise<string> {
    const directory = certificatesOf(at);
    await removeObject(qmp, signal);
    try {
        await qmp.execute(
            'object-add',
            { 'qom-type': 'tls-creds-x509', id: tlsCredentials, dir: directory, endpoint, 'verify-peer': true },
            signal,
        );
    } catch (error) {
        if (!(error instanceof QmpRefusal)) throw error;
        const needs = endpoint === 'server' ? 'server-cert.pem and server-key.pem' : 'client-cert.pem and client-key.pem';
        throw new HypervisorError(
            'refused',
            at.name,
            `QEMU on ${at.name} does not take the certificates in ${directory}: ${error.description}`,
            {
                cause: error,
                hint: `see that ca-cert.pem, ${needs} are there, belong together, and may be read by the user as whom QEMU runs`,
            },
        );
    }
    return tlsCredentials;
}

/** Later migrations, whoever asks for them, are as if there had been none. What is under way goes on. */
export async function dropCredentials(qmp: QmpConnection, signal: AbortSignal): Promise<void> {
    const set = await qmp.execute('query-migrate-parameters', undefined, signal);
    if (set.at('tls-creds').text === tlsCredentials)
        await qmp.execute('migrate-set-parameters', { 'tls-creds': '', 'tls-hostname': '' }, signal);
    await removeObject(qmp, signal);
}

async function removeObject(qmp: QmpConnection, signal: AbortSignal): Promise<void> {
    const objects = await qmp.execute('qom-list', { path: '/objects' }, signal);
    if (objects.list.some((one) => one.at('name').text === tlsCredentials)) await qmp.execute('object-del', { id: tlsCredentials }, signal);
}
