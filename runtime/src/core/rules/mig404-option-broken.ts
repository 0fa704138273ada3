import { checkVersions } from './version-rule.js';
import type { HostRule } from './rule.js';

export const optionBroken: HostRule = {
    id: 'MIG404',
    name: 'option-broken',
    severity: 'error',
    needs: 'inventory',
    summary: 'A technique asks for something that the QEMU of a host accepts and then fails on.',
    avoid: `inventory "hosts.yaml"

policy evacuate {
  when host is in maintenance
  move vms on host
  to hosts
  using hybrid { streams 4 }
  on failure leave and report
}
`,
    prefer: `inventory "hosts.yaml"

policy evacuate {
  when host is in maintenance
  move vms on host
  to hosts
  using hybrid
  on failure leave and report
}
`,
    files: {
        'hosts.yaml': `hosts:
  a:
    driver: simulated
    versions: { libvirt: 11.3.0, qemu: 7.2.22 }
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
        'With several streams and post-copy together QEMU before 10.1 can end with the VM shut off: the setting is taken without a word, and the guest pays for it.',
    source: 'Seen on QEMU 7.2.22; QEMU 10.1 is the first that supports multifd with post-copy.',
    check: (input, report) => {
        checkVersions(['broken'], input, report);
    },
};
