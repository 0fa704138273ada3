/**
 * Snapshots and inventories for tests, with defaults: a test writes down only what it is about.
 * Not part of the package; nothing outside of tests imports it.
 */
import { bytes, bytesPerSecond, epochMs, gibibyte, milliseconds, ratio } from '@mig/language';
import type { Inventory, InventoryHost } from '../model/inventory.js';
import type { HostState, Snapshot, VmState } from '../model/snapshot.js';

/** Sunday, 2026-11-22 12:00:00 UTC. */
export const noon = epochMs(Date.UTC(2026, 10, 22, 12));

export const minute = 60_000;

export function host(name: string, facts: Partial<HostState> = {}): HostState {
    return {
        name,
        driver: 'libvirt',
        unreachable: undefined,
        uuid: `00000000-0000-4000-8000-${hex(name)}`,
        bootId: `boot-of-${name}`,
        zone: 'z1',
        rack: undefined,
        tags: {},
        maintenance: false,
        failing: undefined,
        versions: { libvirt: '11.3.0', qemu: '10.0.2' },
        cpus: 8,
        cpuUsed: undefined,
        memory: bytes(64 * gibibyte),
        memoryFree: bytes(48 * gibibyte),
        networks: ['br0'],
        migration: { network: 'mig', address: `${name}.mig`, listen: '0.0.0.0' },
        links: [{ network: 'mig', capacity: bytesPerSecond(125_000_000) }],
        monitor: 'allow',
        workers: 15,
        clockOffset: undefined,
        ...facts,
    };
}

export function vm(name: string, on: string, facts: Partial<VmState> = {}): VmState {
    const memory = facts.memory ?? bytes(4 * gibibyte);
    return {
        uuid: `11111111-1111-4111-8111-${hex(name)}`,
        name,
        host: on,
        state: 'running',
        persistent: true,
        autostart: false,
        memory,
        maxMemory: memory,
        vcpus: 2,
        tags: {},
        machine: 'pc-q35-10.0',
        disks: [],
        networks: ['br0'],
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
        workingSet: undefined,
        uptime: undefined,
        mover: undefined,
        ...facts,
    };
}

export function snapshot(hosts: readonly HostState[], vms: readonly VmState[], facts: Partial<Snapshot> = {}): Snapshot {
    return {
        kind: 'mig-snapshot',
        version: 1,
        takenAt: noon,
        timeZone: 'UTC',
        hosts,
        vms,
        compatibility: [],
        history: {},
        policies: [],
        unknown: [],
        ...facts,
    };
}

/** The inventory that hosts of a Snapshot would come from. */
export function inventoryOf(from: Snapshot, facts: Partial<Inventory> = {}): Inventory {
    return {
        kind: 'mig-inventory',
        version: 1,
        hosts: from.hosts.map(inventoryHost),
        networks: [],
        vmTags: {},
        sharedStorage: [],
        timeZone: undefined,
        ...facts,
    };
}

export const gib = (n: number) => bytes(n * gibibyte);
export const percent = (n: number) => ratio(n / 100);
export const ms = milliseconds;

/** Stands for SHA-256 where only sameness matters (FNV-1a, 32 bits). */
export function digest(text: string): string {
    let hash = 0x811c9dc5;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
    return hash.toString(16).padStart(8, '0');
}

function inventoryHost(state: HostState): InventoryHost {
    return {
        name: state.name,
        driver: state.driver,
        connection: { kind: 'local' },
        zone: state.zone,
        rack: state.rack,
        tags: state.tags,
        maintenance: state.maintenance,
        migration: state.migration,
        links: state.links,
        monitor: state.monitor,
        ...(state.provides && { provides: state.provides }),
        simulated: undefined,
    };
}

/** Twelve hexadecimal digits that differ for names that do. */
function hex(name: string): string {
    const digits = Array.from(name, (letter) => letter.charCodeAt(0).toString(16).padStart(2, '0')).join('');
    if (digits.length > 12) throw new Error(`the name ${name} is too long for a test's UUID`);
    return digits.padStart(12, '0');
}
