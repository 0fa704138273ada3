/** Moves after which the VM could not come back. */
import type { Policy } from '@mig/language';
import { verdictOf } from '../decide/constraints.js';
import type { HostName } from '../model/inventory.js';
import type { VmState } from '../model/snapshot.js';
import { isBelow } from '../versions/compare.js';
import { excluded, lastingPolicy, type Outlook, wantedVms } from './destinations.js';
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
    const lasting = lastingPolicy(policy);
    const found: OneWay[] = [];
    const seen = new Set<HostName>();
    for (const vm of wantedVms(policy, outlook)) {
        if (seen.has(vm.host)) continue;
        seen.add(vm.host);
        if (!allowance.take(outlook.now.hosts.size)) return found;
        const source = outlook.now.hosts.get(vm.host)?.state;
        for (const { state, vms } of outlook.now.hosts.values()) {
            const because = source && wayBack(source.name, state.name, vms, outlook, qemu);
            if (because && state.unreachable === undefined && excluded(vm, state.name, lasting, outlook) === undefined)
                found.push({ vm, from: vm.host, to: state.name, because });
        }
    }
    return found;
}

/** What stands against going from `there` to `here`. */
function wayBack(
    here: HostName,
    there: HostName,
    vms: readonly VmState[],
    { now }: Outlook,
    qemu: ReadonlyMap<HostName, string>,
): OneWay['because'] | undefined {
    const [old, young] = [qemu.get(here), qemu.get(there)];
    if (old !== undefined && young !== undefined && isBelow(series(old), series(young))) return { kind: 'qemu', here: old, there: young };
    for (const like of vms) {
        const verdict = verdictOf(now.snapshot, like.uuid, here);
        if (verdict?.compatible === false) return { kind: 'cpu', like, detail: verdict.detail };
    }
    return undefined;
}

/** Within a series (10.0.1, 10.0.2) migration goes both ways. */
const series = (version: string): string => /^\d+\.\d+/.exec(version)?.[0] ?? version;
