import type { TechniqueKind } from '@mig/language';
import { needsMonitor } from '../decide/technique-lack.js';
import { moversOf } from './movers.js';
import { reachOf } from './reach.js';
import { techniquesOf } from './techniques.js';
import { some } from './words.js';
import { evacuate, hostsFile } from './example.js';
import type { HostRule } from './rule.js';

export const monitorDenied: HostRule = {
    id: 'MIG408',
    name: 'monitor-denied',
    severity: 'error',
    needs: 'inventory',
    summary: "A technique needs calls to QEMU's own monitor, and the inventory denies them on a host.",
    avoid: evacuate({ using: 'agile { after 5 min: abort }' }),
    prefer: evacuate(),
    files: {
        'hosts.yaml': hostsFile({ a: {}, b: { says: ['monitor: deny'] } }),
    },
    rationale:
        'libvirt has no call for what the technique needs, so QEMU is asked directly, which marks the VM as tainted. Where that is denied the move cannot begin.',
    source:
        'Trials: x-ignore-shared, a throttle while a migration runs and the most that a throttle takes can only be set through the ' +
        'monitor (libvirt 9.0 and 11.3, QEMU 7.2 and 10.0). libvirt 11.3 knows nothing of dirty-limit.',
    byPart: true,
    check: (input, report) => {
        const denied = (input.inventory?.hosts ?? [])
            .filter(({ monitor, driver }) => monitor === 'deny' && driver !== 'qemu')
            .map(({ name }) => name);
        if (denied.length === 0) return;
        const reach = reachOf(input);
        for (const mover of moversOf(input.program)) {
            for (const { kind, name, range, when, hasFallback, options, ladder } of techniquesOf(mover)) {
                if (hasFallback) continue;
                const throttles = needsMonitor(options, ladder);
                const wholly = atBothEnds[kind] ?? (options.dirtyLimit === undefined ? undefined : 'to limit what virtual CPUs write');
                const why = wholly ?? (throttles && `for ${throttles}`);
                if (why === undefined) continue;
                const met = denied.filter(
                    (host) => reach.canLeave(host, mover, when) || (wholly !== undefined && reach.canArrive(host, mover, when)),
                );
                if (met.length === 0) continue;
                const message = `${name} needs QEMU's monitor ${why}, which is denied on ${some(met)}`;
                report(range, message, { hint: 'write `monitor: allow` for these hosts, or use another technique' });
            }
        }
    },
};

/** What a technique asks of the monitor of both hosts that libvirt has no call for. */
const atBothEnds: Readonly<Partial<Record<TechniqueKind, string>>> = { agile: 'to leave shared memory out of the stream' };
