import type { Policy } from '@mig/language';
import { scopeOf } from '../decide/attributes.js';
import { holds } from '../decide/evaluate.js';
import { isFalse, isTrue } from '../decide/truth.js';
import { worldOf } from '../decide/world.js';
import type { Snapshot, VmState } from '../model/snapshot.js';
import { Reach } from './reach.js';
import type { HostRuleInput } from './rule.js';

/**
 * The VMs that each policy may take as things are, whatever its trigger: those that none of its conditions rules out.
 * Says nothing without a Snapshot.
 */
export function takenBy(
    input: HostRuleInput,
): readonly { readonly policy: Policy; readonly vms: readonly VmState[]; readonly reach: Reach }[] {
    const { program, snapshot } = input;
    if (!snapshot) return [];
    const reach = new Reach(input);
    return program.policies.map((policy) => ({ policy, vms: vmsOf(policy, snapshot, reach), reach }));
}

function vmsOf(policy: Policy, snapshot: Snapshot, reach: Reach): readonly VmState[] {
    const world = worldOf(snapshot);
    const { from, where, except } = policy.selection;
    return snapshot.vms.filter((vm) => {
        if (vm.state === 'shut off' || vm.state === 'crashed') return false;
        if (from.kind === 'named-vms' && !from.vms.includes(vm.name)) return false;
        const scope = scopeOf(world, { vm });
        if (where.some((condition) => isFalse(holds(condition, scope)))) return false;
        if (except.some((condition) => isTrue(holds(condition, scope)))) return false;
        return reach.canLeave(vm.host, policy);
    });
}

/** Whether the policy itself says what becomes of VMs that cannot be moved. */
export function saysImmovable({ selection }: Policy): boolean {
    const { action, range } = selection.immovable;
    return (
        action !== 'skip' || range.start.line !== selection.range.start.line || range.start.character !== selection.range.start.character
    );
}
