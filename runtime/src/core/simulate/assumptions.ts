/** What a simulation takes for granted: how long the phases take, and what is assumed of guests and links that were not measured. */
import {
    bytes,
    bytesPerSecond,
    formatQuantity,
    mebibyte,
    milliseconds,
    ratio,
    type Bytes,
    type BytesPerSecond,
    type Milliseconds,
} from '@mig/language';
import { usualDowntimeLimit } from '../decide/move-technique.js';
import type { Inventory } from '../model/inventory.js';
import type { MovePhase, Plan, PlannedMove } from '../model/plan.js';
import type { Snapshot, VmName, VmState, VmUuid } from '../model/snapshot.js';
import type { GuestMemory } from './copy-state.js';

/**
 * What each phase takes beside the sending of memory. `prepare` starts a hypervisor process at the destination.
 * Measured in the lab: six 256 MiB guests moved one by one over 1 Gbit/s take about 1 s each above the time on the wire,
 * of which 0.3 to 0.5 s go into the start of the process.
 */
export const phaseOverhead: Readonly<Record<MovePhase, Milliseconds>> = {
    begin: milliseconds(40),
    prepare: milliseconds(450),
    perform: milliseconds(60),
    finish: milliseconds(60),
    confirm: milliseconds(120),
};

/** From the end of the stream to the guest's first instruction at the destination. Measured in the lab with guests that hardly write. */
export const resumeTime = milliseconds(12);

/** What a guest takes to stop its services and to go off when it is asked to: a small Linux does in some seconds. */
export const guestShutdown = milliseconds(10_000);

/** The progress of a move that sends is looked at this often, as an executor does. */
export const lookEvery = milliseconds(400);

/** Each phase varies by this share around its figure, evenly. */
export const phaseSpread = 0.2;

/** What is left of a link's capacity for content: 1448 of 1538 bytes of a full Ethernet frame carry it (TCP with time stamps). */
export const wireEfficiency = 1448 / 1538;

/** QEMU's own downtime limit where the policy says nothing. */
export const defaultDowntimeLimit = usualDowntimeLimit;

/** A move that its ladder never ends is given up after this time, as the executor does. */
export const defaultTimeBound = milliseconds(3_600_000);

/** Where neither inventory nor snapshot knows. */
export const assumedLinkCapacity = bytesPerSecond(1e9 / 8);
export const assumedDirtyRate = bytesPerSecond(10 * mebibyte);
/** A hot set that was not measured is what its dirty rate writes in this time. */
export const assumedHotSetAge = milliseconds(10_000);

/** Figures of guests that a snapshot has no place for, or that are to be played instead of the measured ones. */
export type GuestFigures = Readonly<Record<VmUuid, Partial<GuestMemory>>>;

/** Figures of the guests of simulated hosts, as the inventory states them: nothing of them has to be assumed. */
export function figuresOf(plan: Plan, inventory: Inventory): GuestFigures {
    const stated = new Map(inventory.hosts.flatMap((host) => host.simulated?.vms.map((vm) => [vm.name, vm] as const) ?? []));
    return Object.fromEntries(
        plan.moves.flatMap(({ vm }) => {
            const known = stated.get(vm.name);
            if (!known) return [];
            return [[vm.uuid, { dirtyRate: known.dirtyRate, hotSet: known.hotSet, zeroShare: ratio(known.zeroShare) }]];
        }),
    );
}

export interface Assumed<T> {
    readonly value: T;
    /** One sentence for each thing that was assumed. */
    readonly notes: readonly string[];
}

/** The memory of every guest that the plan moves. */
export function guestMemories(plan: Plan, snapshot: Snapshot, figures: GuestFigures): Assumed<ReadonlyMap<PlannedMove, GuestMemory>> {
    const states = new Map(snapshot.vms.map((vm) => [vm.uuid, vm]));
    const value = new Map<PlannedMove, GuestMemory>();
    const guessed: VmName[] = [];
    for (const move of plan.moves) {
        const known = figures[move.vm.uuid] ?? {};
        const state = states.get(move.vm.uuid);
        if (state?.dirtyRate === undefined && known.dirtyRate === undefined) guessed.push(move.vm.name);
        value.set(move, guestMemory(move.memory, state, move.driver === 'qemu' ? { ...known, ownDiskCaps: true } : known));
    }
    const notes =
        guessed.length === 0
            ? []
            : [`the dirty rate of ${someOf(guessed)} is not known: ${formatQuantity(assumedDirtyRate, 'rate')} assumed`];
    return { value, notes };
}

/** What each direction of each link carries, by `host/network out` and `host/network in`. */
export function directedLinks(plan: Plan, snapshot: Snapshot): Assumed<ReadonlyMap<string, BytesPerSecond>> {
    const value = new Map<string, BytesPerSecond>();
    const guessed = new Set<string>();
    const known = new Map(snapshot.hosts.flatMap((host) => host.links.map((link) => [`${host.name}/${link.network}`, link.capacity])));
    for (const move of plan.moves) {
        for (const [host, way] of [[move.source, 'out'] as const, [move.destination, 'in'] as const]) {
            const link = `${host}/${move.route.network}`;
            const capacity = known.get(link);
            if (capacity === undefined) guessed.add(link);
            value.set(`${link} ${way}`, bytesPerSecond((capacity ?? assumedLinkCapacity) * wireEfficiency));
        }
    }
    const notes =
        guessed.size === 0
            ? []
            : [`the capacity of ${someOf([...guessed])} is not known: ${formatQuantity(assumedLinkCapacity, 'rate')} assumed`];
    return { value, notes };
}

/** The directed links that a move loads. */
export const linksUsed = (move: PlannedMove): readonly string[] => [
    `${move.source}/${move.route.network} out`,
    `${move.destination}/${move.route.network} in`,
];

/** A guest's memory by what was measured of it, and by what is assumed of the rest. */
export function guestMemory(size: Bytes, state: VmState | undefined, known: Partial<GuestMemory> = {}): GuestMemory {
    const dirtyRate = known.dirtyRate ?? state?.dirtyRate ?? assumedDirtyRate;
    const hotSet = known.hotSet ?? state?.workingSet ?? (dirtyRate * assumedHotSetAge) / 1000;
    return {
        size,
        zeroShare: known.zeroShare ?? ratio(0),
        dirtyRate,
        hotSet: bytes(Math.min(hotSet, size)),
        pattern: known.pattern ?? 'cyclic',
        coldRate: known.coldRate ?? bytesPerSecond(0),
        disks: known.disks ?? state?.disks ?? [],
        diskWrite: known.diskWrite ?? state?.diskWrite ?? bytesPerSecond(0),
        ...(known.ownDiskCaps && { ownDiskCaps: true }),
    };
}

function someOf(names: readonly string[]): string {
    const shown = names.slice(0, 3).join(', ');
    return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
