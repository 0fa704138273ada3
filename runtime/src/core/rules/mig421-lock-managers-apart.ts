import { evacuate, hostsFile } from './example.js';
import { moversOf } from './movers.js';
import { provisionsOf } from './provided.js';
import { reachOf } from './reach.js';
import type { HostRule } from './rule.js';
import { some } from './words.js';

export const lockManagersApart: HostRule = {
    id: 'MIG421',
    name: 'lock-managers-apart',
    severity: 'warning',
    needs: 'inventory',
    summary: 'VMs may be moved between hosts whose lock managers are not the same.',
    avoid: evacuate(),
    prefer: evacuate({ inventory: 'alike.yaml' }),
    files: {
        'hosts.yaml': hostsFile({ a: { says: ['lock_manager: lockd'] }, b: { says: ['lock_manager: sanlock'] } }),
        'alike.yaml': hostsFile({ a: { says: ['lock_manager: lockd'] }, b: { says: ['lock_manager: lockd'] } }),
    },
    rationale:
        'The source hands its locks to the destination, which must understand them: libvirt refuses the move when they are not of one kind, ' +
        'also where only one of the two has locks at all. No plan takes such a way, and a policy may be left with none.',
    source: 'libvirt, qemu_migration_cookie.c: "Source host lock driver … different from target …".',
    byPart: true,
    check: (input, report) => {
        const known = [...provisionsOf(input)].flatMap(([host, { lockManager }]) => (lockManager ? [{ host, lockManager }] : []));
        if (new Set(known.map(({ lockManager }) => lockManager)).size < 2) return;
        const reach = reachOf(input);
        for (const mover of moversOf(input.program)) {
            const met = known.flatMap((from) =>
                known
                    .filter((to) => to.lockManager !== from.lockManager && reach.canGo(from.host, to.host, mover))
                    .map((to) => ({ from, to })),
            );
            if (met.length === 0) continue;
            const ways = met.map(({ from, to }) => `${from.host} (${from.lockManager}) to ${to.host} (${to.lockManager})`);
            report(
                mover.destination.range ?? mover.range,
                `${mover.name} may move VMs between unlike lock managers, which libvirt refuses: ${some(ways)}`,
                {
                    hint: 'set the same `lock_manager` in /etc/libvirt/qemu.conf of all these hosts, or keep them apart by `where`',
                },
            );
        }
    },
};
