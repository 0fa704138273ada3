import { formatQuantity } from '@mig/language';
import { wordsOf } from '../decide/wording.js';
import { outlookOf } from '../satisfy/destinations.js';
import { few } from '../satisfy/few.js';
import { type GangTooLarge, gangsTooLarge } from '../satisfy/gangs.js';
import { statedSnapshot } from '../satisfy/worlds.js';
import { evacuate, hostsFile } from './example.js';
import { placesLacking } from './lack.js';
import { lookAt, Looks } from './look-at.js';
import type { HostRule } from './rule.js';

/** Pairs of VM and host that are asked about in one check: some tens of milliseconds. */
const mostSteps = 8_000;

const looks = new Looks();

const policy = (gang: string): string => evacuate({ move: `vms on host together by ${gang} all or none` });

const shop = ['web', 'db', 'cache'].map((role) => `{ name: ${role}1, memory: 20 GiB, tags: [app=shop, role=${role}] }`);

export const gangLargerThanRoom: HostRule = {
    id: 'MIG512',
    name: 'gang-larger-than-room',
    severity: 'warning',
    needs: 'inventory',
    summary: 'A gang needs more memory than any host to which it may go has; or, where all start or none, than all of them together.',
    avoid: policy('vm.tag.app'),
    prefer: policy('vm.tag.role'),
    files: {
        'hosts.yaml': hostsFile({
            a: { says: ['maintenance: true'], vms: shop.join(', ') },
            b: { memory: '32 GiB' },
            c: { memory: '32 GiB' },
        }),
    },
    rationale:
        'A gang is moved together because its VMs talk to each other and share their pages. One that is larger than any host is torn ' +
        'apart by the move; with all or none it does not start while one of its VMs has no room, and the host is never emptied.',
    source: 'Gang migration (U. Deshpande et al., Live Gang Migration of Virtual Machines, HPDC 2011) moves VMs of one host to one host.',
    lacks: (input) =>
        placesLacking(
            'sizes of gangs',
            input.program.policies.filter(({ selection }) => selection.together),
            input,
        ),
    check: (input, report, leftOut) => {
        const { program, inventory, snapshot } = input;
        const seen = snapshot ?? (inventory && statedSnapshot(inventory));
        if (!seen) return;
        const left = lookAt({ policies: program.policies, steps: mostSteps, known: looks.at(input), report }, (policy, allowance, tell) => {
            const alone = policy.destination.with.map(({ by }) => wordsOf(by));
            // What has to be on one host is told of there (MIG509).
            const found = gangsTooLarge(policy, outlookOf(seen), allowance).filter(
                ({ by, why }) => why.kind !== 'no one host has room' || !alone.includes(wordsOf(by)),
            );
            const gang = found.find(({ why }) => why.kind !== 'no one host has room') ?? found[0];
            if (!gang) return;
            const others = found.filter((other) => other !== gang && other.why.kind === gang.why.kind).map(({ key }) => key);
            const more = others.length === 0 ? '' : `; so it is with ${few([...new Set(others)])}`;
            tell(gang.range, `${textOf(gang)}${more}`, { hint: hintOf(gang) });
        });
        leftOut(left);
    },
};

function textOf({ by, key, vms, needed, hosts, why }: GangTooLarge): string {
    const gang = `the gang of which ${wordsOf(by)} is ${key}`;
    const sizes = few(vms.map((vm) => `${vm.name} ${size(vm.memory)}`));
    const [largest] = hosts;
    const room = largest
        ? `the largest, ${largest.host}, would have ${size(largest.room)} if it were empty, and has ${size(largest.free)} free now`
        : 'there is none';
    switch (why.kind) {
        case 'no one host has room':
            return `${gang} (${sizes}) needs ${size(needed)}, more than any host to which it may go has to give: ${room}. It will be split`;
        case 'no room for all': {
            const total = hosts.reduce((sum, host) => sum + host.room, 0);
            const rooms = few(hosts.map((host) => `${host.host} ${size(host.room)}`));
            const against = needed > total ? `the hosts have ${size(total)} together` : 'its VMs cannot be spread over the hosts';
            return `${gang} (${sizes}) can never start, because all of it starts or none: it needs ${size(needed)}, and ${against} even if they were empty (${rooms}); ${room}`;
        }
        case 'one has no host': {
            const reasons = few(
                why.excluded.map(({ host, because }) => `not to ${host}: ${because.text}`),
                4,
            );
            return `${gang} (${sizes}) can never start, because all of it starts or none: no host could ever take ${why.vm.name}${reasons === '' ? '' : ` (${reasons})`}`;
        }
    }
}

function hintOf({ why }: GangTooLarge): string {
    if (why.kind === 'no one host has room') return 'make smaller gangs, or let them go to larger hosts';
    return 'make smaller gangs, let them go to more or larger hosts, or leave out all or none';
}

const size = (bytes: number): string => formatQuantity(bytes, 'size');
