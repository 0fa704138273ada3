/** Plans for tests of what plays or shows them, with defaults: a test writes down only what it is about. Nothing outside of tests imports it. */
import { bytesPerSecond, type Requirement, type Rung, type SourceRange } from '@mig/language';
import type { Plan, PlanCap, PlanLimits, PlannedMove, PolicyInstance } from '../model/plan.js';
import type { Snapshot, VmState } from '../model/snapshot.js';
import { noon } from '../testing/builders.js';

/** A place in the first source; lines and columns as a person counts them. */
export function at(line: number, column = 1, length = 1): SourceRange {
    return { source: 0, start: { line: line - 1, character: column - 1 }, end: { line: line - 1, character: column - 1 + length } };
}

export const unlimited: PlanLimits = {
    perHost: undefined,
    intoHost: undefined,
    outOfHost: undefined,
    perLink: undefined,
    inAll: undefined,
    workers: {},
};

export function instance(facts: Partial<PolicyInstance> = {}): PolicyInstance {
    return {
        policy: 'evacuate',
        bound: { kind: 'host', name: 'a' },
        priority: 10,
        because: [{ text: 'a is in maintenance', range: at(14, 8, 22) }],
        requires: [],
        onFailure: undefined,
        passedOver: [],
        ...facts,
    };
}

export function move(vm: VmState, destination: string, facts: Partial<PlannedMove> = {}): PlannedMove {
    return {
        id: `${vm.name}-move`,
        instance: 0,
        vm: { uuid: vm.uuid, name: vm.name },
        source: vm.host,
        destination,
        memory: vm.memory,
        technique: { kind: 'precopy', name: 'patient', options: { downtimeMs: 300 }, ladder: [] },
        route: { network: 'mig', address: `${destination}.mig`, listen: '0.0.0.0' },
        after: [],
        gang: undefined,
        persistent: vm.persistent,
        autostart: vm.autostart,
        because: [],
        actions: [],
        ...facts,
    };
}

export function planOf(from: Snapshot, moves: readonly PlannedMove[], facts: Partial<Plan> = {}): Plan {
    return {
        kind: 'mig-plan',
        version: 1,
        id: 'sha256:5f2b8c1e0a9d',
        madeAt: noon,
        snapshotTakenAt: from.takenAt,
        sources: [{ uri: 'file:///etc/mig/evacuate.mig' }],
        instances: [instance()],
        moves,
        unplaced: [],
        limits: unlimited,
        caps: [],
        assumptions: [],
        warnings: [],
        ...facts,
    };
}

export function cap(scope: PlanCap['scope'], mbitPerSecond: number, of?: string): PlanCap {
    return { scope, of, rate: bytesPerSecond((mbitPerSecond * 1e6) / 8), kind: 'cap', because: { text: 'bandwidth', range: at(24, 3, 9) } };
}

export function rung(on: Rung['on'], action: Rung['action']): Rung {
    return { on, and: undefined, action, range: at(8, 3, 18) };
}

export function promise(metric: Requirement['metric'], value: number): Requirement {
    return { metric, operator: '<=', value, hard: false, range: at(26, 11, 18) };
}
