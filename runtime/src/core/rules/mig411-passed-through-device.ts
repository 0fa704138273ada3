import type { VmState } from '../model/snapshot.js';
import { saysImmovable, takenBy } from './taken.js';
import { some } from './words.js';
import type { HostRule } from './rule.js';

export const passedThroughDevice: HostRule = {
    id: 'MIG411',
    name: 'passed-through-device',
    severity: 'warning',
    needs: 'snapshot',
    summary: 'A policy takes a VM that uses a device of its host, and does not say what becomes of VMs that cannot be moved.',
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
  move vms on host except vm.passthrough
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
    exampleSnapshot: (snapshot) => ({ ...snapshot, vms: snapshot.vms.map((vm) => ({ ...vm, passthrough: ['pci device 0000:3b:00.0'] })) }),
    rationale: 'The VM is left behind, and the host that was to be emptied is not empty when its maintenance begins.',
    source: 'Nova, oVirt and KubeVirt all refuse to move VMs with host devices; a missing word on what happens to them is a frequent report.',
    check: (input, report) => {
        for (const { policy, vms } of takenBy(input, (vm) => vm.passthrough.length > 0)) {
            if (saysImmovable(policy)) continue;
            const range = policy.selection.range;
            const end = { ...range, start: range.end };
            report(range, `${policy.name} takes ${some(vms.map(described))}, which cannot be moved`, {
                hint: 'detach the device before the move, add `except vm.passthrough`, or say what becomes of such VMs with `immovable: …`',
                fixes: [{ title: 'Except VMs with such devices', edits: [{ range: end, newText: ' except vm.passthrough' }] }],
            });
        }
    },
};

const described = (vm: VmState): string => `${vm.name} on ${vm.host} (${vm.passthrough.join(', ')})`;
