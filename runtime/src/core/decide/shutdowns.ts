/** `immovable: shut down vm`: which of the VMs that cannot move are shut down, and which stay as they are all the same. */
import { formatQuantity, milliseconds, type Milliseconds } from '@mig/language';
import type { MoveFailure } from '../model/events.js';
import type { PlannedAction, PlannedShutdown, Reason, Unplaced } from '../model/plan.js';
import type { VmState } from '../model/snapshot.js';
import type { NoPlace } from './placement.js';
import { lockFile } from './route.js';
import type { Fired } from './trigger.js';
import type { World } from './world.js';

/** Where the policy does not say (`within`): a guest has this long to stop its services and to write its disks. */
export const shutdownWithin = milliseconds(120_000);

type Excluded = Unplaced['excluded'];

/** A VM that cannot move: how it is shut down, or what excluded each host and why it is not shut down either. */
export function shutdownOf(
    { policy }: Fired,
    instance: number,
    { candidate: { vm }, excluded }: NoPlace,
    world: World,
): { readonly shutdown: PlannedShutdown } | { readonly excluded: Excluded } {
    const { action, withinMs = shutdownWithin, range } = policy.selection.immovable;
    if (action !== 'shut-down') return { excluded };
    const isPlain = world.hosts.get(vm.host)?.state.driver === 'qemu';
    const against = staysOn(vm, isPlain);
    if (against !== undefined)
        return { excluded: [...excluded, { host: '', because: { text: `it is not shut down either: ${against}`, range } }] };
    const because: readonly Reason[] = [
        ...new Map(
            excluded.map(({ host, because: why }) => [`${host} ${why.text}`, host === '' ? why : { ...why, text: `${host} ${why.text}` }]),
        ).values(),
        { text: 'so it is shut down', range },
    ];
    const vmAt = { uuid: vm.uuid, name: vm.name };
    const within = milliseconds(withinMs);
    return { shutdown: { instance, vm: vmAt, host: vm.host, withinMs: within, because, actions: actionsOf(vm, isPlain, within) } };
}

/** What would take more from its owner than its running, or cut across somebody else's work. */
function staysOn(vm: VmState, isPlain: boolean): string | undefined {
    if (vm.state !== 'running' && vm.state !== 'blocked') return `it is ${vm.state}, and only a guest that runs can be asked to`;
    if (vm.mover !== undefined) return 'another run is moving it';
    if (vm.activeJob !== undefined) return 'a job is under way on it';
    if (!isPlain && !vm.persistent) return 'it is not defined on its host, and would be gone with its process';
    return undefined;
}

function actionsOf(vm: VmState, isPlain: boolean, withinMs: Milliseconds): readonly PlannedAction[] {
    const within = formatQuantity(withinMs, 'duration');
    const [call, name] = isPlain ? ['system_powerdown', 'vm'] : ['virDomainShutdown', 'domain'];
    return [
        { on: vm.host, phase: 'lock', call: 'flock', with: { file: lockFile(vm.uuid) } },
        { on: vm.host, phase: 'shutdown', call, with: { [name]: vm.name, when: 'the moves have ended', within, otherwise: 'it runs on' } },
    ];
}

/** How one ends that was not asked after all. */
export function notShutDown(vm: string, because: string): { readonly outcome: 'skipped'; readonly error: MoveFailure } {
    const error = {
        code: 'stopped',
        message: `${vm} was not shut down: ${because}`,
        hint: 'run the policy again, or shut it down by hand',
    };
    return { outcome: 'skipped', error };
}
