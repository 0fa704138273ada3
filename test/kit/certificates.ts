/** Certificates for encrypted migrations, on the hosts of a lab. */
import { mkdir, writeFile } from 'node:fs/promises';
import type { Authority } from '../../runtime/src/edges/hypervisor/host/testing/authority.js';
import { type Lab, pathInHost } from '../../runtime/src/edges/lab/door.js';

/** Where libvirt and plain QEMU look for them unless they are told otherwise. */
const usualDirectory = '/etc/pki/qemu';

export const certificateAt = (lab: Lab, host: string, file: string, directory = usualDirectory): string =>
    pathInHost(lab, host, `${directory}/${file}`);

/** All that a host needs, with a server's certificate that may be spoilt. */
export async function certify(
    lab: Lab,
    authority: Authority,
    host: string,
    {
        names,
        days,
        directory,
    }: { readonly names?: readonly string[]; readonly days?: number | undefined; readonly directory?: string | undefined } = {},
): Promise<void> {
    const at = (file: string): string => certificateAt(lab, host, file, directory);
    await mkdir(at(''), { recursive: true });
    const address = lab.hosts.find(({ name }) => name === host)?.migrationAddress ?? '';
    const server = await authority.sign(host, names ?? [`IP:${address}`, `DNS:${host}`], days);
    const client = await authority.sign(host, []);
    await writeFile(at('ca-cert.pem'), authority.certificate);
    await writeFile(at('server-cert.pem'), server.certificate);
    await writeFile(at('server-key.pem'), server.key);
    await writeFile(at('client-cert.pem'), client.certificate);
    await writeFile(at('client-key.pem'), client.key);
}
