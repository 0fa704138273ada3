import { checkVersions } from './version-rule.js';
import { versionsLacking } from './lack.js';
import { evacuate, hostsFile } from './example.js';
import type { HostRule } from './rule.js';

export const optionUnknown: HostRule = {
    id: 'MIG402',
    name: 'option-unknown',
    severity: 'error',
    needs: 'inventory',
    summary:
        'A technique asks for something that the libvirt or QEMU of a host does not have, and there is no other technique to fall back on.',
    avoid: evacuate({ using: 'precopy { streams 4  compression zstd  after 5 min: abort }' }),
    prefer: evacuate({ using: 'precopy { streams 4  after 5 min: abort }' }),
    files: {
        'hosts.yaml': hostsFile({
            a: { says: ['versions: { libvirt: 9.0.0, qemu: 7.2.22 }'] },
            b: { says: ['versions: { libvirt: 11.3.0, qemu: 10.0.2 }'] },
        }),
    },
    rationale:
        'The host refuses the move when it is about to begin: a drain stops in the middle of the night for an option that could have been checked in the morning.',
    source: 'The version matrix (docs/versions.md), one source a row.',
    lacks: (input) => versionsLacking(['missing', 'removed'], input),
    byPart: true,
    check: (input, report) => {
        checkVersions(['missing', 'removed'], input, report);
    },
};
