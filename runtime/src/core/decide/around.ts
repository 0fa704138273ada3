/** What is run around a move: hooks before and after it, and checks that the guest is there. Resolved, so that a plan says who runs what where. */
import {
    type Finding,
    type Hook,
    milliseconds,
    nearest,
    type OnFailure,
    type Policy,
    type Program,
    type SourceRange,
    type Verify,
} from '@mig/language';
import type { HostName, Inventory, MigrationAddress } from '../model/inventory.js';
import type { PlannedCheck, PlannedHook, PlannedMove, PlannedProbe, Reason } from '../model/plan.js';
import type { VmState } from '../model/snapshot.js';
import { closedPort } from './blackout.js';

/** A hook that does not say how long it may take. */
export const hookWithin = milliseconds(60_000);
/** A check that does not say how long the guest has to answer. */
export const checkWithin = milliseconds(10_000);

/** The tag that says where a VM is reached; without it, its name has to be known where the check is made. */
export const addressTag = 'address';

/** Hooks and checks of one move. */
export function around(
    policy: Pick<Policy, 'hooks' | 'verify' | 'onFailure' | 'requires'>,
    vm: Pick<VmState, 'name' | 'tags'>,
    hosts: Pick<PlannedMove, 'source' | 'destination'>,
): Pick<PlannedMove, 'hooks' | 'checks' | 'probe'> {
    const hooks = policy.hooks.map((hook) => plannedHook(hook, hosts));
    const checks = policy.verify.map((verify) => plannedCheck(verify, vm, policy));
    const probe = plannedProbe(policy, vm);
    return { ...(hooks.length > 0 && { hooks }), ...(checks.length > 0 && { checks }), ...(probe && { probe }) };
}

/** Only where the policy promises something of the blackout, and from where it looks whether the VM answers at all. */
function plannedProbe(
    { requires, verify }: Pick<Policy, 'verify' | 'requires'>,
    vm: Pick<VmState, 'name' | 'tags'>,
): PlannedProbe | undefined {
    if (!requires.some(({ metric }) => metric === 'blackout')) return undefined;
    const tcp = verify.find(({ check }) => check.kind === 'tcp');
    return { from: tcp?.from, address: addressOf(vm), port: closedPort };
}

/** Where a VM is reached: by its name where nothing else is known. */
function addressOf({ name, tags }: Pick<VmState, 'name' | 'tags'>): string {
    const address = tags[addressTag];
    return address === undefined || address === '' ? name : address;
}

function plannedHook(hook: Hook, hosts: Pick<PlannedMove, 'source' | 'destination'>): PlannedHook {
    const end = hook.on === 'source' || hook.on === 'destination' ? hook.on : undefined;
    const on = end === undefined ? hook.on : hosts[end];
    return { when: hook.when, on, ...(end && { end }), command: hook.command, withinMs: milliseconds(hook.withinMs ?? hookWithin) };
}

function plannedCheck(
    { check, from, withinMs, otherwise }: Verify,
    vm: Pick<VmState, 'name' | 'tags'>,
    { onFailure }: Pick<Policy, 'onFailure'>,
): PlannedCheck {
    return {
        check: check.kind === 'tcp' ? { ...check, address: addressOf(vm) } : check,
        from,
        withinMs: milliseconds(withinMs ?? checkWithin),
        otherwise: otherwise ?? (onFailure?.then.includes('return-home') === true ? 'return-home' : 'report'),
    };
}

/** Whether the policy may send this move home again after it has arrived, and then the way there. */
export function wayHome(
    policy: Pick<Policy, 'onFailure' | 'verify'>,
    source: { readonly name: HostName; readonly migration: MigrationAddress | undefined } | undefined,
): { readonly home?: MigrationAddress; readonly because: readonly Reason[] } {
    const range = policy.verify.find((verify) => verify.otherwise === 'return-home')?.range ?? rangeOfReturn(policy.onFailure);
    if (!source || !range) return { because: [] };
    const { name, migration } = source;
    if (migration) return { home: migration, because: [{ text: `home again to ${name} should it not answer`, range }] };
    return { because: [{ text: `not home again should it not answer: ${name} has no migration address in the inventory`, range }] };
}

const rangeOfReturn = (onFailure: OnFailure | undefined): SourceRange | undefined =>
    onFailure?.then.includes('return-home') === true ? onFailure.range : undefined;

/** MIG121: a hook or a check is to be run in a place that the inventory has neither as a host nor as a probe. */
export function unknownPlaces(program: Program, inventory: Inventory): readonly Finding[] {
    const known = [...inventory.hosts.map(({ name }) => name), ...(inventory.probes ?? []).map(({ name }) => name)];
    const named = program.policies.flatMap(({ hooks, verify }) => [
        ...hooks.flatMap(({ on, onRange, range }) =>
            on === undefined || on === 'source' || on === 'destination' ? [] : [{ place: on, range: onRange ?? range }],
        ),
        ...verify.flatMap(({ from, fromRange, range }) => (from === undefined ? [] : [{ place: from, range: fromRange ?? range }])),
    ]);
    // A policy that is like another has its clauses, at their places.
    const once = new Map(named.map((one) => [JSON.stringify(one), one]));
    return [...once.values()]
        .filter(({ place }) => !known.includes(place))
        .map(({ place, range }) => {
            const near = nearest(place, known);
            return {
                id: 'MIG121',
                severity: 'error',
                message: `the inventory has no host and no probe "${place}"`,
                hint:
                    near === undefined
                        ? `name it under \`probes:\` in the inventory, such as \`${place}: { ssh: watch@address }\``
                        : `did you mean "${near}"?`,
                range,
                fixes: near === undefined ? [] : [{ title: `Change to "${near}"`, edits: [{ range, newText: `"${near}"` }], asks: true }],
            };
        });
}
