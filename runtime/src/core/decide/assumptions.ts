import { bytes, type Policy } from '@mig/language';
import type { HostName } from '../model/inventory.js';
import type { Assumption, PlannedMove, PlannedShutdown } from '../model/plan.js';
import type { Snapshot } from '../model/snapshot.js';
import type { World } from './world.js';

/** What must still be so when the plan is carried out: what stale.ts holds against a new Snapshot. */
export function assumptionsOf(
    moves: readonly PlannedMove[],
    shutdowns: readonly PlannedShutdown[],
    policyOf: (move: PlannedMove) => Policy | undefined,
    world: World,
): readonly Assumption[] {
    const states = new Map(world.snapshot.vms.map((vm) => [`${vm.uuid} ${vm.host}`, vm]));
    const ofVms = moves.flatMap((move): readonly Assumption[] => {
        const { uuid, name } = move.vm;
        const state = states.get(`${uuid} ${move.source}`)?.state ?? 'running';
        return [
            { kind: 'vm-on-host', vm: uuid, name, host: move.source },
            { kind: 'vm-memory', vm: uuid, name, memory: move.memory },
            { kind: 'vm-state', vm: uuid, name, state },
        ];
    });
    const ofStopped = shutdowns.flatMap(({ vm: { uuid, name }, host }): readonly Assumption[] => [
        { kind: 'vm-on-host', vm: uuid, name, host },
        { kind: 'vm-state', vm: uuid, name, state: states.get(`${uuid} ${host}`)?.state ?? 'running' },
    ]);
    const touched = [
        ...new Set([...moves.flatMap((move) => [move.source, move.destination]), ...shutdowns.map(({ host }) => host)]),
    ].sort();
    const ofHosts = touched.flatMap((host): readonly Assumption[] => {
        const state = world.hosts.get(host)?.state;
        if (!state) return [];
        return [
            { kind: 'host-boot', host, bootId: state.bootId },
            { kind: 'host-maintenance', host, maintenance: state.maintenance },
        ];
    });
    return [...ofVms, ...ofStopped, ...ofHosts, ...memoryNeeded(moves, policyOf, world)];
}

/** The memory that each destination must have free before the first move for all of them to fit, with what must stay free. */
function memoryNeeded(
    moves: readonly PlannedMove[],
    policyOf: (move: PlannedMove) => Policy | undefined,
    world: World,
): readonly Assumption[] {
    const byId = new Map(moves.map((move) => [move.id, move]));
    const arrived = new Map<HostName, number>();
    const needed = new Map<HostName, number>();
    for (const move of moves) {
        const host = world.hosts.get(move.destination)?.state;
        if (!host) continue;
        const coming = (arrived.get(host.name) ?? 0) + move.memory;
        arrived.set(host.name, coming);
        const gone = move.after.map((id) => byId.get(id)).reduce((sum, m) => sum + (m?.source === host.name ? m.memory : 0), 0);
        const need = coming - gone + memoryKept(policyOf(move), host.memory);
        needed.set(host.name, Math.max(needed.get(host.name) ?? 0, need));
    }
    return [...needed]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([host, least]) => ({ kind: 'host-memory', host, atLeastFree: bytes(Math.ceil(least)) }));
}

/** Memory of a host that a policy keeps free. */
function memoryKept(policy: Policy | undefined, memory: number): number {
    const amounts = (policy?.destination.keepFree ?? []).filter((keep) => keep.resource === 'memory').map(({ amount }) => amount);
    return Math.max(0, ...amounts.map((amount) => (amount.kind === 'share' ? amount.share * memory : amount.bytes)));
}

/** The VM of an assumption in a Snapshot, wherever it is. */
export function vmIn(snapshot: Snapshot, uuid: string, host?: HostName): Snapshot['vms'][number] | undefined {
    const all = snapshot.vms.filter((vm) => vm.uuid === uuid);
    return all.find((vm) => vm.host === host) ?? all[0];
}
