import { reachOf } from './reach.js';
import { some } from './words.js';
import type { HostRule } from './rule.js';

export const migrationNetworkUnnamed: HostRule = {
    id: 'MIG409',
    name: 'migration-network-unnamed',
    severity: 'warning',
    needs: 'inventory',
    summary: 'A host may be a destination, and the inventory does not name its address on a migration network.',
    avoid: `inventory "hosts.yaml"

policy evacuate {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy { after 5 min: abort }
  on failure leave and report
}
`,
    prefer: `inventory "named.yaml"

policy evacuate {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy { after 5 min: abort }
  on failure leave and report
}
`,
    files: {
        'hosts.yaml': `hosts:
  a:
    driver: simulated
    migration: { network: migration, address: 10.0.0.1 }
    simulated: { memory: 64 GiB, cpus: 16 }
  b:
    driver: simulated
    simulated: { memory: 64 GiB, cpus: 16 }
`,
        'named.yaml': `hosts:
  a:
    driver: simulated
    migration: { network: migration, address: 10.0.0.1 }
    simulated: { memory: 64 GiB, cpus: 16 }
  b:
    driver: simulated
    migration: { network: migration, address: 10.0.0.2 }
    simulated: { memory: 64 GiB, cpus: 16 }
`,
    },
    rationale:
        "An address that is guessed from the host's name may be a loopback address or lie on the guests' network, and a cap would hold for a link that does not carry the bytes. So no plan takes such a host as a destination.",
    source: "libvirt's documentation of migration: the URI that a destination makes up from its own host name must resolve at the source.",
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
