import type { VmState } from '../model/snapshot.js';
import { saysImmovable, takenBy } from './taken.js';
import { some } from './words.js';
import { lookLacking } from './lack.js';
import { evacuate, hostsWithDb } from './example.js';
import type { HostRule } from './rule.js';

export const passedThroughDevice: HostRule = {
    id: 'MIG411',
    name: 'passed-through-device',
    severity: 'warning',
    needs: 'snapshot',
    summary: 'A policy takes a VM that uses a device of its host, and does not say what becomes of VMs that cannot be moved.',
    avoid: evacuate(),
    prefer: evacuate({ move: 'vms on host except vm.passthrough' }),
    files: {
        'hosts.yaml': hostsWithDb(),
    },
    exampleSnapshot: (snapshot) => ({ ...snapshot, vms: snapshot.vms.map((vm) => ({ ...vm, passthrough: ['pci device 0000:3b:00.0'] })) }),
    rationale: 'The VM is left behind, and the host that was to be emptied is not empty when its maintenance begins.',
    source: 'Nova, oVirt and KubeVirt all refuse to move VMs with host devices; a missing word on what happens to them is a frequent report.',
    lacks: (input) => lookLacking('passed-through devices', 'passthrough', input),
    byPart: true,
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
