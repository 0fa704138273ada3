import { saysImmovable, takenBy } from './taken.js';
import { some } from './words.js';
import { lookLacking } from './lack.js';
import { evacuate, hostsWithDb } from './example.js';
import type { HostRule } from './rule.js';

export const cpuFoundNowhere: HostRule = {
    id: 'MIG413',
    name: 'cpu-found-nowhere',
    severity: 'warning',
    needs: 'snapshot',
    summary:
        'A policy takes a VM whose CPU none of the hosts that it may go to can give it, such as a host-passthrough CPU among unlike hosts.',
    avoid: evacuate(),
    prefer: evacuate({ move: 'vms on host except vm.tags contains "host-cpu"' }),
    files: {
        'hosts.yaml': hostsWithDb('host-cpu'),
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
    lacks: (input) => lookLacking('CPUs', undefined, input),
    byPart: true,
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
