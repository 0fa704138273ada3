import type { TechniqueUse } from '@mig/language';
import type { VmState } from '../model/snapshot.js';
import { disksNamed } from './storage.js';
import { listed } from './wording.js';

/**
 * Why a VM cannot be moved at all, wherever to (safety.md, rule 10); undefined where nothing stands against it.
 * What concerns the destination too (CPU, networks, memory, images of disks) is a constraint. `uses`: the techniques that
 * the policy may come to, which may take disks along.
 */
export function refusal(vm: VmState, uses: readonly TechniqueUse[] = []): string | undefined {
    for (const check of checks) {
        const against = check(vm, uses);
        if (against !== undefined) return against;
    }
    return undefined;
}

const checks: readonly ((vm: VmState, uses: readonly TechniqueUse[]) => string | undefined)[] = [
    (vm) => (movable.has(vm.state) ? undefined : `it is ${vm.state}, and only a guest that runs or is paused can be moved`),
    (vm) => (vm.mover === undefined ? undefined : `another run is moving it (${vm.mover}): wait for that run to end, or abort it`),
    (vm) => (vm.activeJob === undefined ? undefined : `a job is under way on it (${vm.activeJob}): wait for the job to end`),
    (vm) =>
        vm.passthrough.length === 0
            ? undefined
            : `it uses ${listed(vm.passthrough)} of its host: detach what is passed through, or except the VM`,
    (vm, uses) => {
        const stay = vm.disks.filter((disk) => disk.shared === false);
        const named = stay.length === 0 ? undefined : disksNamed(uses);
        const local = stay.filter(({ target }) => named?.has(target) !== true);
        if (local.length === 0) return undefined;
        const where = listed(local.map((disk) => (disk.path === undefined ? disk.target : `${disk.target} (${disk.path})`)));
        return `${where} stands on its host alone: copy it (\`storage copy ${local.map(({ target }) => `"${target}"`).join(', ')}\`), or put it on shared storage, and name that under shared_storage in the inventory`;
    },
    (vm) => (vm.hasSnapshots ? 'it has snapshots, which would be lost: delete them first' : undefined),
    (vm) => {
        const [blocker] = vm.blockers;
        return blocker && `${blocker.reason}: ${blocker.cure}`;
    },
];

/** `blocked` is a running guest that waits for a device. */
const movable: ReadonlySet<VmState['state']> = new Set(['running', 'blocked', 'paused']);
