import { saysImmovable, takenBy } from './taken.js';
import { techniquesOf } from './techniques.js';
import { some } from './words.js';
import { lookLacking } from './lack.js';
import { evacuate, hostsWithDb } from './example.js';
import type { HostRule } from './rule.js';

export const localDiskNotCopied: HostRule = {
    id: 'MIG410',
    name: 'local-disk-not-copied',
    severity: 'warning',
    needs: 'snapshot',
    summary: 'A policy takes a VM with a disk that stands on its host alone, and none of its techniques copies that disk.',
    avoid: evacuate(),
    prefer: evacuate({ using: 'precopy { storage copy "vda"  after 5 min: abort }' }),
    files: {
        'hosts.yaml': hostsWithDb(),
    },
    exampleSnapshot: (snapshot) => ({
        ...snapshot,
        vms: snapshot.vms.map((vm) => ({
            ...vm,
            disks: [{ target: 'vda', path: '/var/lib/vms/db.qcow2', kind: 'file', shared: false, readOnly: false }],
        })),
    }),
    rationale: 'Memory would arrive at a host that does not have the disk. Such a VM is not moved, and the host is not emptied.',
    source: "libvirt's documentation of migration: non-shared storage needs a copy of the disks (VIR_MIGRATE_NON_SHARED_DISK).",
    lacks: (input) => lookLacking('local disks', 'disks.local', input),
    byPart: true,
    check: (input, report) => {
        for (const { policy, vms } of takenBy(input, (vm) => vm.disks.some(({ shared }) => shared === false))) {
            if (saysImmovable(policy)) continue;
            const techniques = techniquesOf(policy);
            const provided = new Set(techniques.flatMap(({ options }) => (options.storage ?? []).flatMap(({ disks }) => disks)));
            const met = vms.flatMap((vm) => {
                const left = vm.disks.filter(({ shared, target }) => shared === false && !provided.has(target));
                return left.length === 0 ? [] : [{ vm, left }];
            });
            const [first] = met;
            if (!first) continue;
            const names = met.map(
                ({ vm, left }) => `${vm.name} on ${vm.host} (${left.map(({ target, path }) => path ?? target).join(', ')})`,
            );
            const copy = `storage copy ${first.left.map(({ target }) => `"${target}"`).join(', ')}`;
            report(policy.selection.range, `${policy.name} takes ${some(names)}, and does not copy disks that stand on one host alone`, {
                hint: `add \`${copy}\` to the technique, name the directory under shared_storage in the inventory, or add \`except vm.disks.local > 0\``,
            });
        }
    },
};
