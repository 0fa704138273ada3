import type { VmState } from '../model/snapshot.js';
import { saysImmovable, takenBy } from './taken.js';
import { some } from './words.js';
import type { HostRule } from './rule.js';

export const vmWithSnapshots: HostRule = {
    id: 'MIG412',
    name: 'vm-with-snapshots',
    severity: 'warning',
    needs: 'snapshot',
    summary: 'A policy takes a VM that has snapshots, and does not say what becomes of VMs that cannot be moved.',
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
  move vms on host except vm.snapshots
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
    simulated: { memory: 64 GiB, cpus: 16, vms: [{ name: db, memory: 4 GiB }] }
  b:
    driver: simulated
    migration: { network: migration, address: 10.0.0.2 }
    simulated: { memory: 64 GiB, cpus: 16 }
`,
    },
    exampleSnapshot: (snapshot) => ({ ...snapshot, vms: snapshot.vms.map((vm) => ({ ...vm, hasSnapshots: true })) }),
    rationale:
        'What libvirt knows of a snapshot stays behind on the source and is lost with its definition there, so such a VM is not moved.',
    source: 'libvirt refuses to migrate a domain with snapshots ("cannot migrate domain with N snapshots").',
    check: (input, report) => {
        for (const { policy, vms } of takenBy(input, (vm) => vm.hasSnapshots)) {
            if (saysImmovable(policy)) continue;
            const range = policy.selection.range;
            const end = { ...range, start: range.end };
            report(range, `${policy.name} takes ${some(vms.map(described))}, which cannot be moved`, {
                hint: 'delete the snapshots, add `except vm.snapshots`, or say what becomes of such VMs with `immovable: …`',
                fixes: [{ title: 'Except VMs with snapshots', edits: [{ range: end, newText: ' except vm.snapshots' }] }],
            });
        }
    },
};

const described = (vm: VmState): string => `${vm.name} on ${vm.host} (it has snapshots)`;
