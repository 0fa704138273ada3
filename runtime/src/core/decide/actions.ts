/**
 * The calls that a move makes, in order, as libvirt names them: for people who want to see what will be done to their
 * hosts. The client manages the migration (protocol v3, not peer to peer), so each phase is a call of its own:
 *
 *   source                          destination
 *   lock, mark, begin3     ──▶      prepare3
 *   speed, downtime limit
 *   perform3 (sends the guest) ──▶  finish3 (starts it; in post-copy while perform3 still sends)
 *   confirm3 (removes its copy)     definition in post-copy, mark removed, autostart
 *
 * Each setting is read back and compared.
 */
import { type BytesPerSecond, bytesPerSecond, formatQuantity, mebibyte, type TechniqueOptions } from '@mig/language';
import type { PlannedAction, PlannedMove } from '../model/plan.js';
import { settingText } from '../model/settings.js';
import { probeEvery } from './blackout.js';
import { ladderActions, throttleArguments } from './ladder-actions.js';
import { migrateFlagsOf, migrateParametersOf, type MigrateSide } from './migrate-call.js';
import { type MoveTechnique, moveTechnique, ownSwitch } from './move-technique.js';
import { optionSettings, readingCommands } from './option-settings.js';
import { qmpActions } from './qmp-actions.js';
import { lockFile, uriOf } from './route.js';
import { firstStopLimit, whileItIsEnough } from './stop-limit.js';

/** Metadata namespace of the mark that says which run moves a VM. */
export const moverNamespace = 'urn:mig:mover:1';

/**
 * `ceiling`: the most that the caps of the plan let this move send. `monitor`: whether QEMU's own monitor may be used at the
 * source, which is asked for what libvirt does not read.
 */
export function actionsOf(
    move: Omit<PlannedMove, 'actions'>,
    ceiling: BytesPerSecond | undefined,
    monitor: 'allow' | 'deny' = 'allow',
): readonly PlannedAction[] {
    if (move.driver === 'qemu') {
        const calls = qmpActions(move, ceiling).flatMap((one) => (one === 'hooks before' ? hookActions(move, 'before') : [one]));
        return [...calls, ...probeActions(move), ...checkActions(move), ...hookActions(move, 'after')];
    }
    const { source, destination, technique, persistent } = move;
    const vm = move.vm.name;
    const asked = { technique: moveTechnique(technique), persistent, unsafe: false };
    const { postcopy } = asked.technique;
    const [guarded, flags] = [migrateFlagsOf(asked, 'source'), migrateFlagsOf(asked, 'destination')];
    const [sending, receiving] = [parametersText(asked.technique, 'source'), parametersText(asked.technique, 'destination')];
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
        ...hookActions(move, 'before'),
        action(source, 'lock', 'virDomainSetMetadata', {
            domain: vm,
            uri: moverNamespace,
            set: 'run and epoch',
            flags: affected(persistent),
        }),
        action(source, 'begin', 'virDomainMigrateBegin3Params', { domain: vm, flags: guarded, ...route, ...sending }),
        action(destination, 'prepare', 'virDomainMigratePrepare3Params', {
            flags,
            ...route,
            ...receiving,
            destination_xml: 'as begin gave it',
        }),
        action(source, 'settings', 'virDomainMigrateSetMaxSpeed', { domain: vm, bandwidth, again: 'as moves start and end' }),
        action(source, 'settings', 'virDomainMigrateGetMaxSpeed', { domain: vm }),
        ...(postcopy
            ? [
                  action(source, 'settings', 'virDomainMigrateSetMaxSpeed', {
                      domain: vm,
                      bandwidth: postcopySpeedText(technique.options.postcopyBandwidth, ceiling),
                      flags: ['POSTCOPY'],
                      again: 'as moves start and end',
                  }),
                  action(source, 'settings', 'virDomainMigrateGetMaxSpeed', { domain: vm, flags: ['POSTCOPY'] }),
              ]
            : []),
        ...(guarded.includes('COMPRESSED') && sending['compression'] === 'xbzrle'
            ? [action(source, 'settings', 'virDomainMigrateGetCompressionCache', { domain: vm })]
            : []),
        ...(downtime === undefined
            ? []
            : [
                  action(source, 'settings', 'virDomainMigrateSetMaxDowntime', { domain: vm, downtime: `${downtime} ms` }),
                  action(source, 'settings', 'virDomainMigrateGetMaxDowntime', { domain: vm }),
              ]),
        ...throttleBound(move),
        ...diskSpeed(move, ceiling),
        action(source, 'perform', 'virDomainMigratePerform3Params', {
            domain: vm,
            flags: guarded,
            ...route,
            migrate_uri: `${uriOf(move.route)}, with the port that prepare gave`,
            ...sending,
            destination_xml: 'as begin gave it',
        }),
        ...(monitor === 'allow' ? readBackActions(move, asked.technique) : []),
        ...stopLimitActions(move, ceiling),
        ...switchActions(move),
        ...ladderActions(move),
        action(destination, 'finish', 'virDomainMigrateFinish3Params', {
            destination_name: vm,
            flags,
            cancelled: false,
            ...(postcopy ? { when: `${source} says postcopy-active, or perform ends` } : {}),
        }),
        action(source, 'confirm', 'virDomainMigrateConfirm3Params', {
            domain: vm,
            flags: guarded,
            cancelled: false,
            ...(postcopy ? { when: `${source} has sent every page, and ${destination} runs the guest` } : {}),
        }),
        ...(postcopy && persistent ? definitionActions(move) : []),
        action(destination, 'arrival', 'virDomainSetMetadata', {
            domain: vm,
            uri: moverNamespace,
            set: 'removed',
            flags: affected(persistent),
        }),
        ...(move.autostart ? [action(destination, 'arrival', 'virDomainSetAutostart', { domain: vm, autostart: true })] : []),
        ...checkActions(move),
        ...probeActions(move),
        ...hookActions(move, 'after'),
    ];
}

/** Under a cap the limit is held low until a guest needs more of it. */
function stopLimitActions(
    { source, vm, technique }: Omit<PlannedMove, 'actions'>,
    ceiling: BytesPerSecond | undefined,
): readonly PlannedAction[] {
    const limit = firstStopLimit(technique, ceiling !== undefined);
    if (!limit) return [];
    const downtime = { domain: vm.name, downtime: `${limit.now} ms`, when: whileItIsEnough(limit) };
    return [{ on: source, phase: 'perform', call: 'virDomainMigrateSetMaxDowntime', with: downtime }];
}

/** `throttle … up to`: libvirt has no parameter for the most. */
function throttleBound({ source, vm, technique: { options } }: Omit<PlannedMove, 'actions'>): readonly PlannedAction[] {
    const { throttle, never } = options;
    if (throttle?.max === undefined || never?.includes('throttle') === true) return [];
    const parameters = { domain: vm.name, command: 'migrate-set-parameters', ...throttleArguments(throttle), taints: true };
    return [{ on: source, phase: 'settings', call: 'virDomainQemuMonitorCommand', with: parameters }];
}

/** libvirt gives every disk that it mirrors the speed that is set when it begins; memory has its own again afterwards. */
function diskSpeed(
    { source, vm, technique: { options } }: Omit<PlannedMove, 'actions'>,
    ceiling: BytesPerSecond | undefined,
): readonly PlannedAction[] {
    const copied = (options.storage ?? []).filter(({ mode }) => mode !== 'shared');
    const count = copied.flatMap(({ disks }) => disks).length;
    const least = Math.min(...copied.flatMap(({ cap }) => cap ?? []), (ceiling ?? Infinity) / Math.max(1, count));
    if (count === 0 || !Number.isFinite(least)) return [];
    const bandwidth = `each disk at most ${Math.floor(least / mebibyte)} MiB/s (${formatQuantity(least, 'rate')})`;
    return [
        {
            on: source,
            phase: 'settings',
            call: 'virDomainMigrateSetMaxSpeed',
            with: { domain: vm.name, bandwidth, when: 'while disks are mirrored' },
        },
    ];
}

/** What libvirt has no call for. The destination's hypervisor answers nobody until it runs the guest. */
function readBackActions({ source, vm }: Omit<PlannedMove, 'actions'>, technique: MoveTechnique): readonly PlannedAction[] {
    const reads = optionSettings(technique).map((option) => {
        const { setting, asked } = option(undefined);
        return `${setting} ${settingText(setting, asked)}`;
    });
    if (reads.length === 0) return [];
    return readingCommands.map((command) => ({
        on: source,
        phase: 'settings' as const,
        call: 'virDomainQemuMonitorCommand',
        with: { domain: vm.name, command, reads, when: 'as soon as it sends', taints: true },
    }));
}

/** The switch that belongs to the technique itself; those of rungs are among theirs. */
function switchActions({ source, vm, technique }: Omit<PlannedMove, 'actions'>): readonly PlannedAction[] {
    const own = ownSwitch(technique);
    if (own === undefined) return [];
    const when = own.atIteration === 1 ? 'as soon as it sends' : 'just before every page has been sent once';
    return [{ on: source, phase: 'perform', call: 'virDomainMigrateStartPostCopy', with: { domain: vm.name, when } }];
}

/** In post-copy the definition does not go along with the phases. */
function definitionActions({ source, destination, vm }: Omit<PlannedMove, 'actions'>): readonly PlannedAction[] {
    return [
        { on: destination, phase: 'arrival', call: 'virDomainDefineXMLFlags', with: { xml: `the definition of ${vm.name}` } },
        { on: source, phase: 'arrival', call: 'virDomainUndefineFlags', with: { domain: vm.name, flags: ['KEEP_NVRAM', 'KEEP_TPM'] } },
    ];
}

/** Parameters that stand several times as a list. */
function parametersText(technique: MoveTechnique, side: MigrateSide): PlannedAction['with'] {
    const all = Map.groupBy(migrateParametersOf({ technique }, side), ({ name }) => name);
    return Object.fromEntries(
        [...all].map(([name, [first, ...more]]) => [
            name,
            more.length === 0 ? (first?.value ?? '') : [first, ...more].map((one) => String(one?.value)),
        ]),
    );
}

/** Where something is run that no host is named for. */
const here = 'mig-run';

function hookActions(move: Omit<PlannedMove, 'actions'>, when: 'before' | 'after'): readonly PlannedAction[] {
    return (move.hooks ?? [])
        .filter((hook) => hook.when === when)
        .map(({ on, command, withinMs }) => ({
            on: on ?? here,
            phase: 'hook',
            call: 'run',
            with: { command: JSON.stringify(command), within: formatQuantity(withinMs, 'duration') },
        }));
}

function checkActions(move: Omit<PlannedMove, 'actions'>): readonly PlannedAction[] {
    return (move.checks ?? []).map(({ check, from, withinMs, otherwise }) => {
        const bounds = { within: formatQuantity(withinMs, 'duration'), otherwise };
        if (check.kind === 'agent')
            return {
                on: move.destination,
                phase: 'verify',
                call: move.driver === 'qemu' ? 'guest-ping' : 'virDomainQemuAgentCommand',
                with: { ...(move.driver === 'qemu' ? { vm: move.vm.name } : { command: 'guest-ping' }), ...bounds },
            };
        return check.kind === 'tcp'
            ? { on: from ?? here, phase: 'verify', call: 'connect', with: { to: `${check.address}:${check.port}`, ...bounds } }
            : { on: from ?? here, phase: 'verify', call: 'run', with: { command: JSON.stringify(check.command), ...bounds } };
    });
}

function probeActions({ probe }: Omit<PlannedMove, 'actions'>): readonly PlannedAction[] {
    if (!probe) return [];
    const when = 'from its start until it answers at its destination';
    const asked = { to: `${probe.address}:${probe.port}`, every: formatQuantity(probeEvery, 'duration'), when };
    return [{ on: probe.from ?? here, phase: 'verify', call: 'connect', with: asked }];
}

const affected = (persistent: boolean): readonly string[] => (persistent ? ['LIVE', 'CONFIG'] : ['LIVE']);

function postcopySpeedText(asked: TechniqueOptions['postcopyBandwidth'], ceiling: BytesPerSecond | undefined): string {
    if (typeof asked !== 'number') return speedText(ceiling);
    return speedText(bytesPerSecond(Math.min(asked, ceiling ?? asked)));
}

function speedText(ceiling: BytesPerSecond | undefined): string {
    if (ceiling === undefined) return 'unlimited';
    return `its share, at most ${formatQuantity(ceiling, 'rate')}, in whole MiB/s`;
}
