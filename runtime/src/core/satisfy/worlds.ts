import { bytes, bytesPerSecond, epochMs, gibibyte, ratio } from '@mig/language';
import { simulatedDisks } from '../inventory/simulated-disks.js';
import type { HostName, Inventory, InventoryHost, SimulatedVm } from '../model/inventory.js';
import { type HostState, type Snapshot, snapshotVersion, type VmState } from '../model/snapshot.js';

/** Any time will do where nothing was observed; a fixed one makes findings the same each time. A Monday, at midnight. */
const someTime = epochMs(Date.UTC(2024, 0, 1));

/** The hosts of an inventory, empty: with the sizes that simulated ones have, and usual ones where nothing is known. */
export function inventorySnapshot(inventory: Inventory): Snapshot {
    const known = snapshots.get(inventory);
    if (known) return known;
    const made = snapshotOf(inventory);
    snapshots.set(inventory, made);
    return made;
}

const snapshots = new WeakMap<Inventory, Snapshot>();

function snapshotOf(inventory: Inventory): Snapshot {
    return {
        kind: 'mig-snapshot',
        version: snapshotVersion,
        takenAt: someTime,
        timeZone: inventory.timeZone ?? 'UTC',
        hosts: inventory.hosts.map(emptyHost),
        vms: [],
        compatibility: [],
        history: {},
        policies: [],
        unknown: [],
    };
}

/** With the VMs that the inventory gives to simulated hosts; undefined where it gives none. */
export function statedSnapshot(inventory: Inventory): Snapshot | undefined {
    if (stated.has(inventory)) return stated.get(inventory);
    const made = inventory.hosts.some(({ simulated }) => simulated && simulated.vms.length > 0) ? withStatedVms(inventory) : undefined;
    stated.set(inventory, made);
    return made;
}

const stated = new WeakMap<Inventory, Snapshot | undefined>();

function withStatedVms(inventory: Inventory): Snapshot {
    const empty = inventorySnapshot(inventory);
    const vms = inventory.hosts.flatMap(({ name, simulated }) => (simulated?.vms ?? []).map((vm) => statedVm(vm, name, inventory)));
    const used = new Map<HostName, number>();
    for (const vm of vms) used.set(vm.host, (used.get(vm.host) ?? 0) + vm.memory);
    return {
        ...empty,
        hosts: empty.hosts.map((host) => ({ ...host, cpuUsed: undefined, memoryFree: bytes(host.memory - (used.get(host.name) ?? 0)) })),
        vms,
    };
}

function statedVm(simulated: SimulatedVm, on: HostName, inventory: Inventory): VmState {
    const { name, memory, vcpus, tags, persistent, autostart, dirtyRate, hotSet } = simulated;
    return {
        ...plainVm(name, on, memory),
        persistent,
        autostart,
        vcpus,
        tags: Object.keys(tags).length > 0 ? tags : (inventory.vmTags[name] ?? {}),
        dirtyRate,
        workingSet: hotSet,
        disks: simulatedDisks(simulated),
    };
}

const usualMemory = bytes(64 * gibibyte);
const usualCpus = 16;

function emptyHost(host: InventoryHost): HostState {
    const { name, driver, zone, rack, tags, maintenance, migration, links, monitor, simulated, versions } = host;
    const memory = simulated?.memory ?? usualMemory;
    return {
        name,
        driver,
        unreachable: undefined,
        uuid: '',
        bootId: '',
        zone,
        rack,
        tags,
        maintenance,
        failing: undefined,
        versions: { libvirt: versions?.libvirt, qemu: versions?.qemu },
        cpus: simulated?.cpus ?? usualCpus,
        cpuUsed: ratio(0),
        memory,
        memoryFree: memory,
        networks: [],
        // Whether it has one is a question of its own.
        migration: migration ?? { network: '', address: name, listen: name },
        links,
        monitor,
        workers: 1,
        clockOffset: undefined,
    };
}

/** How VMs are laid out over hosts for a trial: how full and how busy each host is, as shares. */
export interface Layout {
    readonly name: string;
    readonly load: (index: number, hosts: number) => number;
}

/** One host is hot, and the others nearly idle; or the load goes up from host to host. */
export const layouts: readonly Layout[] = [
    { name: 'one host hot', load: (index) => (index === 0 ? 0.95 : 0.1) },
    { name: 'a slope', load: (index, hosts) => 0.1 + (0.7 * index) / Math.max(1, hosts - 1) },
];

const vmsPerHost = 5;
const usualNet = bytesPerSecond(1_000_000);

/**
 * A small cluster on which policies are tried: the first few hosts of the inventory that are up, each with five VMs that
 * together make its load, and every figure known. VMs bear the tags that are given.
 */
export function trial(inventory: Inventory, layout: Layout, mostHosts: number, tags: VmState['tags']): Snapshot {
    const empty = inventorySnapshot(inventory);
    const hosts = empty.hosts.filter((host) => !host.maintenance).slice(0, mostHosts);
    const loads = hosts.map((host, index) => ({ host, load: layout.load(index, hosts.length) }));
    return {
        ...empty,
        hosts: loads.map(({ host, load }) => {
            const vms = vmsOfHost(host, load, tags);
            const used = vms.reduce((sum, vm) => sum + vm.memory, 0);
            return { ...host, memoryFree: bytes(host.memory - used), cpuUsed: ratio(load) };
        }),
        vms: loads.flatMap(({ host, load }) => vmsOfHost(host, load, tags)),
    };
}

function vmsOfHost(host: HostState, load: number, tags: VmState['tags']): readonly VmState[] {
    return Array.from({ length: vmsPerHost }, (_, index) =>
        trialVm(`vm-${host.name}-${index + 1}`, host.name, host, load / vmsPerHost, tags),
    );
}

function trialVm(name: string, on: HostName, host: HostState, share: number, tags: VmState['tags']): VmState {
    return {
        ...plainVm(name, on, bytes(Math.floor(host.memory * share))),
        tags,
        // Of its one vCPU: the host's share of load.
        cpu: ratio(share * host.cpus),
        netTx: usualNet,
        netRx: usualNet,
        diskRead: bytesPerSecond(0),
        diskWrite: bytesPerSecond(0),
        dirtyRate: usualNet,
    };
}

/** Running, with one vCPU and no figures. */
function plainVm(name: string, on: HostName, memory: VmState['memory']): VmState {
    return {
        uuid: name,
        name,
        host: on,
        state: 'running',
        persistent: true,
        autostart: false,
        memory,
        maxMemory: memory,
        vcpus: 1,
        tags: {},
        machine: '',
        disks: [],
        networks: [],
        passthrough: [],
        hasSnapshots: false,
        activeJob: undefined,
        blockers: [],
        cpu: undefined,
        netTx: undefined,
        netRx: undefined,
        diskRead: undefined,
        diskWrite: undefined,
        dirtyRate: undefined,
        workingSet: memory,
        uptime: undefined,
        mover: undefined,
    };
}
