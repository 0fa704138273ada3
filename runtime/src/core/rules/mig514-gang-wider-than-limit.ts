import type { Expression, Limit, Policy } from '@mig/language';
import { wordsOf } from '../decide/wording.js';
import { isActive } from '../decide/world.js';
import type { VmState } from '../model/snapshot.js';
import { type Outlook, outlookOf } from '../satisfy/destinations.js';
import { few } from '../satisfy/few.js';
import { alikeVms, widestGang } from '../satisfy/gangs.js';
import { statedSnapshot } from '../satisfy/worlds.js';
import { evacuate, hostsFile } from './example.js';
import { placesLacking } from './lack.js';
import { lookAt, Looks } from './look-at.js';
import type { HostRule } from './rule.js';

/** VMs that are looked at in one check: a tenth of a second. */
const mostSteps = 20_000;

const looks = new Looks();

const policy = (most: number): string => evacuate({ move: 'vms on host together by vm.tag.app', more: `at most ${most} at once in all` });

const shop = ['web', 'db', 'cache'].map((role) => `{ name: ${role}1, memory: 2 GiB, tags: [app=shop] }`).join(', ');

export const gangWiderThanLimitSeen: HostRule = {
    id: 'MIG514',
    name: 'gang-wider-than-limit-seen',
    severity: 'warning',
    needs: 'inventory',
    summary: 'A gang has more VMs, as these are now, than may move at once.',
    avoid: policy(2),
    prefer: policy(3),
    files: { 'hosts.yaml': hostsFile({ a: { says: ['maintenance: true'], vms: shop }, b: {} }) },
    rationale:
        'A gang starts together: that is what it is for. Where fewer may move at once than it has members it starts in parts, and with ' +
        'all or none it never starts. Of a gang whose VMs are named the text alone tells it (MIG311).',
    source: 'Gang migration (U. Deshpande et al., Live Gang Migration of Virtual Machines, HPDC 2011): VMs that are moved at one time share their pages.',
    lacks: (input) => placesLacking('how wide gangs are', input.program.policies.filter(isLimitedGang), input),
    check: (input, report, leftOut) => {
        const { program, inventory, snapshot } = input;
        const seen = snapshot ?? (inventory && statedSnapshot(inventory));
        if (!seen) return;
        const left = lookAt({ policies: program.policies, steps: mostSteps, known: looks.at(input), report }, (one, allowance, tell) => {
            const { together } = one.selection;
            if (!together || !isLimitedGang(one) || fitsAnyGang(one, together.by, outlookOf(seen))) return;
            if (!allowance.take(seen.vms.length)) return;
            const wide = alikeVms(one, together.by, outlookOf(seen)).flatMap(({ key, vms }) => {
                const broken = tooWide(vms.filter(isActive), one);
                return broken ? [{ key, ...broken }] : [];
            });
            const [gang] = wide;
            if (!gang) return;
            const others = wide.length === 1 ? '' : `; so it is with ${few(wide.slice(1).map(({ key }) => key))}`;
            const starts = together.allOrNone ? 'it can never start, because all of it starts or none' : 'it starts in parts';
            const names = few(gang.vms.map(({ name }) => name));
            tell(
                together.range,
                `the gang of which ${wordsOf(together.by)} is ${gang.key} has ${gang.vms.length} VMs${gang.where} (${names}), and at most ${gang.most} may move at once ${gang.scope}: ${starts}${others}`,
                { hint: `allow ${gang.vms.length} at once, or make smaller gangs` },
            );
        });
        leftOut(left);
    },
};

/** Named VMs that are one gang are a matter of the text (MIG311). */
function isLimitedGang({ selection, concurrency: { inAll, perHost, outOfHost } }: Policy): boolean {
    return selection.together !== undefined && selection.from.kind !== 'named-vms' && (inAll ?? perHost ?? outOfHost) !== undefined;
}

/** Whether the widest gang that there could be is within every limit. */
function fitsAnyGang({ concurrency: { inAll, perHost, outOfHost } }: Policy, by: Expression, outlook: Outlook): boolean {
    const onHost = Math.min(perHost?.count ?? Infinity, outOfHost?.count ?? Infinity);
    if (inAll !== undefined && widestGang(by, 'in all', outlook) > inAll.count) return false;
    return onHost === Infinity || widestGang(by, 'on a host', outlook) <= onHost;
}

interface TooWide {
    readonly vms: readonly VmState[];
    readonly most: number;
    readonly scope: string;
    readonly where: string;
}

/** Which limit a gang is wider than: in all, or on the host that most of it leaves. */
function tooWide(vms: readonly VmState[], { concurrency: { inAll, perHost, outOfHost } }: Policy): TooWide | undefined {
    const isOver = (limit: Limit | undefined, of: readonly VmState[]): limit is Limit => limit !== undefined && of.length > limit.count;
    if (isOver(inAll, vms)) return { vms, most: inAll.count, scope: 'in all', where: '' };
    for (const host of new Set(vms.map((vm) => vm.host))) {
        const there = vms.filter((vm) => vm.host === host);
        const where = ` on ${host}`;
        if (isOver(perHost, there)) return { vms: there, most: perHost.count, scope: 'per host', where };
        if (isOver(outOfHost, there)) return { vms: there, most: outOfHost.count, scope: 'out of a host', where };
    }
    return undefined;
}
