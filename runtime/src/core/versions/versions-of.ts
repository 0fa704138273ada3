import type { Inventory } from '../model/inventory.js';
import type { Snapshot } from '../model/snapshot.js';

export type Part = 'libvirt' | 'qemu';

/** How each is called in messages. */
export const partNames: Readonly<Record<Part, string>> = { libvirt: 'libvirt', qemu: 'QEMU' };

/** The oldest versions that the runtime is made and tested for. */
export const floors: Readonly<Record<Part, string>> = { libvirt: '9.0.0', qemu: '7.2.0' };

/** A host, and what runs on it as far as that is known. */
export interface HostVersions {
    readonly host: string;
    readonly versions: Readonly<Record<Part, string | undefined>>;
}

/**
 * What each host was seen to run, else what the inventory states. A simulated host has no version of its own: only what the
 * inventory states counts for it.
 */
export function versionsOf(inventory: Inventory | undefined, snapshot: Snapshot | undefined): readonly HostVersions[] {
    const stated = new Map(inventory?.hosts.map((host) => [host.name, host]));
    const seen = new Map(snapshot?.hosts.map((host) => [host.name, host]));
    return [...new Set([...stated.keys(), ...seen.keys()])].map((host) => {
        const state = seen.get(host);
        const driver = state?.driver ?? stated.get(host)?.driver;
        const version = (part: Part): string | undefined =>
            (driver === 'simulated' ? undefined : state?.versions[part]) ?? stated.get(host)?.versions?.[part];
        return { host, versions: { libvirt: version('libvirt'), qemu: version('qemu') } };
    });
}
