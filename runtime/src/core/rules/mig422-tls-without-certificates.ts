import { receiverLack, senderLack } from '../decide/tls.js';
import type { HostName, HostProvisions } from '../model/inventory.js';
import { provisionLacking } from './lack.js';
import { evacuate, hostsFile } from './example.js';
import { moversOf } from './movers.js';
import { provisionsOf } from './provided.js';
import { reachOf } from './reach.js';
import type { HostRule, HostRuleInput } from './rule.js';
import { type MeantTechnique, techniquesOf } from './techniques.js';
import { some } from './words.js';

export const tlsWithoutCertificates: HostRule = {
    id: 'MIG422',
    name: 'tls-without-certificates',
    severity: 'error',
    needs: 'inventory',
    summary: 'A technique asks for TLS, and a host has not the certificates for it, or they have expired or are for another name.',
    avoid: evacuate({ using: 'precopy { tls  after 5 min: abort }' }),
    prefer: evacuate({ inventory: 'certified.yaml', using: 'precopy { tls  after 5 min: abort }' }),
    files: {
        'hosts.yaml': hostsFile({ a: { says: ['tls: true'] }, b: { says: ['tls: false'] } }),
        'certified.yaml': hostsFile({ a: { says: ['tls: true'] }, b: { says: ['tls: true'] } }),
    },
    rationale:
        'QEMU opens the channel with the certificates of the host itself, that qemu.conf or, for plain QEMU, the inventory leads to. Where they are missing every move fails ' +
        'at its beginning; what was to be encrypted is at least not sent in the clear.',
    source: "libvirt's qemu.conf: migrate_tls_x509_cert_dir, and the files in it (ca-cert.pem, server-cert.pem, server-key.pem).",
    lacks: (input) => {
        const movers = moversOf(input.program).filter((mover) => techniquesOf(mover).some(asksForTls));
        return provisionLacking('TLS', 'the certificates', 'tlsCertificates', movers, input);
    },
    byPart: true,
    check: (input, report) => {
        const provided = [...provisionsOf(input)];
        const lacking = (without: readonly HostProvisions['tlsCertificates'][]): readonly string[] =>
            provided
                .filter(([, { tlsCertificates }]) => tlsCertificates !== undefined && without.includes(tlsCertificates))
                .map(([host]) => host);
        const [cannotSend, cannotReceive] = [lacking(['none']), lacking(['none', 'sending'])];
        const spoilt = spoiltOn(provided, input);
        if (cannotReceive.length === 0 && spoilt.length === 0) return;
        const reach = reachOf(input);
        for (const mover of moversOf(input.program)) {
            for (const { name, range, when } of techniquesOf(mover).filter(asksForTls)) {
                const from = cannotSend.filter((host) => reach.canLeave(host, mover, when));
                const to = cannotReceive.filter((host) => reach.canArrive(host, mover, when));
                for (const { host, sending, receiving } of spoilt) {
                    const lack =
                        (sending !== undefined && reach.canLeave(host, mover, when) ? sending : undefined) ??
                        (receiving !== undefined && reach.canArrive(host, mover, when) ? receiving : undefined);
                    if (lack !== undefined) report(range, `${name} asks for TLS, and ${lack}`, { hint: renew });
                }
                const met = [...new Set([...from, ...to])];
                if (met.length === 0) continue;
                report(range, `${name} asks for TLS, and the certificates for it are not in place on ${some(met)}`, {
                    hint: 'put ca-cert.pem, server-cert.pem and server-key.pem into /etc/pki/qemu there, or name their directory in qemu.conf (migrate_tls_x509_cert_dir), for plain QEMU in the inventory (tls_directory)',
                });
            }
        }
    },
};

const renew =
    'put certificates there that name the address others migrate to (a subject alternative name), are signed by one authority, and have not expired';

/** Hosts whose certificates are in place and would not do: expired, for another name. Those that have none are told of together. */
function spoiltOn(
    provided: readonly (readonly [HostName, HostProvisions])[],
    { inventory, snapshot }: HostRuleInput,
): readonly { readonly host: HostName; readonly sending: string | undefined; readonly receiving: string | undefined }[] {
    if (snapshot === undefined) return [];
    return provided.flatMap(([host, provides]) => {
        if (provides.tlsFiles === undefined || provides.tlsCertificates === 'none') return [];
        const address = (snapshot.hosts.find(({ name }) => name === host) ?? inventory?.hosts.find(({ name }) => name === host))?.migration
            ?.address;
        const end = { name: host, provides, address };
        const sending = senderLack(end, snapshot.takenAt);
        const receiving = provides.tlsCertificates === 'both' ? receiverLack(end, snapshot.takenAt) : undefined;
        return sending === undefined && receiving === undefined ? [] : [{ host, sending, receiving }];
    });
}

const asksForTls = ({ options, hasFallback }: MeantTechnique): boolean => options.tls === true && !hasFallback;
