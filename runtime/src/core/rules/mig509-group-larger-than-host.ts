import { formatQuantity } from '@mig/language';
import { wordsOf } from '../decide/wording.js';
import { outlookOf } from '../satisfy/destinations.js';
import { few } from '../satisfy/few.js';
import { alikeVms } from '../satisfy/gangs.js';
import { groupTooLarge } from '../satisfy/room.js';
import { evacuate, hostsFile } from './example.js';
import { placesLacking } from './lack.js';
import { lookAt, Looks } from './look-at.js';
import type { HostRule } from './rule.js';

/** Pairs of VM and host that are asked about in one check: a tenth of a second. */
const mostSteps = 20_000;

const looks = new Looks();

export const groupLargerThanHost: HostRule = {
    id: 'MIG509',
    name: 'group-larger-than-host',
    severity: 'warning',
    needs: 'snapshot',
    summary: 'VMs that have to be on one host need more memory than any host to which they may go has, even when it is empty.',
    avoid: evacuate({ to: 'hosts with same vm.tag.app' }),
    prefer: evacuate({ to: 'hosts apart by vm.tag.app' }),
    files: {
        'hosts.yaml': hostsFile({
            a: {
                says: ['maintenance: true'],
                vms: '{ name: db1, memory: 20 GiB, tags: [app=shop] }, { name: db2, memory: 20 GiB, tags: [app=shop] }',
            },
            b: { memory: '32 GiB' },
            c: { memory: '32 GiB' },
        }),
    },
    rationale:
        'The first of them finds a place, and binds the rest to it: they stay behind, apart from it, which is what was not to happen.',
    source: 'Affinity groups of CloudStack, oVirt and Nova: a server group that outgrows its host blocks evacuation.',
    lacks: (input) =>
        placesLacking(
            'VMs that are to be on one host',
            input.program.policies.filter(({ destination }) => destination.with.length > 0),
            input,
        ),
    check: (input, report, leftOut) => {
        const { program, snapshot } = input;
        if (!snapshot) return;
        const left = lookAt({ policies: program.policies, steps: mostSteps, known: looks.at(input), report }, (policy, allowance, tell) => {
            for (const { by, range } of policy.destination.with) {
                if (!allowance.take(snapshot.vms.length)) return;
                for (const { key, vms } of alikeVms(policy, by, outlookOf(snapshot))) {
                    const found = vms.length < 2 ? undefined : groupTooLarge(vms, key, policy, outlookOf(snapshot), allowance);
                    if (!found) continue;
                    const names = few(vms.map((vm) => vm.name));
                    tell(
                        range,
                        `${names} have to be on one host (${wordsOf(by)} is ${key}) and need ${size(found.needed)}; the largest that may take them, ${found.largest}, would have ${size(Math.max(0, found.room))}`,
                        { hint: 'let the group be split, or add a larger host' },
                    );
                    break;
                }
            }
        });
        leftOut(left);
    },
};

const size = (bytes: number): string => formatQuantity(bytes, 'size');
