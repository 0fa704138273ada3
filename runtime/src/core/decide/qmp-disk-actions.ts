/** What a copy of disks adds to the commands of a move between hosts of driver `qemu` (qmp-actions.ts). */
import { type BytesPerSecond, formatQuantity } from '@mig/language';
import type { PlannedAction, PlannedMove } from '../model/plan.js';
import { diskSpeeds } from './disk-speeds.js';
import { type DiskCopy, diskCopies } from './migrate-call.js';
import { moveTechnique } from './move-technique.js';
import { migrationPorts, tlsCredentials } from './qmp-call.js';
import { lockFile, uriOf } from './route.js';

type Move = Omit<PlannedMove, 'actions'>;

const encryption = ({ technique: { options } }: Move): PlannedAction['with'] =>
    options.tls === true ? { 'tls-creds': tlsCredentials } : {};

const copiesOf = ({ technique }: Move): readonly DiskCopy[] => diskCopies(moveTechnique(technique));

export function imagesActions(move: Move): readonly PlannedAction[] {
    const made = copiesOf(move).flatMap(({ target, mode }) => (mode === 'copy' ? [target] : []));
    if (made.length === 0) return [];
    const parameters = { disks: made, when: 'no image is there', record: lockFile(move.vm.uuid).replace(/lock$/, 'images') };
    return [{ on: move.destination, phase: 'prepare', call: 'make images', with: parameters }];
}

export function servingActions(move: Move): readonly PlannedAction[] {
    const copies = copiesOf(move);
    if (copies.length === 0) return [];
    const serve = (call: string, parameters: PlannedAction['with']): PlannedAction => ({
        on: move.destination,
        phase: 'prepare',
        call,
        with: { vm: move.vm.name, ...parameters },
    });
    const port = `the last of ${migrationPorts.from} to ${migrationPorts.to} that is free`;
    return [
        serve('nbd-server-start', { host: move.route.listen, port, ...encryption(move) }),
        ...copies.map(({ target }) => serve('block-export-add', { type: 'nbd', name: target, writable: true })),
    ];
}

export function mirrorActions(move: Move, ceiling: BytesPerSecond | undefined): readonly PlannedAction[] {
    const copies = copiesOf(move);
    const speeds = diskSpeeds(
        copies.map(({ cap }) => cap),
        ceiling,
    );
    return copies.flatMap(({ target, mode }, nth): readonly PlannedAction[] => {
        const speed = speeds[nth];
        const of = { vm: move.vm.name, disk: target };
        const mirror = {
            ...of,
            sync: mode === 'preseeded' ? 'top' : 'full',
            speed: speed === undefined ? 'unlimited' : `at most ${formatQuantity(speed, 'rate')}`,
            until: 'it has caught up',
        };
        return [
            {
                on: move.source,
                phase: 'perform',
                call: 'blockdev-add',
                with: { ...of, driver: 'nbd', to: uriOf(move.route), ...encryption(move) },
            },
            { on: move.source, phase: 'perform', call: 'blockdev-mirror', with: mirror },
        ];
    });
}

export function endOfMirrors(move: Move): readonly PlannedAction[] {
    const copies = copiesOf(move);
    if (copies.length === 0) return [];
    const vm = move.vm.name;
    const when = `${move.source} says pre-switchover`;
    return [
        ...copies.map(
            ({ target }): PlannedAction => ({
                on: move.source,
                phase: 'perform',
                call: 'block-job-cancel',
                with: { vm, disk: target, force: false, when },
            }),
        ),
        { on: move.source, phase: 'perform', call: 'migrate-continue', with: { vm, when: 'both images of each disk are equal' } },
        { on: move.destination, phase: 'finish', call: 'nbd-server-stop', with: { vm } },
    ];
}
