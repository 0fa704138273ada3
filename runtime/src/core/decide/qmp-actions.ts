/**
 * The commands that a move between hosts of driver `qemu` makes, in order, by QMP's names:
 *
 *   source                             destination
 *   lock, mark, capabilities    ──▶    the same machine with -incoming defer -S, capabilities, migrate-incoming
 *   caps, downtime limit
 *   blockdev-mirror             ──▶    nbd-server-start (the images of disks that go along)
 *   migrate (sends the guest)   ──▶    cont (runs it; in post-copy while the source still sends)
 *   quit (ends its copy)               mark removed
 *
 * Each setting is read back and compared.
 */
import { type BytesPerSecond, bytesPerSecond, formatQuantity, type Rung, type TechniqueOptions } from '@mig/language';
import type { PlannedAction, PlannedMove } from '../model/plan.js';
import { throttleArguments, whenOf } from './ladder-actions.js';
import type { MigrateSide } from './migrate-call.js';
import { isForbidden, type MoveTechnique, moveTechnique, ownSwitch } from './move-technique.js';
import { incomingUri, qmpCapabilitiesOf, type QmpParameters, qmpParametersOf, tlsCredentials } from './qmp-call.js';
import { endOfMirrors, imagesActions, mirrorActions, servingActions } from './qmp-disk-actions.js';
import { lockFile, uriOf } from './route.js';
import { firstStopLimit, whileItIsEnough } from './stop-limit.js';

type With = PlannedAction['with'];

/** Without the checks and hooks of the policy; where hooks before the move are run is marked. */
export function qmpActions(
    move: Omit<PlannedMove, 'actions'>,
    ceiling: BytesPerSecond | undefined,
): readonly (PlannedAction | 'hooks before')[] {
    const { source, destination, technique, route } = move;
    const vm = move.vm.name;
    const asked = moveTechnique(technique);
    const limit = firstStopLimit(technique, ceiling !== undefined);
    const mark = lockFile(move.vm.uuid).replace(/lock$/, 'mover');
    const action = (on: string, phase: PlannedAction['phase'], call: string, parameters: With): PlannedAction => ({
        on,
        phase,
        call,
        with: parameters,
    });
    const encrypted = asked.options.tls === true;
    const set = (on: string, phase: PlannedAction['phase'], side: MigrateSide): readonly PlannedAction[] => [
        action(on, phase, 'migrate-set-capabilities', { vm, on: switched(asked, side, true), off: switched(asked, side, false) }),
        ...(encrypted
            ? [
                  action(on, phase, 'object-add', {
                      vm,
                      'qom-type': 'tls-creds-x509',
                      id: tlsCredentials,
                      endpoint: side === 'source' ? 'client' : 'server',
                      'verify-peer': true,
                      dir: `the certificates of ${on}`,
                  }),
              ]
            : []),
        action(on, phase, 'migrate-set-parameters', { vm, ...saidOf(qmpParametersOf(asked, side)) }),
        action(on, phase, 'query-migrate-parameters', { vm }),
    ];
    const cap = (name: string, text: string): readonly PlannedAction[] => [
        action(source, 'settings', 'migrate-set-parameters', { vm, [name]: text, again: 'as moves start and end' }),
        action(source, 'settings', 'query-migrate-parameters', { vm }),
    ];
    return [
        action(source, 'lock', 'flock', { file: lockFile(move.vm.uuid) }),
        'hooks before',
        action(source, 'lock', 'write', { file: mark, set: 'run and epoch' }),
        action(source, 'begin', 'query-migrate', { vm, refused_by: 'blocked-reasons' }),
        ...set(source, 'begin', 'source'),
        ...imagesActions(move),
        action(destination, 'prepare', 'run', {
            command: `the command line of ${vm}, with its own machine type and -S -incoming defer`,
            log: lockFile(move.vm.uuid).replace(/lock$/, 'log'),
        }),
        action(destination, 'prepare', 'write', { file: mark, set: 'run and epoch, receiving' }),
        ...set(destination, 'prepare', 'destination'),
        ...servingActions(move),
        action(destination, 'prepare', 'migrate-incoming', { vm, uri: incomingUri(route.listen) }),
        ...cap('max-bandwidth', speedText(ceiling)),
        ...(asked.postcopy ? cap('max-postcopy-bandwidth', postcopySpeedText(technique.options.postcopyBandwidth, ceiling)) : []),
        ...mirrorActions(move, ceiling),
        ...(asked.live ? [] : [action(source, 'perform', 'stop', { vm })]),
        action(source, 'perform', 'migrate', { vm, uri: `${uriOf(route)}, with the port that the destination listens at` }),
        ...(limit
            ? [action(source, 'perform', 'migrate-set-parameters', { vm, 'downtime-limit': limit.now, when: whileItIsEnough(limit) })]
            : []),
        ...switchActions(move),
        ...technique.ladder
            .filter((rung) => !isForbidden(rung, technique.options))
            .flatMap((rung) =>
                rungCalls(rung).map(([call, parameters]) => action(source, 'perform', call, { vm, ...parameters, when: whenOf(rung) })),
            ),
        ...endOfMirrors(move),
        action(destination, 'finish', 'cont', {
            vm,
            when: asked.postcopy ? `${source} says postcopy-active, or completed` : `${source} says completed`,
        }),
        action(source, 'confirm', 'quit', { vm, when: `${source} has sent all of it, and ${destination} runs the guest` }),
        action(destination, 'arrival', 'remove', { file: mark }),
        ...(encrypted ? [action(destination, 'arrival', 'object-del', { vm, id: tlsCredentials, and: 'tls-creds is set to none' })] : []),
    ];
}

/** What is set to nothing is so unless an earlier migration was set otherwise. */
const saidOf = (parameters: QmpParameters): With => Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== ''));

const switched = (technique: MoveTechnique, side: MigrateSide, state: boolean): readonly string[] =>
    Object.entries(qmpCapabilitiesOf(technique, side)).flatMap(([name, is]) => (is === state ? [name] : []));

/** The switch that belongs to the technique itself. */
function switchActions({ source, vm, technique }: Omit<PlannedMove, 'actions'>): readonly PlannedAction[] {
    const own = ownSwitch(technique);
    if (own === undefined) return [];
    const when = own.atIteration === 1 ? 'as soon as it sends' : 'when every page has been sent once';
    return [{ on: source, phase: 'perform', call: 'migrate-start-postcopy', with: { vm: vm.name, when } }];
}

function rungCalls({ action }: Rung): readonly (readonly [string, With])[] {
    switch (action.kind) {
        case 'downtime':
            return [['migrate-set-parameters', { 'downtime-limit': action.ms }]];
        case 'bandwidth':
            return [
                [
                    'migrate-set-parameters',
                    { 'max-bandwidth': action.rate === 'unlimited' ? action.rate : `at most ${formatQuantity(action.rate, 'rate')}` },
                ],
            ];
        case 'throttle':
            return [['migrate-set-parameters', throttleArguments(action.throttle)]];
        case 'switch-to-postcopy':
            return [['migrate-start-postcopy', {}]];
        case 'pause':
            return [['stop', {}]];
        case 'abort':
            return [['migrate_cancel', {}]];
        case 'report':
            return [];
    }
}

const speedText = (ceiling: BytesPerSecond | undefined): string =>
    ceiling === undefined ? 'unlimited' : `its share, at most ${formatQuantity(ceiling, 'rate')}`;

function postcopySpeedText(asked: TechniqueOptions['postcopyBandwidth'], ceiling: BytesPerSecond | undefined): string {
    return speedText(typeof asked === 'number' ? bytesPerSecond(Math.min(asked, ceiling ?? asked)) : ceiling);
}
