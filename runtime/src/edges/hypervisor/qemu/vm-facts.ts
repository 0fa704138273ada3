/** What one QEMU tells of its VM, and what stands against moving it. */
import { type Bytes, bytes } from '@mig/language';
import type { VmDisk, VmState } from '../../../core/index.js';
import { attachments, commandLineBlockers, deviceIds } from './command-line.js';
import { blockDevices, movedImages } from './disks.js';
import type { HostLook } from './look.js';
import type { QemuProcess } from './processes.js';
import type { QmpConnection } from './qmp.js';
import type { Reply } from './reply.js';
import { isOutgoing } from './run-state.js';

export interface VmFacts {
    readonly version: string;
    readonly state: VmState['state'];
    readonly memory: Bytes;
    readonly vcpus: number;
    /** Without `-machine`: `pc-i440fx-10.0`. */
    readonly machine: string;
    readonly disks: readonly Omit<VmDisk, 'shared'>[];
    readonly hasSnapshots: boolean;
    readonly job: string | undefined;
    readonly blockers: VmState['blockers'];
    /** Bytes read and written by all disks since it started. */
    readonly disk: { readonly read: number; readonly written: number };
}

export async function readVm(qmp: QmpConnection, { argv, cwd }: QemuProcess, signal: AbortSignal): Promise<VmFacts> {
    const ask = (command: string, args?: Readonly<Record<string, unknown>>): Promise<Reply> => qmp.execute(command, args, signal);
    const [status, migrate, machine, memory, cpus, blocks, statistics, jobs, devices] = await Promise.all([
        ask('query-status'),
        ask('query-migrate'),
        ask('qom-get', { path: '/machine', property: 'type' }),
        ask('query-memory-size-summary'),
        ask('query-cpus-fast'),
        ask('query-block'),
        ask('query-blockstats'),
        ask('query-block-jobs'),
        ask('qom-list', { path: '/machine/peripheral' }),
    ]);
    const disks = blockDevices(blocks, cwd);
    const plugged = memory.at('plugged-memory').number ?? 0;
    return {
        version: qmp.version,
        state: states[status.at('status').text ?? ''] ?? 'paused',
        memory: bytes((memory.at('base-memory').number ?? 0) + plugged),
        vcpus: cpus.list.length,
        machine: machineName(machine),
        disks: disks.map(({ node: _, ...disk }) => disk),
        hasSnapshots: blocks.list.some((block) => block.at('inserted', 'image', 'snapshots').list.length > 0),
        job: jobOf(status, migrate, jobs),
        blockers: [
            ...migrate.at('blocked-reasons').list.map(blockedReason),
            ...changedSince(argv, plugged, devices),
            ...movedImages(disks, { argv, cwd }).map(({ target, path }) => ({
                reason: `its disk ${target} stands in ${path ?? 'no file'}, which its command line does not name, and with that it would be started at its destination`,
                cure: 'bring it back into the image that its command line names, or restart it with the one that it has',
            })),
            ...commandLineBlockers(argv),
        ],
        disk: statistics.list.reduce(
            (sum, one) => ({
                read: sum.read + (one.at('stats', 'rd_bytes').number ?? 0),
                written: sum.written + (one.at('stats', 'wr_bytes').number ?? 0),
            }),
            { read: 0, written: 0 },
        ),
    };
}

/** As `-machine` takes it. */
export const machineName = (type: Reply): string => (type.text ?? '').replace(/-machine$/, '');

/** QEMU's run states that are none of paused. */
const states: Readonly<Record<string, VmState['state']>> = {
    running: 'running',
    suspended: 'suspended',
    shutdown: 'shutting down',
    'guest-panicked': 'crashed',
    'internal-error': 'crashed',
};

function jobOf(status: Reply, migrate: Reply, jobs: Reply): string | undefined {
    if (status.at('status').text === 'inmigrate') return 'migration to this host';
    if (isOutgoing(migrate.at('status').text))
        return status.at('running').flag === true || status.at('status').text === 'finish-migrate'
            ? 'migration from this host'
            : 'migration';
    const [job] = jobs.list;
    return job && `${job.at('type').text ?? 'block'} of ${job.at('device').text ?? 'a disk'}`;
}

const blockedReason = (one: Reply): { readonly reason: string; readonly cure: string } => ({
    reason: `QEMU says: ${one.text ?? 'it cannot be migrated'}`,
    cure: 'detach what it names, or except the VM',
});

/** Whether the machine is still the one that its command line makes: the destination is started with that. */
function changedSince(argv: readonly string[], plugged: number, devices: Reply): VmState['blockers'] {
    const started = new Set(deviceIds(argv));
    const now = new Set(
        devices.list.flatMap((one) => (one.at('type').text?.startsWith('child<') === true ? [one.at('name').text ?? ''] : [])),
    );
    const added = [...now].filter((id) => !started.has(id));
    const removed = [...started].filter((id) => !now.has(id));
    const told = [
        ...(plugged > 0 && !started.has('dimm0') && added.length === 0 ? ['memory was added'] : []),
        ...added.map((id) => `${id} was added`),
        ...removed.map((id) => `${id} was removed`),
    ];
    if (told.length === 0) return [];
    return [
        {
            reason: `its devices are not those of its command line (${told.join(', ')}), with which it would be started at its destination`,
            cure: 'undo that, or restart it with the devices that it has',
        },
    ];
}

/** Networks that the host must have: bridges by name, also those that its interfaces belong to. */
export function networksOf(argv: readonly string[], look: Pick<HostLook, 'interfaces'>): readonly string[] {
    const { bridges, interfaces } = attachments(argv);
    return [...new Set([...bridges, ...interfaces.flatMap((name) => look.interfaces.get(name)?.bridge ?? [])])];
}

/** What its interfaces have carried, from the guest's side; undefined where it has none that the host counts for it alone. */
export function trafficOf(argv: readonly string[], look: HostLook): { readonly sent: number; readonly received: number } | undefined {
    const { bridges, interfaces } = attachments(argv);
    const counted = interfaces.flatMap((name) => look.interfaces.get(name) ?? []);
    if (counted.length === 0 || bridges.length > 0) return undefined;
    return counted.reduce((sum, one) => ({ sent: sum.sent + one.received, received: sum.received + one.sent }), { sent: 0, received: 0 });
}
