import type { InventoryHost } from '../model/inventory.js';

type Driven = Pick<InventoryHost, 'name' | 'driver'>;

const words: Readonly<Record<Exclude<InventoryHost['driver'], 'simulated'>, string>> = { libvirt: 'libvirt', qemu: 'plain QEMU' };

/** Why no VM moves between these two, to stand after the destination's name; undefined where their drivers do not keep it from that. */
export function driversApart(source: Driven, destination: Driven): string | undefined {
    if (source.driver === 'simulated' || destination.driver === 'simulated' || source.driver === destination.driver) return undefined;
    return `runs its VMs by ${words[destination.driver]}, and ${source.name} by ${words[source.driver]}: a running VM cannot change between them`;
}
