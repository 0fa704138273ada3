import { bytes, mebibyte, type TechniqueOptions } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { HostState, ImageSight, VmDisk, VmState } from '../model/snapshot.js';
import { host, snapshot, vm } from '../testing/builders.js';
import { refusal } from './preflight.js';
import { situationOf } from './situation.js';
import { whyDisksStay } from './storage.js';
import { whyNotHere } from './technique-lack.js';
import { afterMove, worldOf } from './world.js';

const mib = (n: number) => bytes(n * mebibyte);
const path = '/var/lib/vms/db.raw';
const vda: VmDisk = {
    target: 'vda',
    path,
    kind: 'file',
    format: 'raw',
    shared: false,
    readOnly: false,
    capacity: mib(24),
    allocated: mib(10),
};
const there = (facts: Partial<ImageSight> = {}): ImageSight => ({
    host: 'b',
    path,
    image: { size: mib(24), allocated: mib(0) },
    pool: false,
    free: mib(100),
    ...facts,
});
const copy: TechniqueOptions = { storage: [{ mode: 'copy', disks: ['vda'] }] };

/** What keeps the disks of a VM from going from a to b. */
function against(
    options: TechniqueOptions,
    facts: { disks?: readonly VmDisk[]; images?: readonly ImageSight[]; others?: readonly VmState[]; hosts?: Partial<HostState> } = {},
) {
    const db = vm('db', 'a', { disks: facts.disks ?? [vda] });
    const libvirt = { driver: 'libvirt', ...facts.hosts } as const;
    const seen = snapshot([host('a', libvirt), host('b', libvirt)], [db, ...(facts.others ?? [])], { images: facts.images ?? [there()] });
    const situation = situationOf(worldOf(seen), db, 'b');
    if (!situation) throw new Error('no situation');
    return whyDisksStay({ kind: 'precopy', name: undefined, options, ladder: [] }, situation);
}

test('an image of the same size, with room, is all that is needed', () => {
    expect(against(copy)).toBeUndefined();
});

test.each([
    ['nothing is said of the disk', {}, {}, /vda \(\/var\/lib\/vms\/db\.raw\) stands on a alone, and it does not say what becomes of it/],
    ['a disk is named that the VM has not', { storage: [{ mode: 'copy', disks: ['vda', 'vdz'] }] }, {}, /db has no disk vdz/],
    [
        'no image is there',
        copy,
        { images: [there({ image: undefined })] },
        /b has no image at .*db\.raw, and no storage pool .*truncate -s 25165824 /,
    ],
    [
        'the sizes are unlike',
        copy,
        { images: [there({ image: { size: mib(8), allocated: mib(0) } })] },
        /has 8388608 bytes, and the disk 25165824 bytes/,
    ],
    ['room is short', copy, { images: [there({ free: mib(20) })] }, /b has 20 MiB free where .* would stand, and 24 MiB are needed/],
    ['nobody looked', copy, { images: [] }, /what stands at \/var\/lib\/vms\/db\.raw on b is not known/],
    ['the disk is no file', copy, { disks: [{ ...vda, kind: 'block' as const }] }, /is no file, and only files are copied/],
    [
        'a preseeded image is missing, whatever pools there are',
        { storage: [{ mode: 'preseeded', disks: ['vda'] }] },
        { images: [there({ image: undefined, pool: true })] },
        /of a preseeded disk none is made/,
    ],
    [
        'one is copied and one preseeded',
        {
            storage: [
                { mode: 'copy', disks: ['vda'] },
                { mode: 'preseeded', disks: ['vdb'] },
            ],
        },
        { disks: [vda, { ...vda, target: 'vdb' }] },
        /either whole or above their base/,
    ],
    ['the image is a disk of another VM', copy, { others: [vm('x', 'b', { disks: [vda] })] }, /db\.raw on b is a disk of x/],
] as const)('%s: it stays', (_, options, facts, why) => {
    expect(against(options as TechniqueOptions, facts)).toMatch(why);
});

test('libvirt makes the image in a pool, and what is allocated there already needs no more room', () => {
    expect(against(copy, { images: [there({ image: undefined, pool: true })] })).toBeUndefined();
    expect(against(copy, { images: [there({ image: { size: mib(24), allocated: mib(20) }, free: mib(4) })] })).toBeUndefined();
});

describe('with plain QEMU', () => {
    const hosts = { driver: 'qemu' } as const;
    const absent = (makes?: readonly string[]) => [there({ image: undefined, ...(makes && { makes }) })];

    test('an image is made wherever its directory is, of a format that can be made', () => {
        expect(against(copy, { hosts, images: absent(['raw']) })).toBeUndefined();
        expect(against(copy, { hosts, images: absent() })).toMatch(
            /b has no image at .*, and none can be made: its directory is not there/,
        );
        const disks = [{ ...vda, format: 'qcow2' }];
        expect(against(copy, { hosts, disks, images: absent(['raw', 'qcow2']) })).toBeUndefined();
        expect(against(copy, { hosts, disks, images: absent(['raw']) })).toMatch(
            /no qemu-img, which makes images of format qcow2: .*install/,
        );
    });

    test('each disk has a mode of its own', () => {
        const options: TechniqueOptions = {
            storage: [
                { mode: 'copy', disks: ['vda'] },
                { mode: 'preseeded', disks: ['vdb'] },
            ],
        };
        const disks = [vda, { ...vda, target: 'vdb', path: '/var/lib/vms/b.raw' }];
        expect(against(options, { hosts, disks, images: [there(), there({ path: '/var/lib/vms/b.raw' })] })).toBeUndefined();
    });

    test('a disk that is read-only stays', () => {
        expect(against(copy, { hosts, disks: [{ ...vda, readOnly: true }] })).toMatch(/is read-only, .* write it as shared/);
    });
});

test('what a policy calls shared is shared, whatever the hosts tell', () => {
    expect(against({ storage: [{ mode: 'shared', disks: ['vda'] }] }, { images: [] })).toBeUndefined();
});

test('VMs that go to one directory share its room, and never one image', () => {
    const first = vm('first', 'a', { disks: [{ ...vda, path: '/var/lib/vms/first.raw' }] });
    const second = vm('second', 'a', { disks: [vda] });
    const seen = snapshot([host('a', { driver: 'libvirt' }), host('b', { driver: 'libvirt' })], [first, second], {
        images: [there({ free: mib(30) })],
    });
    const technique = { kind: 'precopy', name: undefined, options: copy, ladder: [] } as const;
    const why = (world: ReturnType<typeof worldOf>) => whyDisksStay(technique, situationOf(world, second, 'b')!);
    expect(why(worldOf(seen))).toBeUndefined();
    expect(why(afterMove(worldOf(seen), first, 'b'))).toMatch(/30 MiB free .* 48 MiB are needed/);
});

describe('before anything is placed', () => {
    const db = vm('db', 'a', { disks: [vda] });
    test('a local disk that no technique of the policy speaks of keeps its VM where it is', () => {
        expect(refusal(db)).toMatch(/stands on its host alone: copy it \(`storage copy "vda"`\)/);
        const use = {
            kind: 'technique',
            technique: 'precopy',
            name: undefined,
            options: copy,
            ladder: [],
            range: undefined as never,
        } as const;
        expect(refusal(db, [use])).toBeUndefined();
    });
    test('disks never go along with a switch to post-copy', () => {
        const seen = snapshot([host('a'), host('b')], [db], { images: [there()] });
        const situation = situationOf(worldOf(seen), db, 'b')!;
        expect(whyNotHere({ kind: 'hybrid', name: undefined, options: copy, ladder: [] }, situation)).toMatch(
            /post-copy and a copy of disks/,
        );
    });
});
