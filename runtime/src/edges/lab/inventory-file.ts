/** The inventory that a lab writes, as text. Pure. */
import { formatQuantity } from '@mig/language';
import { stringify } from 'yaml';
import { labPaths } from './paths.js';
import { migrationNetwork, placeHosts, type LabSpec } from './spec.js';

/** The same text for the same lab, always: examples/lab.yaml is this text for the default lab. */
export function inventoryText(spec: LabSpec): string {
    const paths = labPaths(spec.name);
    const hosts = placeHosts(spec).map((host) => [
        host.name,
        {
            driver: 'libvirt',
            zone: host.zone,
            rack: host.rack,
            ...(host.maintenance ? { maintenance: true } : {}),
            ssh: { address: host.controlAddress, user: 'root', identity_file: paths.identity, known_hosts: paths.knownHosts },
            migration: { network: migrationNetwork, address: host.migrationAddress, listen: host.migrationAddress },
            links: [{ network: migrationNetwork, capacity: formatQuantity(host.linkRate, 'rate') }],
        },
    ]);
    const networks = [{ name: migrationNetwork }];
    return header(spec.name) + stringify({ networks, hosts: Object.fromEntries(hosts) as unknown }, { lineWidth: 0 });
}

const header = (name: string): string =>
    `# The hosts of the lab '${name}', as 'mig-run lab up' writes them. The addresses exist only inside the lab:\n` +
    `# run commands that use them with 'mig-run lab exec'.\n`;
