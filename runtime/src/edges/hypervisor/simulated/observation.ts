import { bytes, milliseconds, ratio } from '@mig/language';
import type { HostState, VmState } from '../../../core/index.js';
import { simulatedDisks } from '../../../core/inventory/simulated-disks.js';
import type { HostObservation, ObservationNeeds } from '../port.js';
import { simulatedHostOf, type Copy, type SimulatedCluster, type SimulatedMachine } from './cluster.js';

/** A simulated vCPU is busy for this share of the time. */
const busyShare = 0.1;
/** As a libvirt daemon with its default of 20 workers, less a margin. */
const workers = 15;

/** What a simulated host says of itself and its VMs. */
export function observationOf(cluster: SimulatedCluster, machine: SimulatedMachine, needs: ObservationNeeds): HostObservation {
    const copies = [...machine.copies.values()];
    return {
        host: hostState(cluster, machine, needs, copies),
        vms: copies.map((copy) => vmState(copy, machine.inventory.name, needs)),
        cpus: {},
        unknown:
            needs.statistics || needs.twoSamples
                ? [{ about: `traffic and disks of the VMs on ${machine.inventory.name}`, why: 'simulated guests have none' }]
                : [],
    };
}

function hostState(
    cluster: SimulatedCluster,
    { inventory }: SimulatedMachine,
    needs: ObservationNeeds,
    copies: readonly Copy[],
): HostState {
    const { memory, cpus } = simulatedHostOf(inventory);
    const active = copies.filter((c) => c.state !== 'shut off');
    const vcpus = active.reduce((sum, c) => sum + c.vm.vcpus, 0);
    return {
        name: inventory.name,
        driver: 'simulated',
        unreachable: undefined,
        uuid: `simulated-${inventory.name}`,
        bootId: cluster.bootId(inventory.name),
        zone: inventory.zone,
        rack: inventory.rack,
        tags: inventory.tags,
        maintenance: inventory.maintenance,
        failing: undefined,
        versions: { libvirt: inventory.versions?.libvirt ?? '11.3.0', qemu: inventory.versions?.qemu ?? '10.0.2' },
        cpus,
        cpuUsed: needs.twoSamples ? ratio(Math.min(1, (vcpus * busyShare) / cpus)) : undefined,
        memory,
        memoryFree: bytes(memory - active.reduce((sum, c) => sum + c.vm.memory, 0)),
        networks: [],
        migration: inventory.migration,
        links: inventory.links,
        monitor: inventory.monitor,
        workers,
        clockOffset: { ms: milliseconds(0), uncertaintyMs: milliseconds(0) },
        ...(inventory.provides && { provides: inventory.provides }),
    };
}

function vmState(copy: Copy, host: string, needs: ObservationNeeds): VmState {
    const { vm } = copy;
    return {
        uuid: copy.uuid,
        name: vm.name,
        host,
        state: copy.state === 'other' ? 'crashed' : copy.state,
        persistent: copy.persistent,
        autostart: copy.autostart,
        memory: vm.memory,
        maxMemory: vm.memory,
        vcpus: vm.vcpus,
        tags: vm.tags,
        machine: 'simulated',
        disks: simulatedDisks(vm),
        networks: [],
        passthrough: [],
        hasSnapshots: false,
        activeJob: copy.job === 'none' ? undefined : 'a migration',
        blockers: [],
        cpu: needs.twoSamples ? ratio(busyShare) : undefined,
        netTx: undefined,
        netRx: undefined,
        diskRead: undefined,
        diskWrite: undefined,
        dirtyRate: needs.dirtyRate ? vm.dirtyRate : undefined,
        workingSet: needs.statistics ? vm.hotSet : undefined,
        uptime: undefined,
        mover: copy.mover?.run,
    };
}
