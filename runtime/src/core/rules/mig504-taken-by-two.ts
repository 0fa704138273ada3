import { claims, type Moment } from '../satisfy/claims.js';
import { Allowance } from '../satisfy/few.js';
import { evacuate, hostsFile } from './example.js';
import { placesLacking } from './lack.js';
import type { HostRule } from './rule.js';

/** Policies and VMs that are judged in one check: a tenth of a second. */
const mostSteps = 10_000;

const policies = (priority: string): string =>
    `${evacuate()}\n${evacuate({ inventory: 'none', move: 'vms on host where vm.tag.role == "db"' }).replace('policy evacuate', `policy databases${priority}`)}`;

export const takenByTwo: HostRule = {
    id: 'MIG504',
    name: 'taken-by-two',
    severity: 'warning',
    needs: 'snapshot',
    summary: 'Two policies of equal priority take the same VM at the same time.',
    avoid: policies(''),
    prefer: policies(' priority 10'),
    files: {
        'hosts.yaml': hostsFile({
            a: {
                says: ['maintenance: true'],
                vms: '{ name: web1, memory: 4 GiB, tags: [role=web] }, { name: db1, memory: 4 GiB, tags: [role=db] }',
            },
            b: {},
        }),
    },
    rationale:
        'A VM belongs to the first policy that takes it. Between equals that is the one which stands first in the file, so that ' +
        'moving a paragraph changes which technique and which promises a database is moved with.',
    source: 'Clusters with several balancers report the same: which rule a VM follows hangs on the order in which they were added.',
    lacks: (input) => {
        const triggered = input.program.policies.filter(({ trigger }) => trigger);
        const counts = new Map<number, number>();
        for (const { priority } of triggered) counts.set(priority, (counts.get(priority) ?? 0) + 1);
        const equals = triggered.filter(({ priority }) => (counts.get(priority) ?? 0) > 1);
        return placesLacking('VMs that two policies take', equals, input);
    },
    check: ({ program, snapshot }, report, leftOut) => {
        if (!snapshot) return;
        const { found, left } = claims(program, snapshot, new Allowance(mostSteps));
        leftOut(left);
        for (const { vm, first, other, moment } of found) {
            const both = `${first.name} and ${other.name} both have priority ${first.priority}`;
            report(
                other.nameRange,
                `${both} and both take ${vm.name} of ${vm.host} ${wordsOf(moment, snapshot.timeZone)}; ${first.name} has it, because it stands first`,
                {
                    hint: 'give the one that is to have it a higher priority, or except its VMs from the other',
                },
            );
        }
    },
};

function wordsOf(moment: Moment, timeZone: string): string {
    switch (moment.kind) {
        case 'now':
            return 'as things are now';
        case 'at':
            // By which week it would be says nothing more: the next time that both schedules meet was looked for.
            return `on ${clock(moment.at, timeZone)} (${timeZone})`;
        case 'maintenance':
            return `once ${moment.host} is in maintenance`;
    }
}

/** `Mon 22:00`. */
function clock(at: number, timeZone: string): string {
    const format = new Intl.DateTimeFormat('en-GB', { timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hour12: false });
    return format.format(at).replace(',', '');
}
