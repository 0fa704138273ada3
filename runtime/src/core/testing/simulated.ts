/** What simulated hosts of an inventory would be seen to be, for tests that do not open sessions. Not part of the package. */
import { bytes } from '@mig/language';
import { simulatedDisks } from '../inventory/simulated-disks.js';
import type { Inventory, InventoryHost, SimulatedVm } from '../model/inventory.js';
import type { HostState, Snapshot, VmState } from '../model/snapshot.js';
import { gib, host, snapshot, vm } from './builders.js';

export function simulatedSnapshot(inventory: Inventory): Snapshot {
    const hosts = inventory.hosts.map(hostState);
    const vms = inventory.hosts.flatMap((on) => (on.simulated?.vms ?? []).map((each) => ({ each, on: on.name }))).map(vmState);
    return snapshot(hosts, vms, { timeZone: inventory.timeZone ?? 'UTC' });
}

function hostState(from: InventoryHost, nth: number): HostState {
    const memory = from.simulated?.memory ?? gib(64);
    const used = (from.simulated?.vms ?? []).reduce((sum, each) => sum + each.memory, 0);
    const { name, zone, rack, tags, maintenance, migration, links, monitor, provides } = from;
    // A UUID of the builders is made from a name, which has to be short.
    return host(`h${nth}`, {
        name,
        driver: 'simulated',
        zone,
        rack,
        tags,
        maintenance,
        migration,
        links,
        monitor,
        memory,
        memoryFree: bytes(memory - used),
        cpus: from.simulated?.cpus ?? 16,
        networks: [],
        ...(provides && { provides }),
    });
}

function vmState({ each, on }: { readonly each: SimulatedVm; readonly on: string }, nth: number): VmState {
    const { name, memory, vcpus, tags, persistent, autostart, dirtyRate, hotSet } = each;
    const facts = {
        name,
        memory,
        vcpus,
        tags,
        persistent,
        autostart,
        dirtyRate,
        workingSet: hotSet,
        machine: 'simulated',
        networks: [],
        disks: simulatedDisks(each),
    };
    return vm(`v${nth}`, on, facts);
}
