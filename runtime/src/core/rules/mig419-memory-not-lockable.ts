import { formatQuantity } from '@mig/language';
import type { VmState } from '../model/snapshot.js';
import { evacuate, hostsWithDb } from './example.js';
import { provisionsOf } from './provided.js';
import type { HostRule } from './rule.js';
import { takenBy } from './taken.js';
import { techniquesOf } from './techniques.js';
import { some } from './words.js';

export const memoryNotLockable: HostRule = {
    id: 'MIG419',
    name: 'memory-not-lockable',
    severity: 'error',
    needs: 'snapshot',
    summary:
        'RDMA or `zero-copy` is used for a VM whose memory cannot be locked: a host does not let so much be locked, or, for RDMA, the VM has no hard limit.',
    avoid: evacuate({ using: 'rdma' }),
    prefer: evacuate({ using: 'rdma\n  otherwise precopy { after 5 min: abort }' }),
    files: { 'hosts.yaml': hostsWithDb() },
    exampleSnapshot: (snapshot) => ({ ...snapshot, vms: snapshot.vms.map((vm) => ({ ...vm, memoryHardLimit: 'none' as const })) }),
    rationale:
        'Pages that an adapter reads and writes by itself must stay where they are: for RDMA both QEMUs lock all memory of the VM, and for ' +
        'sending without copying the one that is left locks what is on its way. Where that is not allowed the move is refused at its ' +
        'beginning, after everything else has been made ready, or fails in its middle.',
    source: 'libvirt, qemu_migration.c: "cannot start RDMA migration with no memory hard limit set"; QEMU\'s docs/rdma.txt on pinned memory. libvirt, VIR_MIGRATE_ZEROCOPY: QEMU may lock all pages of the guest meanwhile; sending without copying failed in the lab under a small memlock limit.',
    lacks: (input) =>
        input.snapshot || !input.program.policies.some((policy) => lockers(policy).length > 0)
            ? []
            : [{ what: 'memory that is locked', of: 'a look at the VMs', hosts: [] }],
    byPart: true,
    check: (input, report) => {
        if (!input.program.policies.some((policy) => lockers(policy).length > 0)) return;
        const provided = provisionsOf(input);
        const mayLock = (host: string): number => {
            const most = provided.get(host)?.lockableMemory;
            return most === undefined || most === 'unlimited' ? Infinity : most;
        };
        for (const { policy, vms, reach } of takenBy(input, () => true)) {
            const places = (vm: VmState): readonly string[] =>
                reach.hosts.map(({ host }) => host).filter((host) => host === vm.host || reach.canGo(vm.host, host, policy));
            for (const { name, range, kind } of lockers(policy)) {
                const pinsAll = kind === 'rdma';
                const unlimited = vms.filter(({ memoryHardLimit }) => pinsAll && memoryHardLimit === 'none').map((vm) => vm.name);
                if (unlimited.length > 0) {
                    const message = `${name} locks all memory of a VM, and libvirt refuses it where no hard limit is set: ${some(unlimited)}`;
                    report(range, message, {
                        hint: `set one above the VM's memory (virsh memtune ${unlimited[0] ?? ''} --hard-limit …), or add \`otherwise precopy\``,
                    });
                }
                const larger = vms.flatMap((vm) =>
                    (pinsAll ? places(vm) : [vm.host]).flatMap((host) => (vm.memory > mayLock(host) ? [{ vm, host }] : [])),
                );
                if (larger.length === 0) continue;
                const where = larger.map(
                    ({ vm, host }) => `${vm.name} has ${size(vm.memory)}, and ${host} lets ${size(mayLock(host))} be locked`,
                );
                const locks = pinsAll ? 'locks all memory of a VM' : 'sends without copying, for which memory of a VM is locked';
                report(range, `${name} ${locks}: ${some(where)}`, {
                    hint: "raise the daemon's LimitMEMLOCK there, or add `otherwise precopy`",
                });
            }
        }
    },
};

/** Techniques that have memory of the VM locked, RDMA all of it at both ends, and have nothing to fall back on. */
const lockers = (policy: Parameters<typeof techniquesOf>[0]): ReturnType<typeof techniquesOf> =>
    techniquesOf(policy).filter(({ kind, options, hasFallback }) => (kind === 'rdma' || options.zeroCopy === true) && !hasFallback);

const size = (bytes: number): string => formatQuantity(bytes, 'size');
