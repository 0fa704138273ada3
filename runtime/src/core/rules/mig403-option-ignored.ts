import { checkVersions } from './version-rule.js';
import { versionsLacking } from './lack.js';
import { evacuate, hostsFile } from './example.js';
import type { HostRule } from './rule.js';

export const optionIgnored: HostRule = {
    id: 'MIG403',
    name: 'option-ignored',
    severity: 'error',
    needs: 'inventory',
    summary:
        'A technique asks for something that the libvirt or QEMU of a host accepts and does not do, and there is no other technique to fall back on.',
    avoid: evacuate({ using: 'precopy { streams 4  compression zstd level 9  after 5 min: abort }' }),
    prefer: evacuate({ using: 'precopy { streams 4  compression zstd  after 5 min: abort }' }),
    files: {
        'hosts.yaml': hostsFile({
            a: { says: ['versions: { libvirt: 9.4.0, qemu: 7.2.22 }'] },
            b: { says: ['versions: { libvirt: 11.3.0, qemu: 10.0.2 }'] },
        }),
    },
    rationale:
        'Nothing fails, so nobody notices: the figures that the option was chosen for are not the figures that the move has. ' +
        'A plan does not use such a technique between these hosts.',
    source: 'Seen on QEMU 7.2.22: every zstd level is accepted and reads back as 1.',
    lacks: (input) => versionsLacking(['ignored'], input),
    byPart: true,
    check: (input, report) => {
        checkVersions(['ignored'], input, report);
    },
};
