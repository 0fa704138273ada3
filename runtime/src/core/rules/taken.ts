import type { Policy } from '@mig/language';
import { scopeOf } from '../decide/attributes.js';
import { holds } from '../decide/evaluate.js';
import { isFalse, isTrue } from '../decide/truth.js';
import { isActive, type World, worldOf } from '../decide/world.js';
import type { VmState } from '../model/snapshot.js';
import { type Reach, reachOf } from './reach.js';
import type { HostRuleInput } from './rule.js';

/**
 * Of the VMs that something stands against, those that each policy may take as things are, whatever its trigger: none of
 * its conditions rules them out. Policies that take none are left out. Says nothing without a Snapshot.
 */
export function takenBy(input: HostRuleInput, against: (vm: VmState) => boolean): readonly Taken[] {
    const { program, snapshot } = input;
    const suspects = snapshot?.vms.filter((vm) => isActive(vm) && against(vm)) ?? [];
    if (!snapshot || suspects.length === 0) return [];
    const reach = reachOf(input);
    const world = worldOf(snapshot);
    return program.policies.flatMap((policy) => {
        const vms = suspects.filter((vm) => mayTake(policy, vm, world, reach));
        return vms.length === 0 ? [] : [{ policy, vms, reach }];
    });
}

interface Taken {
    readonly policy: Policy;
    /** At least one. */
    readonly vms: readonly VmState[];
    readonly reach: Reach;
}

function mayTake(policy: Policy, vm: VmState, world: World, reach: Reach): boolean {
    const { from, where, except } = policy.selection;
    if (from.kind === 'named-vms' && !from.vms.includes(vm.name)) return false;
    if (!reach.canLeave(vm.host, policy)) return false;
    const scope = scopeOf(world, { vm });
    return !where.some((condition) => isFalse(holds(condition, scope))) && !except.some((condition) => isTrue(holds(condition, scope)));
}

/** Whether the policy itself says what becomes of VMs that cannot be moved. */
export function saysImmovable({ selection }: Policy): boolean {
    const { action, range } = selection.immovable;
    return (
        action !== 'skip' || range.start.line !== selection.range.start.line || range.start.character !== selection.range.start.character
    );
}
