/** Moves after which the VM could not come back. */
import type { Policy } from '@mig/language';
import type { HostName } from '../model/inventory.js';
import type { VmState } from '../model/snapshot.js';
import { isBelow } from '../versions/compare.js';
import { lastingPolicy, mayTake, type Outlook, wantedOf } from './destinations.js';
import type { Allowance } from './few.js';

export interface OneWay {
    readonly vm: VmState;
    readonly from: HostName;
    readonly to: HostName;
    readonly because:
        | { readonly kind: 'qemu'; readonly here: string; readonly there: string }
        /** A VM of the destination, whose CPU does not suit the source. */
        | { readonly kind: 'cpu'; readonly like: VmState; readonly detail: string };
}

/** The first such move for each pair of hosts; `qemu` are the versions that are known. One VM of each host stands for all of them. */
export function oneWayMoves(
    policy: Policy,
    outlook: Outlook,
    qemu: ReadonlyMap<HostName, string>,
    allowance: Allowance,
): readonly OneWay[] {
    const hosts = [...outlook.now.hosts.values()];
    const suits = unsuited(outlook);
    // Among hosts that are alike every way is a way back.
    if (new Set([...qemu.values()].map(series)).size < 2 && suits.size === 0) return [];
    const lasting = lastingPolicy(policy);
    return hosts.flatMap(({ state: source }): readonly OneWay[] => {
        const newer = hosts.flatMap(({ state: there }) => {
            const because = there.unreachable === undefined ? wayBack(source.name, there.name, qemu, suits) : undefined;
            return because ? [{ to: there.name, because }] : [];
        });
        const vm = newer.length === 0 ? undefined : wantedOf(source.name, policy, outlook).next().value;
        if (!vm || !allowance.take(newer.length)) return [];
        return newer
            .filter(({ to }) => mayTake(vm, to, lasting, outlook))
            .map(({ to, because }) => ({ vm, from: source.name, to, because }));
    });
}

/** What stands against going from `there` to `here`. */
function wayBack(
    here: HostName,
    there: HostName,
    qemu: ReadonlyMap<HostName, string>,
    suits: ReturnType<typeof unsuited>,
): OneWay['because'] | undefined {
    const [old, young] = [qemu.get(here), qemu.get(there)];
    if (old !== undefined && young !== undefined && isBelow(series(old), series(young))) return { kind: 'qemu', here: old, there: young };
    return suits.get(`${there} ${here}`);
}

/** By the host of a VM and the host that its CPU does not suit. */
function unsuited({ now }: Outlook): ReadonlyMap<string, OneWay['because']> {
    const against = now.snapshot.compatibility.filter((verdict) => !verdict.compatible);
    if (against.length === 0) return new Map();
    const vms = new Map(now.snapshot.vms.map((vm) => [vm.uuid, vm]));
    return new Map(
        against.flatMap(({ vm, host, detail }) => {
            const like = vms.get(vm);
            return like ? [[`${like.host} ${host}`, { kind: 'cpu', like, detail }] as const] : [];
        }),
    );
}

/** Within a series (10.0.1, 10.0.2) migration goes both ways. */
const series = (version: string): string => /^\d+\.\d+/.exec(version)?.[0] ?? version;
