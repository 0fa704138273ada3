import { wordsOf } from '../decide/wording.js';
import { type NotApart, notApart } from '../satisfy/apart.js';
import { outlookOf } from '../satisfy/destinations.js';
import { few } from '../satisfy/few.js';
import { evacuate, hostsFile } from './example.js';
import { placesLacking } from './lack.js';
import { lookAt, Looks } from './look-at.js';
import type { HostRule } from './rule.js';

/** Pairs of VM and host that are asked about in one check: a tenth of a second. */
const mostSteps = 20_000;

const looks = new Looks();

const hosts = (zone: string): string =>
    hostsFile({
        a: {
            says: ['maintenance: true'],
            vms: '{ name: web1, memory: 4 GiB, tags: [role=web] }, { name: web2, memory: 4 GiB, tags: [role=web] }',
        },
        b: { says: ['zone: east'] },
        c: { says: [`zone: ${zone}`] },
    });

const policy = (inventory: string): string =>
    evacuate({ inventory, to: 'hosts where host.zone == "east"\n  apart by vm.tag.role\n  prefer least loaded' });

export const apartCannotBeMet: HostRule = {
    id: 'MIG505',
    name: 'apart-cannot-be-met',
    severity: 'warning',
    needs: 'snapshot',
    summary: 'More VMs have to be kept apart than there are hosts that any of them may be on.',
    avoid: policy('hosts.yaml'),
    prefer: policy('more-hosts.yaml'),
    files: { 'hosts.yaml': hosts('west'), 'more-hosts.yaml': hosts('east') },
    rationale:
        'Of more VMs than hosts two share one, however they are placed: the drain stops there, with the rest of the host still to be ' +
        'emptied. While no host is in maintenance it is told only where it would be so of every host, wherever the other VMs were.',
    source: 'A drain that a pod disruption budget or anti-affinity blocks is a standing complaint of Kubernetes and KubeVirt users.',
    lacks: (input) =>
        placesLacking(
            'VMs that are to be apart',
            input.program.policies.filter(({ destination }) => destination.apart.length > 0),
            input,
        ),
    check: (input, report, leftOut) => {
        const { program, snapshot } = input;
        if (!snapshot) return;
        const left = lookAt({ policies: program.policies, steps: mostSteps, known: looks.at(input), report }, (policy, allowance, tell) => {
            for (const found of notApart(policy, outlookOf(snapshot), allowance)) {
                tell(found.range, textOf(found), {
                    hint: 'give them another host, loosen what excludes hosts, or keep fewer of them apart',
                });
            }
        });
        leftOut(left);
    },
};

function textOf({ by, key, vms, hosts, leaving, whichever, inTheWay }: NotApart): string {
    const names = few(vms.map((vm) => vm.name).sort());
    const alike = `${wordsOf(by)} is ${key}`;
    const where = hosts.length === 0 ? 'no host' : `${few(hosts)} only`;
    if (leaving === undefined) {
        const each = `${vms.length} VMs cannot be kept apart on ${hosts.length} ${hosts.length === 1 ? 'host' : 'hosts'}`;
        return `${each}: ${names} (${alike}) may be on ${where}`;
    }
    if (whichever)
        return `${names} (${alike}) cannot be kept apart when one of their hosts is emptied, whichever it is: without ${leaving} they may be on ${where}`;
    const others = inTheWay.map((vm) => `${vm.host} has ${vm.name}`);
    const why = others.length === 0 ? '' : ` (${few(others)})`;
    return `${names} (${alike}) cannot be kept apart when ${leaving} is emptied: ${vms.length === 1 ? 'it' : 'they'} may go to ${where}${why}`;
}
