/**
 * The calls that a move makes, in order, as libvirt names them: for people who want to see what will be done to their
 * hosts. The client manages the migration (protocol v3, not peer to peer), so each phase is a call of its own:
 *
 *   source                          destination
 *   lock, mark, begin3     ──▶      prepare3
 *   speed, downtime limit
 *   perform3 (sends the guest) ──▶  finish3 (starts it)
 *   confirm3 (removes its copy)     mark removed, autostart
 *
 * Each setting is read back and compared.
 */
import { type BytesPerSecond, formatQuantity, mebibyte } from '@mig/language';
import type { MigrationAddress } from '../model/inventory.js';
import type { PlannedAction, PlannedMove } from '../model/plan.js';

/** Where the lock of a VM stands on its source host. */
export const lockFile = (uuid: string): string => `/run/mig-run/${uuid}.lock`;

/** Metadata namespace of the mark that says which run moves a VM. */
export const moverNamespace = 'urn:mig:mover:1';

/** `ceiling`: the most that the caps of the plan let this move send. */
export function actionsOf(move: Omit<PlannedMove, 'actions'>, ceiling: BytesPerSecond | undefined): readonly PlannedAction[] {
    const { source, destination, technique, persistent } = move;
    const vm = move.vm.name;
    const flags = ['LIVE', ...(persistent ? ['PERSIST_DEST', 'UNDEFINE_SOURCE'] : [])];
    const guarded = [...flags, 'CHANGE_PROTECTION'];
    const bandwidth = speedText(ceiling);
    const action = (on: string, phase: PlannedAction['phase'], call: string, parameters: PlannedAction['with']): PlannedAction => ({
        on,
        phase,
        call,
        with: parameters,
    });
    const downtime = technique.options.downtimeMs;
    const route = { migrate_uri: uriOf(move.route), listen_address: move.route.listen };
    return [
        action(source, 'lock', 'flock', { file: lockFile(move.vm.uuid) }),
        action(source, 'lock', 'virDomainSetMetadata', {
            domain: vm,
            uri: moverNamespace,
            set: 'run and epoch',
            flags: affected(persistent),
        }),
        action(source, 'begin', 'virDomainMigrateBegin3Params', { domain: vm, flags: guarded, ...route }),
        action(destination, 'prepare', 'virDomainMigratePrepare3Params', {
            flags,
            ...route,
            destination_xml: 'as begin gave it',
        }),
        action(source, 'settings', 'virDomainMigrateSetMaxSpeed', { domain: vm, bandwidth, again: 'as moves start and end' }),
        action(source, 'settings', 'virDomainMigrateGetMaxSpeed', { domain: vm }),
        ...(downtime === undefined
            ? []
            : [
                  action(source, 'settings', 'virDomainMigrateSetMaxDowntime', { domain: vm, downtime: `${downtime} ms` }),
                  action(source, 'settings', 'virDomainMigrateGetMaxDowntime', { domain: vm }),
              ]),
        action(source, 'perform', 'virDomainMigratePerform3Params', {
            domain: vm,
            flags: guarded,
            ...route,
            migrate_uri: `${uriOf(move.route)}, with the port that prepare gave`,
            destination_xml: 'as begin gave it',
        }),
        action(destination, 'finish', 'virDomainMigrateFinish3Params', { destination_name: vm, flags, cancelled: false }),
        action(source, 'confirm', 'virDomainMigrateConfirm3Params', { domain: vm, flags: guarded, cancelled: false }),
        action(destination, 'arrival', 'virDomainSetMetadata', {
            domain: vm,
            uri: moverNamespace,
            set: 'removed',
            flags: affected(persistent),
        }),
        ...(move.autostart ? [action(destination, 'arrival', 'virDomainSetAutostart', { domain: vm, autostart: true })] : []),
    ];
}

/** What the source's hypervisor connects to; the destination adds a port. */
export function uriOf(route: MigrationAddress): string {
    return `tcp:${route.address.includes(':') ? `[${route.address}]` : route.address}`;
}

const affected = (persistent: boolean): readonly string[] => (persistent ? ['LIVE', 'CONFIG'] : ['LIVE']);

/** libvirt counts in whole MiB/s. */
function speedText(ceiling: BytesPerSecond | undefined): string {
    if (ceiling === undefined) return 'unlimited';
    return `its share, at most ${Math.floor(ceiling / mebibyte)} MiB/s (${formatQuantity(ceiling, 'rate')})`;
}
