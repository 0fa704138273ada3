/** A simulated cluster with a plan for it, in virtual time: for tests alone. A test writes down only what it is about. */
import { bytes, bytesPerSecond, mebibyte, milliseconds, type EpochMs, type Milliseconds } from '@mig/language';
import type { Inventory, InventoryHost, MigrationEvent, Plan, PlannedMove, SimulatedVm } from '../../core/index.js';
import { createSimulatedHypervisors, type SimulatedHypervisors } from '../hypervisor/simulated/hypervisors.js';
import { simulatedUuid } from '../hypervisor/simulated/cluster.js';
import type { Fault } from '../hypervisor/simulated/faults.js';
import { openJournal, type Journal } from '../journal/journal.js';
import { VirtualClock, type Clock } from './clock.js';
import type { ExecutePorts } from './ports.js';

export const mib = (n: number) => bytes(n * mebibyte);
export const mibPerSecond = (n: number) => bytesPerSecond(n * mebibyte);

export function guest(name: string, facts: Partial<SimulatedVm> = {}): SimulatedVm {
    return {
        name,
        memory: mib(256),
        vcpus: 1,
        dirtyRate: mibPerSecond(2),
        hotSet: mib(8),
        zeroShare: 0.5,
        tags: { app: 'web' },
        persistent: true,
        autostart: false,
        ...facts,
    };
}

/** Hosts on one network of 1 Gbit/s, with the guests that stand on them. */
export function inventoryOf(hosts: Readonly<Record<string, readonly SimulatedVm[]>>): Inventory {
    const network = 'migration';
    return {
        kind: 'mig-inventory',
        version: 1,
        hosts: Object.entries(hosts).map(
            ([name, vms]): InventoryHost => ({
                name,
                driver: 'simulated',
                connection: { kind: 'local' },
                zone: 'z1',
                rack: undefined,
                tags: {},
                maintenance: false,
                migration: { network, address: `${name}.${network}`, listen: '0.0.0.0' },
                links: [{ network, capacity: bytesPerSecond(125_000_000) }],
                monitor: 'allow',
                simulated: { memory: mib(16 * 1024), cpus: 8, vms },
            }),
        ),
        networks: [{ name: network, capacity: bytesPerSecond(125_000_000) }],
        vmTags: {},
        sharedStorage: [],
        timeZone: undefined,
    };
}

export function moveOf(vm: SimulatedVm, source: string, destination: string, facts: Partial<PlannedMove> = {}): PlannedMove {
    return {
        id: vm.name,
        instance: 0,
        vm: { uuid: simulatedUuid(vm.name), name: vm.name },
        source,
        destination,
        memory: vm.memory,
        technique: { kind: 'precopy', name: undefined, options: { downtimeMs: 300 }, ladder: [] },
        route: { network: 'migration', address: `${destination}.migration`, listen: '0.0.0.0' },
        after: [],
        gang: undefined,
        persistent: vm.persistent,
        autostart: vm.autostart,
        because: [],
        actions: [],
        ...facts,
    };
}

export function planOf(moves: readonly PlannedMove[], facts: Partial<Plan> = {}): Plan {
    return {
        kind: 'mig-plan',
        version: 1,
        id: 'sha256:0',
        madeAt: 0 as EpochMs,
        snapshotTakenAt: 0 as EpochMs,
        sources: [],
        instances: [{ policy: 'evacuate', bound: undefined, priority: 0, because: [], requires: [], onFailure: undefined, passedOver: [] }],
        moves,
        unplaced: [],
        limits: { perHost: undefined, intoHost: undefined, outOfHost: undefined, perLink: undefined, inAll: undefined, workers: {} },
        caps: [],
        assumptions: [],
        warnings: [],
        ...facts,
    };
}

export interface Bench {
    readonly inventory: Inventory;
    readonly clock: VirtualClock;
    readonly hypervisors: SimulatedHypervisors;
    readonly journal: Journal;
    readonly ports: ExecutePorts;
}

/** Everything that a run needs; the journal is in memory unless a path is given. */
export function bench(
    inventory: Inventory,
    facts: { readonly faults?: readonly Fault[]; readonly journal?: string; readonly clock?: (clock: VirtualClock) => Clock } = {},
): Bench {
    const clock = new VirtualClock();
    const hypervisors = createSimulatedHypervisors(inventory, { clock, seed: 1, faults: facts.faults ?? [] });
    const journal = openJournal({ path: facts.journal ?? ':memory:' });
    const ports: ExecutePorts = {
        inventory,
        hypervisors,
        journal,
        clock: facts.clock?.(clock) ?? clock,
        run: 'r1',
        controller: 'me@here',
        simulated: true,
    };
    return { inventory, clock, hypervisors, journal, ports };
}

export async function all(events: AsyncIterable<MigrationEvent>): Promise<MigrationEvent[]> {
    const list: MigrationEvent[] = [];
    for await (const event of events) list.push(event);
    return list;
}

/** The clock of a client that can die: after that none of its sleeps ever ends. */
export class MortalClock implements Clock {
    readonly #clock: Clock;
    #dead = false;

    constructor(clock: Clock) {
        this.#clock = clock;
    }
    die(): void {
        this.#dead = true;
    }
    now(): EpochMs {
        return this.#clock.now();
    }
    async sleep(duration: Milliseconds, signal?: AbortSignal): Promise<void> {
        await this.#clock.sleep(milliseconds(duration), signal);
        if (this.#dead) await new Promise(() => undefined);
    }
}

export const eventsOf = <T extends MigrationEvent['type']>(
    events: readonly MigrationEvent[],
    type: T,
): readonly Extract<MigrationEvent, { type: T }>[] => events.filter((e): e is Extract<MigrationEvent, { type: T }> => e.type === type);

/** Runs a plan until its client is killed by a fault, and forgets the dead client. Fails where the run ends by itself. */
export async function untilKilled(
    made: (clock: (clock: VirtualClock) => Clock) => Bench,
    run: (ports: ExecutePorts) => AsyncIterable<MigrationEvent>,
): Promise<Bench> {
    let mortal: MortalClock | undefined;
    const bench = made((clock) => (mortal = new MortalClock(clock)));
    const killed = new Promise<'killed'>((resolve) =>
        bench.hypervisors.cluster.whenClientDies(() => {
            mortal?.die();
            resolve('killed');
        }),
    );
    const ended = await Promise.race([killed, all(run(bench.ports))]);
    if (ended !== 'killed') throw new Error(`the client was not killed: ${JSON.stringify(ended.at(-1))}`);
    return bench;
}

/** What another client of the same cluster and journal needs. */
export function nextClient({ ports, hypervisors, clock }: Bench): ExecutePorts {
    return { ...ports, hypervisors: hypervisors.anotherClient(), clock };
}
