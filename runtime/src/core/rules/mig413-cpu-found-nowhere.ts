import { saysImmovable, takenBy } from './taken.js';
import { some } from './words.js';
import type { HostRule } from './rule.js';

export const cpuFoundNowhere: HostRule = {
    id: 'MIG413',
    name: 'cpu-found-nowhere',
    severity: 'warning',
    needs: 'snapshot',
    summary:
        'A policy takes a VM whose CPU none of the hosts that it may go to can give it, such as a host-passthrough CPU among unlike hosts.',
    avoid: `inventory "hosts.yaml"

policy evacuate {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy { after 5 min: abort }
  on failure leave and report
}
`,
    prefer: `inventory "hosts.yaml"

policy evacuate {
  when host is in maintenance
  move vms on host except vm.tags contains "host-cpu"
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
    simulated: { memory: 64 GiB, cpus: 16, vms: [{ name: db, memory: 4 GiB, tags: [host-cpu] }] }
  b:
    driver: simulated
    migration: { network: migration, address: 10.0.0.2 }
    simulated: { memory: 64 GiB, cpus: 16 }
`,
    },
    exampleSnapshot: (snapshot) => ({
        ...snapshot,
        compatibility: snapshot.vms.map((vm) => ({
            vm: vm.uuid,
            host: 'b',
            compatible: false,
            detail: 'host-passthrough needs the same host CPU',
        })),
    }),
    rationale:
        'A guest that has seen a feature of its CPU goes on using it. On a host without it the guest would crash, so such a VM is not moved.',
    source: "libvirt's documentation of host-passthrough: a migration is safe only between hosts with the same CPU, microcode and kernel.",
    check: (input, report) => {
        const { snapshot } = input;
        if (!snapshot) return;
        const refused = new Set(snapshot.compatibility.filter(({ compatible }) => !compatible).map(({ vm }) => vm));
        for (const { policy, vms, reach } of takenBy(input, ({ uuid }) => refused.has(uuid))) {
            if (saysImmovable(policy)) continue;
            const met = vms.flatMap((vm) => {
                const candidates = reach.hosts.map(({ host }) => host).filter((host) => reach.canGo(vm.host, host, policy));
                const refusals = candidates.flatMap((host) =>
                    snapshot.compatibility.filter((v) => v.vm === vm.uuid && v.host === host && !v.compatible),
                );
                // A host that was not asked may do.
                return candidates.length === 0 || refusals.length < candidates.length ? [] : [{ vm, refusals }];
            });
            const [first] = met;
            if (!first) continue;
            const why = first.refusals.map(({ host, detail }) => `${host}: ${detail}`);
            const message = `${policy.name} takes ${some(met.map(({ vm }) => vm.name))}, whose CPU no host has that it may go to (${some(why)})`;
            report(policy.selection.range, message, {
                hint: 'give the VM a CPU model that its hosts have in common, except it, or say what becomes of such VMs with `immovable: …`',
            });
        }
    },
};
