import { reachOf } from './reach.js';
import { some } from './words.js';
import { evacuate, hostsFile } from './example.js';
import type { HostRule } from './rule.js';

export const migrationNetworkUnnamed: HostRule = {
    id: 'MIG409',
    name: 'migration-network-unnamed',
    severity: 'warning',
    needs: 'inventory',
    summary: 'A host may be a destination, and the inventory does not name its address on a migration network.',
    avoid: evacuate(),
    prefer: evacuate({ inventory: 'named.yaml' }),
    files: {
        'hosts.yaml': hostsFile({ a: {}, b: { unnamed: true } }),
        'named.yaml': hostsFile({ a: {}, b: {} }),
    },
    rationale:
        "An address that is guessed from the host's name may be a loopback address or lie on the guests' network, and a cap would hold for a link that does not carry the bytes. So no plan takes such a host as a destination.",
    source: "libvirt's documentation of migration: the URI that a destination makes up from its own host name must resolve at the source.",
    byPart: true,
    check: (input, report) => {
        const unnamed = (input.inventory?.hosts ?? []).filter(({ migration }) => migration === undefined).map(({ name }) => name);
        if (unnamed.length === 0) return;
        const reach = reachOf(input);
        for (const policy of input.program.policies) {
            const met = unnamed.filter((host) => reach.canArrive(host, policy));
            if (met.length === 0) continue;
            const message = `${policy.name} cannot bring VMs to ${some(met)}: no address on a migration network is named`;
            report(policy.destination.range, message, { hint: 'add `migration: { network: …, address: … }` to the host in the inventory' });
        }
    },
};
