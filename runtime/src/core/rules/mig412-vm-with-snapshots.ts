import type { VmState } from '../model/snapshot.js';
import { saysImmovable, takenBy } from './taken.js';
import { some } from './words.js';
import { lookLacking } from './lack.js';
import { evacuate, hostsWithDb } from './example.js';
import type { HostRule } from './rule.js';

export const vmWithSnapshots: HostRule = {
    id: 'MIG412',
    name: 'vm-with-snapshots',
    severity: 'warning',
    needs: 'snapshot',
    summary: 'A policy takes a VM that has snapshots, and does not say what becomes of VMs that cannot be moved.',
    avoid: evacuate(),
    prefer: evacuate({ move: 'vms on host except vm.snapshots' }),
    files: {
        'hosts.yaml': hostsWithDb(),
    },
    exampleSnapshot: (snapshot) => ({ ...snapshot, vms: snapshot.vms.map((vm) => ({ ...vm, hasSnapshots: true })) }),
    rationale:
        'What libvirt knows of a snapshot stays behind on the source and is lost with its definition there, so such a VM is not moved.',
    source: 'libvirt refuses to migrate a domain with snapshots ("cannot migrate domain with N snapshots").',
    lacks: (input) => lookLacking('snapshots', 'snapshots', input),
    byPart: true,
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
