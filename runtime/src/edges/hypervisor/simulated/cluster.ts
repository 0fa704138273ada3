/**
 * A cluster of simulated hosts: what stands on them outlives every connection, as on real ones. The rules of what a host
 * does when a connection closes are those found by killing clients of libvirt:
 * an incoming copy that was not finished is removed; a source that is sending goes on running; a source that has sent
 * stays paused.
 */
import { bytes, bytesPerSecond, mebibyte, type BytesPerSecond, type EpochMs } from '@mig/language';
import {
    linkCapacities,
    type HostName,
    type Inventory,
    type InventoryHost,
    type SimulatedVm,
    type VmName,
    type VmUuid,
} from '../../../core/index.js';
import type { Presence } from '../port.js';
import type { Clock } from '../../execute/clock.js';
import { wireEfficiency } from '../../../core/simulate/assumptions.js';
import { Faults, type Fault } from './faults.js';
import type { PrecopyState } from '../../../core/simulate/copy-state.js';
import type { IncomingMemory } from './incoming.js';
import { Wire } from './wire.js';

export interface SimulatedOptions {
    readonly clock: Clock;
    /** The same seed gives the same times. */
    readonly seed: number;
    readonly faults?: readonly Fault[];
}

type Present = Extract<Presence, { kind: 'present' }>;

/** One host's copy of a VM. */
export interface Copy {
    readonly uuid: VmUuid;
    readonly vm: SimulatedVm;
    state: Present['state'];
    reason: Present['reason'];
    job: Present['job'];
    persistent: boolean;
    autostart: boolean;
    mover: Present['mover'];
    /** Of a copy that is being received. */
    incoming?: IncomingMemory;
    /** Of a copy whose post-copy broke while it was sent: what was left of it. */
    broken?: PrecopyState;
}

/** A guest's memory on its way between two hosts. */
export interface Migration {
    readonly vm: VmName;
    readonly hosts: readonly HostName[];
    /** The way between them breaks, or one of them goes down. */
    breaksOff(why: string): void;
}

export interface SimulatedMachine {
    readonly inventory: InventoryHost;
    boot: number;
    /** The controller can reach it. */
    reachable: boolean;
    readonly copies: Map<VmUuid, Copy>;
    readonly locks: Map<VmUuid, { readonly run: string; readonly controller: string }>;
}

/** Something with an end to it: a connection of a client to a host. */
export interface Closable {
    readonly host: HostName;
    close(why: string): void;
}

export class SimulatedCluster {
    readonly clock: Clock;
    readonly seed: number;
    readonly faults: Faults;
    readonly wire: Wire;
    readonly machines: ReadonlyMap<HostName, SimulatedMachine>;
    /** What is on its way now. */
    readonly migrations = new Set<Migration>();
    readonly #connections = new Set<Closable>();
    readonly #deaths: (() => void)[] = [];
    /** Counts the deaths of clients: what belongs to an earlier one is never answered. */
    #generation = 0;

    constructor(inventory: Inventory, options: SimulatedOptions) {
        this.clock = options.clock;
        this.seed = options.seed;
        this.faults = new Faults(options.faults ?? []);
        this.machines = new Map(inventory.hosts.map((host) => [host.name, machineOf(host)]));
        this.wire = new Wire(options.clock, directed(linkCapacities(inventory)));
    }

    get generation(): number {
        return this.#generation;
    }

    machine(host: HostName): SimulatedMachine {
        const found = this.machines.get(host);
        if (!found) throw new Error(`no simulated host ${host}`);
        return found;
    }

    /** Hosts on which the guest's CPUs run: never more than one, or a VM is torn in two. */
    runningOn(uuid: VmUuid): readonly HostName[] {
        return [...this.machines].filter(([, m]) => m.copies.get(uuid)?.state === 'running').map(([name]) => name);
    }

    bootId(host: HostName): string {
        return `${host}-boot-${this.machine(host).boot}`;
    }

    now(): EpochMs {
        return this.clock.now();
    }

    opened(connection: Closable): void {
        this.#connections.add(connection);
    }
    closed(connection: Closable): void {
        this.#connections.delete(connection);
    }

    /** Told when the client dies; it is past being told anything itself. */
    whenClientDies(act: () => void): void {
        this.#deaths.push(act);
    }

    /** The client dies: its connections close, and whatever it waits for is never answered. */
    killClient(): void {
        this.#generation += 1;
        this.#closeAll(() => true, 'the client died');
        for (const act of this.#deaths.splice(0)) act();
    }

    /** Cuts the way between the controller and a host, or mends it. The hosts still reach each other. */
    partition(host: HostName, cut: boolean): void {
        this.machine(host).reachable = !cut;
        if (cut) this.#closeAll((c) => c.host === host, `the way to ${host} is cut`);
    }

    /** The way between the two hosts of a move breaks. The controller still reaches both. */
    breakMigration(vm: VmName | undefined): void {
        for (const migration of [...this.migrations]) if (migration.vm === vm) migration.breaksOff('the way between the hosts broke');
    }

    /** All that was running there is gone; what is defined there is shut off, or started again where it starts with its host. */
    reboot(host: HostName): void {
        const machine = this.machine(host);
        machine.boot += 1;
        for (const [uuid, copy] of machine.copies) {
            if (copy.persistent) Object.assign(copy, { state: copy.autostart ? 'running' : 'shut off', reason: 'other', job: 'none' });
            else machine.copies.delete(uuid);
        }
        for (const migration of [...this.migrations]) if (migration.hosts.includes(host)) migration.breaksOff(`${host} went down`);
        this.#closeAll((c) => c.host === host, `${host} went down`);
        machine.locks.clear();
    }

    #closeAll(which: (connection: Closable) => boolean, why: string): void {
        for (const connection of [...this.#connections]) if (which(connection)) connection.close(why);
    }
}

/** The same name gives the same UUID in every simulated cluster. */
export function simulatedUuid(name: string): VmUuid {
    let hex = '';
    for (let part = 0; hex.length < 32; part += 1) {
        let h = 0x811c9dc5 ^ part; // FNV-1a
        for (const letter of `${part}/${name}`) h = Math.imul(h ^ (letter.codePointAt(0) ?? 0), 0x01000193);
        hex += (h >>> 0).toString(16).padStart(8, '0');
    }
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A host that the inventory does not describe further. */
const plainHost = { memory: bytes(64 * 1024 * mebibyte), cpus: 16, vms: [] };

export const simulatedHostOf = (host: InventoryHost): NonNullable<InventoryHost['simulated']> => host.simulated ?? plainHost;

function machineOf(inventory: InventoryHost): SimulatedMachine {
    const copies = simulatedHostOf(inventory).vms.map((vm): [VmUuid, Copy] => {
        const uuid = simulatedUuid(vm.name);
        return [
            uuid,
            {
                uuid,
                vm,
                state: 'running',
                reason: 'other',
                job: 'none',
                persistent: vm.persistent,
                autostart: vm.autostart,
                mover: undefined,
            },
        ];
    });
    return { inventory, boot: 1, reachable: true, copies: new Map(copies), locks: new Map() };
}

function directed(capacities: Readonly<Record<string, BytesPerSecond>>): ReadonlyMap<string, BytesPerSecond> {
    return new Map(
        Object.entries(capacities).flatMap(([link, capacity]) =>
            ['out', 'in'].map((way): [string, BytesPerSecond] => [`${link} ${way}`, bytesPerSecond(capacity * wireEfficiency)]),
        ),
    );
}
