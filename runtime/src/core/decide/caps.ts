import { type BytesPerSecond, bytesPerSecond, type Cap, type Finding, formatQuantity, type Policy } from '@mig/language';
import type { HostName } from '../model/inventory.js';
import type { PlanCap, PlannedMove, PlanWindow } from '../model/plan.js';
import type { HostState, Snapshot, VmState } from '../model/snapshot.js';
import { windowsOf } from './policy-windows.js';
import { capsWhile } from './windows.js';

export interface PlannedCaps {
    readonly caps: readonly PlanCap[];
    readonly windows: readonly PlanWindow[];
    readonly findings: readonly Finding[];
}

/** What a move loads. */
export type Loaded = Pick<PlannedMove, 'source' | 'destination' | 'route'>;

/**
 * The caps of a policy as rates, and the windows in which others hold; `first` is the index that its first window gets
 * in the plan. A share is of the capacity of the link that carries the bytes, so it becomes one cap for each link or host
 * that the moves use. A cap holds for all moves of the plan together: where two policies cap the same thing, both hold.
 */
export function planCaps(
    policy: Policy,
    moves: readonly Loaded[],
    snapshot: Pick<Snapshot, 'hosts' | 'vms' | 'timeZone'>,
    first = 0,
): PlannedCaps {
    const rates = new Rates(moves, snapshot);
    const windows = windowsOf(policy, snapshot.timeZone, (caps) => caps.flatMap((cap) => rates.of(cap)));
    const caps = (policy.bandwidth?.caps ?? []).flatMap((cap) => {
        const replacedIn = windows.flatMap(({ replaces }, i) =>
            replaces.some((other) => other.scope === cap.scope && other.kind === cap.kind) ? [first + i] : [],
        );
        return rates.of(cap).map((one): PlanCap => (replacedIn.length === 0 ? one : { ...one, replacedIn }));
    });
    return { caps, windows: windows.map(({ window }) => window), findings: rates.findings };
}

/** The capacity of the link between a host and a network, where it is known. */
export function linkCapacity(host: HostState | undefined, network: string): BytesPerSecond | undefined {
    return host?.links.find((link) => link.network === network)?.capacity;
}

/** The most that one move may ever send, whatever window is open, from the caps alone and the links that it uses; undefined where nothing bounds it. */
export function ceilingOf(move: Loaded & Pick<PlannedMove, 'vm'>, plan: Pick<PlannedCaps, 'caps' | 'windows'>): BytesPerSecond | undefined {
    const times = [new Set<number>(), ...plan.windows.map((_, i) => new Set([i]))];
    const ceilings = times.map((open) => ceilingUnder(move, capsWhile(plan, open)));
    return ceilings.includes(undefined) ? undefined : bytesPerSecond(Math.max(...ceilings.map((rate) => rate ?? 0)));
}

function ceilingUnder(move: Loaded & Pick<PlannedMove, 'vm'>, caps: readonly PlanCap[]): BytesPerSecond | undefined {
    const names: Readonly<Record<PlanCap['scope'], readonly string[]>> = {
        total: [],
        link: [move.source, move.destination].map((host) => `${host}/${move.route.network}`),
        host: [move.source, move.destination],
        vm: [move.vm.name],
    };
    const rates = caps
        .filter((cap) => cap.kind === 'cap' && (cap.of === undefined || names[cap.scope].includes(cap.of)))
        .map((cap) => cap.rate);
    return rates.length === 0 ? undefined : bytesPerSecond(Math.min(...rates));
}

/** Caps as rates, and what stands against it. */
class Rates {
    readonly findings: Finding[] = [];
    readonly #hosts: ReadonlyMap<HostName, HostState>;
    readonly #vms: readonly VmState[];
    /** The links that the moves use, by name and in its order. */
    readonly #links: readonly { readonly name: string; readonly host: HostName; readonly network: string }[];

    constructor(moves: readonly Loaded[], { hosts, vms }: Pick<Snapshot, 'hosts' | 'vms'>) {
        this.#hosts = new Map(hosts.map((host) => [host.name, host]));
        this.#vms = vms;
        const ends = moves.flatMap(({ source, destination, route: { network } }) =>
            [source, destination].map((host) => ({ host, network })),
        );
        const links = new Map(ends.map((end) => [`${end.host}/${end.network}`, end]));
        this.#links = [...links].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, end]) => ({ name, ...end }));
    }

    of(cap: Cap): readonly PlanCap[] {
        const { limit, kind } = cap;
        if (limit.kind === 'unlimited') return [];
        if (kind === 'reserve') return this.#leftOver(cap);
        if (limit.kind === 'rate') return [asRate(cap, undefined, limit.rate)];
        if (cap.scope !== 'link' && cap.scope !== 'host') {
            this.findings.push(shareOfNothing(cap));
            return [];
        }
        return this.#links.flatMap(({ name, host, network }) => {
            const capacity = this.#capacity(cap, host, network);
            return capacity === undefined ? [] : [asRate(cap, cap.scope === 'link' ? name : host, capacity * limit.share)];
        });
    }

    /**
     * What a reserve leaves to migrations, in each direction of each link: the capacity without what is kept for the
     * guests. That is what the policy states, or what guests on this network were seen to send or receive if it is more.
     * A reserve per VM is kept for each guest that stands there.
     */
    #leftOver(cap: Cap): readonly PlanCap[] {
        const { limit } = cap;
        if (limit.kind === 'share' && cap.scope === 'vm') {
            this.findings.push(shareOfNothing(cap));
            return [];
        }
        return this.#links.flatMap(({ name, host, network }): PlanCap[] => {
            const capacity = this.#capacity(cap, host, network);
            if (capacity === undefined) return [];
            const guests = this.#vms.filter((vm) => vm.host === host);
            const each = limit.kind === 'share' ? capacity * limit.share : limit.kind === 'rate' ? limit.rate : 0;
            const stated = cap.scope === 'vm' ? each * guests.length : each;
            const measured = trafficOf(guests.filter((vm) => vm.networks.includes(network)));
            const kept = Math.min(capacity, Math.max(stated, measured));
            const why = measured > stated ? ', which they were seen to use' : '';
            const text = `${formatQuantity(kept, 'rate')} of ${name} kept for guests${why}, in each direction`;
            return [
                {
                    scope: 'link',
                    of: name,
                    rate: bytesPerSecond(capacity - kept),
                    kind: 'cap',
                    eachWay: true,
                    because: { text, range: cap.range },
                },
            ];
        });
    }

    #capacity(cap: Cap, host: HostName, network: string): BytesPerSecond | undefined {
        const capacity = linkCapacity(this.#hosts.get(host), network);
        if (capacity === undefined) this.findings.push(capacityUnknown(cap, host, network));
        return capacity;
    }
}

/** The busier direction; what was not measured counts for nothing. */
function trafficOf(guests: readonly VmState[]): number {
    const summed = (rate: (vm: VmState) => BytesPerSecond | undefined): number => guests.reduce((sum, vm) => sum + (rate(vm) ?? 0), 0);
    return Math.max(
        summed((vm) => vm.netTx),
        summed((vm) => vm.netRx),
    );
}

function asRate(cap: Cap, of: string | undefined, rate: number): PlanCap {
    const words = cap.kind === 'floor' ? 'at least' : 'at most';
    const scope = cap.scope === 'total' ? 'in all' : of === undefined ? `per ${cap.scope}` : `for ${cap.scope} ${of}`;
    const text = `${words} ${formatQuantity(rate, 'rate')} ${scope}`;
    return {
        scope: cap.scope,
        of,
        rate: bytesPerSecond(rate),
        kind: cap.kind === 'floor' ? 'floor' : 'cap',
        because: { text, range: cap.range },
    };
}

function capacityUnknown(cap: Cap, host: HostName, network: string): Finding {
    return {
        id: 'MIG301',
        severity: 'error',
        message: `${cap.kind === 'reserve' ? 'a reserve' : 'a share of a link'} needs its capacity, and that of ${host} to "${network}" is not known`,
        hint: `name it in the inventory, under links of ${host} or capacity of the network, or write a rate here`,
        range: cap.range,
        fixes: [],
    };
}

function shareOfNothing(cap: Cap): Finding {
    return {
        id: 'MIG302',
        severity: 'error',
        message: `a share ${cap.scope === 'vm' ? 'per vm' : 'in total'} is a share of nothing that is known`,
        hint: 'write a rate, or use per link, which is a share of the capacity of each link',
        range: cap.range,
        fixes: [],
    };
}
