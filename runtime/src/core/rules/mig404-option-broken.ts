import { checkVersions } from './version-rule.js';
import { versionsLacking } from './lack.js';
import { evacuate, hostsFile } from './example.js';
import type { HostRule } from './rule.js';

export const optionBroken: HostRule = {
    id: 'MIG404',
    name: 'option-broken',
    severity: 'error',
    needs: 'inventory',
    summary: 'A technique asks for something that the QEMU of a host accepts and then fails on.',
    avoid: evacuate({ using: 'hybrid { streams 4 }' }),
    prefer: evacuate({ using: 'hybrid' }),
    files: {
        'hosts.yaml': hostsFile({
            a: { says: ['versions: { libvirt: 11.3.0, qemu: 7.2.22 }'] },
            b: { says: ['versions: { libvirt: 11.3.0, qemu: 10.0.2 }'] },
        }),
    },
    rationale:
        'With several streams and post-copy together QEMU before 10.1 can end with the VM shut off: the setting is taken without a word, and the guest pays for it.',
    source: 'Seen on QEMU 7.2.22; QEMU 10.1 is the first that supports multifd with post-copy.',
    lacks: (input) => versionsLacking(['broken'], input),
    byPart: true,
    check: (input, report) => {
        checkVersions(['broken'], input, report);
    },
};
