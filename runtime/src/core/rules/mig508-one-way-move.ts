import { outlookOf } from '../satisfy/destinations.js';
import { few } from '../satisfy/few.js';
import { type OneWay, oneWayMoves } from '../satisfy/one-way.js';
import { versionsOf } from '../versions/versions-of.js';
import { evacuate, hostsFile } from './example.js';
import { placesLacking } from './lack.js';
import { lookAt, Looks } from './look-at.js';
import type { HostRule } from './rule.js';

/** Pairs of VM and host that are asked about in one check: a tenth of a second. */
const mostSteps = 20_000;

const looks = new Looks();

const hosts = (qemu: string): string =>
    hostsFile({
        a: { says: ['maintenance: true', 'versions: { libvirt: 11.3.0, qemu: 9.2.0 }'], vms: '{ name: web1, memory: 4 GiB }' },
        b: { says: [`versions: { libvirt: 11.3.0, qemu: ${qemu} }`] },
    });

export const oneWayMove: HostRule = {
    id: 'MIG508',
    name: 'one-way-move',
    severity: 'info',
    needs: 'snapshot',
    summary: 'A policy may move VMs to a host from which they may not be able to come back: its QEMU or its CPU is newer.',
    avoid: evacuate(),
    prefer: evacuate({ inventory: 'alike.yaml' }),
    files: { 'hosts.yaml': hosts('10.0.2'), 'alike.yaml': hosts('9.2.1') },
    rationale:
        'QEMU takes guests of older versions; to an older one it goes back only as far as device models did not change, and a guest ' +
        'that is restarted on a newer CPU may use what the old host lacks. After the first host of a rolling upgrade there is no way back.',
    source: 'QEMU, docs/devel/migration: compatibility is kept from older to newer versions of the same machine type.',
    lacks: (input) => placesLacking('moves without a way back', input.program.policies, input),
    check: (input, report, leftOut) => {
        const { program, inventory, snapshot } = input;
        if (!snapshot) return;
        const known = versionsOf(inventory, snapshot).flatMap(({ host, versions: { qemu: version } }) =>
            version === undefined ? [] : [[host, version] as const],
        );
        const qemu = new Map(known);
        const left = lookAt({ policies: program.policies, steps: mostSteps, known: looks.at(input), report }, (policy, allowance, tell) => {
            const all = oneWayMoves(policy, outlookOf(snapshot), qemu, allowance);
            const [first] = all;
            if (!first) return;
            const others = all.slice(1).map(({ from, to }) => `${from} to ${to}`);
            const more = others.length === 0 ? '' : `; so it is from ${few(others)}`;
            tell(
                policy.destination.range,
                `${policy.name} may move ${first.vm.name} from ${first.from} to ${first.to}, and it may not come back: ${why(first)}${more}`,
                {
                    hint: 'if VMs are to return, constrain the destination, such as host.qemu <= source.qemu',
                },
            );
        });
        leftOut(left);
    },
};

function why({ from, to, because }: OneWay): string {
    if (because.kind === 'qemu') return `${to} runs QEMU ${because.there}, and ${from} the older ${because.here}`;
    return `the CPU of ${because.like.name}, which runs on ${to}, does not suit ${from} (${because.detail})`;
}
