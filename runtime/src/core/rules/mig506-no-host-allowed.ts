import type { Policy } from '@mig/language';
import { contradiction } from '../satisfy/contradiction.js';
import { outlookOf } from '../satisfy/destinations.js';
import { few } from '../satisfy/few.js';
import { closedPlaces, strandedVms, type Stranded } from '../satisfy/stranded.js';
import { evacuate, hostsFile } from './example.js';
import { lookAt, Looks } from './look-at.js';
import type { HostReport, HostRule } from './rule.js';

/** Pairs of VM and host that are asked about in one check: a tenth of a second. */
const mostSteps = 20_000;

const looks = new Looks();

export const noHostAllowed: HostRule = {
    id: 'MIG506',
    name: 'no-host-allowed',
    severity: 'warning',
    needs: 'inventory',
    summary:
        'The constraints exclude every host, for all VMs of a policy or of a host that it empties; which one excludes which host is told.',
    avoid: evacuate({ to: 'hosts where host.zone == source.zone and host.tag.disk == "ssd"' }),
    prefer: evacuate({ to: 'hosts where host.zone == source.zone' }),
    files: {
        'hosts.yaml': hostsFile({
            a: { says: ['zone: east', 'tags: [disk=ssd]', 'maintenance: true'], vms: '{ name: web1, memory: 4 GiB }' },
            b: { says: ['zone: east', 'tags: [disk=hdd]'] },
            c: { says: ['zone: west', 'tags: [disk=ssd]'] },
        }),
    },
    rationale:
        'A drain whose VMs may go nowhere moves nothing, and that is found out in the maintenance window. Every host counts as ' +
        'up and empty here, so that no waiting helps: a constraint, or the inventory, has to change.',
    source: 'Kubernetes and Nova report "0/5 nodes are available" with a count for each reason; operators ask for the hosts by name.',
    check: (input, report, leftOut) => {
        const { program, inventory, snapshot } = input;
        const byPlace = (policy: Policy, say: HostReport): void => {
            const closed = inventory && closedPlaces(policy, inventory);
            if (closed && !contradicts(policy))
                tell(`no host of the inventory may be a destination of ${policy.name}`, closed, policy, say);
        };
        const left = lookAt(
            { policies: program.policies, steps: mostSteps, known: looks.at(input), report },
            (policy, allowance, say) => {
                const stranded = snapshot && strandedVms(policy, outlookOf(snapshot), allowance);
                if (!stranded) {
                    byPlace(policy, say);
                    return;
                }
                if (contradicts(policy)) return;
                const { vm, sources, all } = stranded;
                const which = all ? `any VM that ${policy.name} moves` : `any VM of ${few(sources)}, which ${policy.name} is to empty`;
                tell(`no host could ever take ${which}. ${vm.name} on ${vm.host}`, stranded.excluded, policy, say);
            },
            (policy) => byPlace(policy, report),
        );
        leftOut(left);
    },
};

/** Of constraints that no host at all could meet, MIG510 speaks. */
const contradicts = ({ destination }: Policy): boolean =>
    contradiction(destination.where.map((condition) => ({ condition, mustBe: 'true' }))) !== undefined;

function tell(what: string, excluded: Stranded['excluded'], policy: Policy, report: HostReport): void {
    const reasons = excluded.map(({ host, because }) => `not to ${host}: ${because.text}`);
    const most = 5;
    const shown = reasons.length <= most ? reasons : [...reasons.slice(0, most), `and ${reasons.length - most} more hosts`];
    const range = excluded.find(({ because }) => because.range)?.because.range ?? policy.destination.range;
    report(range, `${what}: ${shown.join('; ')}`, { hint: 'loosen the constraint, or give the policy a host that meets it' });
}
