import type { SimulatedVm } from '../model/inventory.js';
import type { VmDisk } from '../model/snapshot.js';

/** The disks of a simulated VM, as a look at its host would show them: images of its own in one directory. */
export const simulatedDisks = ({ name, disks = [] }: Pick<SimulatedVm, 'name' | 'disks'>): readonly VmDisk[] =>
    disks.map(({ target, size, used = size, shared }) => ({
        target,
        path: `/var/lib/vms/${name}-${target}.raw`,
        kind: 'file',
        format: 'raw',
        shared,
        readOnly: false,
        capacity: size,
        allocated: used,
    }));
