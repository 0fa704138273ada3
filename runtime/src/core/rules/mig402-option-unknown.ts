import { checkVersions } from './version-rule.js';
import type { HostRule } from './rule.js';

export const optionUnknown: HostRule = {
    id: 'MIG402',
    name: 'option-unknown',
    severity: 'error',
    needs: 'inventory',
    summary:
        'A technique asks for something that the libvirt or QEMU of a host does not have, and there is no other technique to fall back on.',
    avoid: `inventory "hosts.yaml"

policy evacuate {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy { streams 4  compression zstd  after 5 min: abort }
  on failure leave and report
}
`,
    prefer: `inventory "hosts.yaml"

policy evacuate {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy { streams 4  after 5 min: abort }
  on failure leave and report
}
`,
    files: {
        'hosts.yaml': `hosts:
  a:
    driver: simulated
    versions: { libvirt: 9.0.0, qemu: 7.2.22 }
    migration: { network: migration, address: 10.0.0.1 }
    simulated: { memory: 64 GiB, cpus: 16 }
  b:
    driver: simulated
    versions: { libvirt: 11.3.0, qemu: 10.0.2 }
    migration: { network: migration, address: 10.0.0.2 }
    simulated: { memory: 64 GiB, cpus: 16 }
`,
    },
    rationale:
        'The host refuses the move when it is about to begin: a drain stops in the middle of the night for an option that could have been checked in the morning.',
    source: 'The version matrix (docs/reference/versions.md), one source a row.',
    check: (input, report) => {
        checkVersions(['missing', 'removed'], input, report);
    },
};
