import { evacuate, hostsWithDb } from './example.js';
import type { HostRule } from './rule.js';
import { takenBy } from './taken.js';
import { techniquesOf } from './techniques.js';
import { some } from './words.js';

export const noDirtyRing: HostRule = {
    id: 'MIG427',
    name: 'no-dirty-ring',
    severity: 'error',
    needs: 'snapshot',
    summary: '`dirty-limit` is asked for, and a VM that is taken has no dirty ring of KVM, by which its virtual CPUs are told apart.',
    avoid: evacuate({ using: 'precopy {\n  dirty-limit 40 MiB/s\n  after 5 min: abort\n}' }),
    prefer: evacuate({ using: 'precopy {\n  throttle 20% step 10% up to 80%\n  after 5 min: abort\n}' }),
    files: { 'hosts.yaml': hostsWithDb() },
    exampleSnapshot: (snapshot) => ({ ...snapshot, vms: snapshot.vms.map((vm) => ({ ...vm, dirtyRing: false })) }),
    rationale:
        'What each virtual CPU writes is known from its own ring of dirty pages only. A VM that was started without one, or without KVM, ' +
        'cannot be given one while it runs: the setting is refused when the move begins.',
    source: 'QEMU, migration/options.c: "dirty-limit requires KVM with accelerator property \'dirty-ring-size\' set".',
    lacks: (input) =>
        input.snapshot || !input.program.policies.some((policy) => limiters(policy).length > 0)
            ? []
            : [{ what: 'a limit on what virtual CPUs write', of: 'a look at the VMs', hosts: [] }],
    byPart: true,
    check: (input, report) => {
        if (!input.program.policies.some((policy) => limiters(policy).length > 0)) return;
        for (const { policy, vms } of takenBy(input, ({ dirtyRing }) => dirtyRing === false)) {
            for (const { name, range } of limiters(policy)) {
                report(
                    range,
                    `${name} limits what virtual CPUs write, and these VMs have no dirty ring: ${some(vms.map((vm) => vm.name))}`,
                    {
                        hint: "give them one (<kvm><dirty-ring state='on' size='4096'/></kvm> among the features) and start them anew, or use `throttle`",
                    },
                );
            }
        }
    },
};

/** Techniques that have nothing to fall back on. */
const limiters = (policy: Parameters<typeof techniquesOf>[0]): ReturnType<typeof techniquesOf> =>
    techniquesOf(policy).filter(({ options, hasFallback }) => options.dirtyLimit !== undefined && !hasFallback);
