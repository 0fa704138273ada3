import type { VmState } from '../model/snapshot.js';
import { evacuate, hostsFile } from './example.js';
import { provisionsOf } from './provided.js';
import { reachOf } from './reach.js';
import type { HostRule, HostRuleInput } from './rule.js';
import { takenBy } from './taken.js';
import { some } from './words.js';

const withLocks = (manager: string): string => {
    const says = [`lock_manager: ${manager}`];
    return hostsFile({ a: { says, vms: '{ name: db, memory: 4 GiB }' }, b: { says } }, 'shared_storage: [/srv/images]\n');
};

export const noLockManager: HostRule = {
    id: 'MIG420',
    name: 'no-lock-manager',
    severity: 'warning',
    needs: 'inventory',
    summary:
        'VMs with disks that several hosts share are moved between hosts, and a host has nothing that keeps a second VM from the same disk.',
    avoid: evacuate(),
    prefer: evacuate({ inventory: 'locked.yaml' }),
    files: { 'hosts.yaml': withLocks('none'), 'locked.yaml': withLocks('lockd') },
    exampleSnapshot: (snapshot) => ({
        ...snapshot,
        vms: snapshot.vms.map((vm) => ({
            ...vm,
            disks: [{ target: 'vda', path: '/srv/images/db.qcow2', kind: 'file', shared: true, readOnly: false }],
        })),
    }),
    rationale:
        'A disk that two hosts can open is ruined as soon as two copies of its VM write to it. A move keeps to one copy by itself; after a ' +
        'lost host, a restart by hand or by another tool, only a lock that lives with the disk does.',
    source: "libvirt's documentation of virtual machine lock managers; none is in use until qemu.conf names one (lock_manager).",
    byPart: true,
    check: (input, report) => {
        const bare = [...provisionsOf(input)].filter(([, { lockManager }]) => lockManager === 'none').map(([host]) => host);
        if (bare.length === 0) return;
        const reach = reachOf(input);
        for (const { policy, vms } of onSharedDisks(input)) {
            const met = bare.filter((host) => reach.canLeave(host, policy) || reach.canArrive(host, policy));
            if (met.length === 0) continue;
            const which = vms.length === 0 ? 'VMs' : some(vms.map(({ name }) => name));
            report(
                policy.selection.range,
                `${policy.name} moves ${which} on disks that several hosts share, and no lock manager guards these on ${some(met)}`,
                { hint: 'set `lock_manager = "lockd"` in /etc/libvirt/qemu.conf of every host, and start virtlockd' },
            );
        }
    },
};

/** Each policy with the VMs that it takes and that have such a disk; with none where no VM was seen, and such storage is stated. */
function onSharedDisks(
    input: HostRuleInput,
): readonly { readonly policy: HostRuleInput['program']['policies'][number]; readonly vms: readonly VmState[] }[] {
    if (input.snapshot) return takenBy(input, (vm) => vm.disks.some(isLockable));
    return (input.inventory?.sharedStorage.length ?? 0) === 0 ? [] : input.program.policies.map((policy) => ({ policy, vms: [] }));
}

/** virtlockd locks files and block devices; disks of the network have locks of their own, or none that libvirt knows. */
const isLockable = ({ kind, shared, readOnly, path }: VmState['disks'][number]): boolean =>
    shared === true && !readOnly && path !== undefined && (kind === 'file' || kind === 'block');
