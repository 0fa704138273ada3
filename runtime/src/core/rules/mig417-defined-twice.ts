import type { VmState } from '../model/snapshot.js';
import { takenBy } from './taken.js';
import { evacuate, hostsWithDb } from './example.js';
import { placesLacking } from './lack.js';
import type { HostRule } from './rule.js';

export const definedTwice: HostRule = {
    id: 'MIG417',
    name: 'defined-twice',
    severity: 'error',
    needs: 'snapshot',
    summary: 'A VM that a policy takes is defined on another host as well, shut off there, and may come to that host or start with it.',
    avoid: evacuate(),
    prefer: evacuate({ move: 'vms on host except vm.name == "db"' }),
    files: {
        'hosts.yaml': hostsWithDb(),
    },
    exampleSnapshot: (snapshot) => ({
        ...snapshot,
        vms: snapshot.vms.flatMap((vm) => [vm, { ...vm, host: 'b', state: 'shut off' as const, autostart: true }]),
    }),
    rationale:
        'Where the other definition starts with its host, the next boot starts the VM a second time on the same disks, and both copies are ruined. A move to that host is refused or replaces a definition that somebody may want.',
    source: 'libvirt keeps the definition and the autostart mark of a persistent domain on each host by itself; autostart is not carried over by a move.',
    byPart: true,
    lacks: (input) => placesLacking('VMs that are defined twice', input.program.policies, input),
    check: (input, report) => {
        const { snapshot } = input;
        if (!snapshot) return;
        const off = snapshot.vms.filter(({ state }) => state === 'shut off');
        const twins = (vm: VmState): readonly VmState[] =>
            off.filter((other) => other.host !== vm.host && (other.uuid === vm.uuid || other.name === vm.name));
        for (const { policy, vms, reach } of takenBy(input, (vm) => off.length > 0 && twins(vm).length > 0)) {
            for (const vm of vms) {
                const twin = twins(vm).find(({ host, autostart }) => autostart || reach.canGo(vm.host, host, policy));
                if (!twin) continue;
                const same = twin.uuid === vm.uuid ? 'it is' : 'another VM of that name is';
                const starts = twin.autostart ? ', and starts with that host' : '';
                report(
                    policy.selection.range,
                    `${policy.name} takes ${vm.name} on ${vm.host}: ${same} defined on ${twin.host} too${starts}`,
                    {
                        hint: `look which of the two is meant, and undefine the other: virsh undefine ${vm.name}`,
                    },
                );
            }
        }
    },
};
