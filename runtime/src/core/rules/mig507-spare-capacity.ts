import { formatQuantity, type Program, type SourceRange } from '@mig/language';
import { isActive, vmsOf } from '../decide/world.js';
import type { Inventory } from '../model/inventory.js';
import type { Snapshot } from '../model/snapshot.js';
import { counts, outlookOf } from '../satisfy/destinations.js';
import { few } from '../satisfy/few.js';
import { drainTooLarge, headroomTooLarge } from '../satisfy/room.js';
import { evacuate, hostsFile } from './example.js';
import { lookAt, Looks } from './look-at.js';
import type { HostReport, HostRule } from './rule.js';

/** Pairs of VM and host that are asked about in one check: a tenth of a second. */
const mostSteps = 20_000;

const looks = new Looks();

const policy = (share: string): string => evacuate({ to: `hosts keep ${share} of memory free` });

export const spareCapacity: HostRule = {
    id: 'MIG507',
    name: 'spare-capacity',
    severity: 'warning',
    needs: 'inventory',
    summary: 'What is to be kept free cannot be kept: by no host for any VM, by all hosts together, or with so few hosts as there are.',
    avoid: policy('56 GiB'),
    prefer: policy('8 GiB'),
    files: {
        'hosts.yaml': hostsFile({
            a: { says: ['maintenance: true'], vms: '{ name: db1, memory: 16 GiB }, { name: db2, memory: 16 GiB }' },
            b: {},
            c: { memory: '48 GiB' },
        }),
    },
    rationale:
        'Spare capacity is what the next failure is survived with. A policy that asks for more than there is moves nothing, or stops ' +
        'half-way through a drain; hosts that are drained, failing or silent are no spare capacity.',
    source: 'Admission control of N+1 clusters (VMware HA, Ganeti): capacity is reckoned without the hosts that may fail.',
    check: (input, report, leftOut) => {
        const { program, inventory, snapshot } = input;
        spareHosts(program, inventory, snapshot, report);
        if (!snapshot) return;
        const outlook = outlookOf(snapshot);
        const left = lookAt({ policies: program.policies, steps: mostSteps, known: looks.at(input), report }, (policy, allowance, tell) => {
            const never = headroomTooLarge(policy, outlook, allowance);
            const [best] = never?.hosts ?? [];
            if (never && best) {
                const what = `no host could keep that free with any VM that ${policy.name} moves, even if it were empty otherwise`;
                const smallest = `with ${never.vm.name}, the smallest (${size(never.vm.memory)}), ${best.host} ${best.because.text}`;
                tell(best.because.range ?? policy.destination.range, `${what}: ${smallest}`, {
                    hint: 'keep less free, or add larger hosts',
                });
                return;
            }
            const drain = drainTooLarge(policy, outlook, allowance);
            if (!drain) return;
            const { source, vms, needed, others } = drain;
            const room = others.reduce((sum, other) => sum + other.room, 0);
            const [keep] = policy.destination.keepFree;
            const rooms = few(others.map((other) => `${other.host} ${size(other.room)}`));
            tell(
                keep?.range ?? policy.destination.range,
                `${source} cannot be emptied now: its ${vms.length} VMs need ${size(needed)}, and the others have ${size(room)} to give${keep ? ' beyond what is kept free' : ''} (${rooms})`,
                { hint: 'free memory first, keep less free, or take fewer VMs' },
            );
        });
        leftOut(left);
    },
};

/** `keep n hosts of spare capacity`, against the hosts that there are, and what their VMs need. */
function spareHosts(program: Program, inventory: Inventory | undefined, snapshot: Snapshot | undefined, report: HostReport): void {
    const available = snapshot
        ? snapshot.hosts.filter((host) => counts(host) || host.unreachable !== undefined).map((host) => host.name)
        : (inventory?.hosts ?? []).filter((host) => !host.maintenance).map((host) => host.name);
    const demands: readonly { readonly count: number; readonly waves: number; readonly range: SourceRange }[] = [
        ...program.policies.flatMap(({ destination: { spareHosts } }) => (spareHosts ? [{ ...spareHosts, waves: 0 }] : [])),
        ...program.sequences.flatMap(({ spareHosts: count, spareRange, waves, range }) =>
            count === undefined ? [] : [{ count, waves, range: spareRange ?? range }],
        ),
    ];
    for (const { count, waves, range } of demands) {
        if (available.length > 0 && count + waves >= available.length) {
            const away = waves === 0 ? '' : ` while ${waves} ${waves === 1 ? 'is' : 'are'} worked on`;
            const left = `there ${available.length === 1 ? 'is' : 'are'} ${available.length}: ${few(available)}`;
            report(range, `${hosts(count)} of spare capacity cannot be kept${away}: none would be left for the VMs (${left})`, {
                hint: 'keep fewer hosts spare, or work on fewer at a time',
            });
        } else if (snapshot) {
            overfull(count + waves, snapshot, range, report);
        }
    }
}

/** Even if the smallest hosts are those to spare, the rest must hold all VMs. */
function overfull(count: number, snapshot: Snapshot, range: SourceRange, report: HostReport): void {
    if (snapshot.hosts.some((host) => host.unreachable !== undefined)) return;
    const { now, cleared } = outlookOf(snapshot);
    const rooms = snapshot.hosts
        .filter(counts)
        .map(({ name }) => cleared.hosts.get(name)?.state.memoryFree ?? 0)
        .sort((a, b) => b - a);
    const room = rooms.slice(0, rooms.length - count).reduce((sum: number, one) => sum + one, 0);
    const needed = vmsOf(now)
        .filter(isActive)
        .reduce((sum, vm) => sum + vm.memory, 0);
    if (needed <= room) return;
    report(
        range,
        `${hosts(count)} of spare capacity cannot be kept: the VMs need ${size(needed)}, and the other hosts have ${size(room)}`,
        {
            hint: 'add a host, or keep fewer spare',
        },
    );
}

const hosts = (count: number): string => `${count} ${count === 1 ? 'host' : 'hosts'}`;
const size = (bytes: number): string => formatQuantity(bytes, 'size');
