import { formatQuantity } from '@mig/language';
import { few } from '../satisfy/few.js';
import { undoings, type Undoing } from '../satisfy/undo.js';
import { hostsFile } from './example.js';
import type { HostRule } from './rule.js';

const policies = (spread: string): string => `inventory "hosts.yaml"

policy relieve {
  when host.memory.used > 90% for 1 min until host.memory.used < 60%
  move vms on host order by vm.memory ascending until host.memory.used < 60%
  to hosts prefer most free memory
  using precopy { downtime 300 ms; after 5 min: abort }
  on failure leave and report
  cooldown 10 min
}

policy pack {
  when host.memory.used < 30% for 30 min until host.memory.used > 40%
  move vms on host order by vm.memory descending
  to hosts ${spread}prefer fullest
  using precopy { downtime 300 ms; after 5 min: abort }
  on failure leave and report
  cooldown 1 h
}
`;

const size = (bytes: number): string => formatQuantity(bytes, 'size');

export const policiesUndoEachOther: HostRule = {
    id: 'MIG501',
    name: 'policies-undo-each-other',
    severity: 'warning',
    needs: 'inventory',
    summary: 'One policy moves a VM back where another has just taken it from.',
    avoid: policies(''),
    prefer: policies('where host.memory.used < 50% '),
    files: { 'hosts.yaml': hostsFile({ a: {}, b: {}, c: {} }) },
    rationale:
        'Each of them does what it says, and together they move the same VMs to and fro, for as long as both run. Cooldowns make it ' +
        'slower. The pair is found by asking the decisions themselves: first one policy, then the other on where its moves lead.',
    source: 'Reports of VMs that move to and fro between DRS, DPM and affinity tools that act on the same cluster.',
    check: ({ program, inventory, snapshot }, report, leftOut) => {
        if (!inventory) return;
        const { found, left } = undoings(program, inventory, snapshot);
        leftOut(left);
        for (const one of found) {
            report(one.then.nameRange, textOf(one), {
                hint: 'let their conditions exclude each other: a gap between the two thresholds, a constraint on the destination, or VMs that belong to one of them',
            });
        }
    },
};

function textOf({ first, then, vm, from, to, on }: Undoing): string {
    const pair = `${then.name} takes back what ${first.name} moves: ${vm.name} from ${from} to ${to} by ${first.name}, and from ${to} to ${from} by ${then.name}`;
    if (on.layout === undefined)
        return `${pair}; so it would be on ${few(on.snapshot.hosts.map((host) => host.name).sort(), 8)} as they are`;
    const loads = on.snapshot.hosts.map((host) => `${host.name} ${formatQuantity(1 - host.memoryFree / host.memory, 'ratio')}`);
    const vms = on.snapshot.vms.filter((other) => other.host === from).length;
    return `${pair}; shown on ${on.snapshot.hosts.length} hosts in use by ${loads.join(', ')} (memory and CPU), where ${from} has ${vms} VMs of ${size(vm.memory)}`;
}
