import { describe, expect, test } from 'vitest';
import { blockDevices, copiedDisks, movedImages } from './disks.js';
import { Reply } from './reply.js';

const drive = (more: Readonly<Record<string, unknown>> = {}, inserted: Readonly<Record<string, unknown>> = {}) => ({
    device: 'vda',
    qdev: '/machine/peripheral-anon/device[0]/virtio-backend',
    ...more,
    inserted: {
        'node-name': '#block1',
        file: '/vms/db.raw',
        drv: 'raw',
        ro: false,
        image: { 'virtual-size': 512, 'actual-size': 0 },
        ...inserted,
    },
});
const read = (...drives: readonly unknown[]) => blockDevices(new Reply(drives), '/srv');

test('a disk of -drive has the name that it was given, its image its path from the working directory on', () => {
    expect(read(drive({}, { file: 'db.raw' }))).toEqual([
        { target: 'vda', node: '#block1', path: '/srv/db.raw', kind: 'file', format: 'raw', readOnly: false, capacity: 512, allocated: 0 },
    ]);
});

test.each([
    ['by the id of its device', { device: '', qdev: '/machine/peripheral/disk0/virtio-backend' }, 'd0', 'disk0'],
    ['by the id of a device that QEMU tells without its place', { device: '', qdev: 'disk0' }, 'd0', 'disk0'],
    ['by its node, where its device has no id', { device: '' }, 'd0', 'd0'],
    [
        'by the place of its device, where nothing has a name',
        { device: '' },
        '#block1',
        '/machine/peripheral-anon/device[0]/virtio-backend',
    ],
])('a disk of -blockdev is named %s', (_, more, node, target) => {
    expect(read(drive(more, { 'node-name': node }))[0]?.target).toBe(target);
});

describe('what is copied', () => {
    const copied = (devices: ReturnType<typeof read>, disks = ['vda']) =>
        copiedDisks(
            { host: 'a', vm: 'db' },
            { live: true, postcopy: false, options: { storage: [{ mode: 'copy', disks, cap: 5 }] } },
            devices,
        );

    test('is the disk that the technique names, with its cap', () => {
        expect(copied(read(drive(), drive({ device: 'vdb' })))).toEqual([
            { target: 'vda', mode: 'copy', cap: 5, node: '#block1', path: '/vms/db.raw', format: 'raw', capacity: 512 },
        ]);
    });

    test.each([
        ['one that is not there', drive({ device: 'vdb' }), /the disk vda of db on a cannot be copied: there is none/],
        ['an empty drive', { device: 'vda' }, /it is no file/],
        ['one on the network', drive({}, { file: 'nbd://10.0.0.9/db' }), /it is no file/],
        ['one that is read-only', drive({}, { ro: true }), /it is read-only/],
    ])('is never %s', (_, one, why) => {
        expect(() => copied(read(one))).toThrow(why);
    });
});

describe('an image that the command line does not name', () => {
    const moved = (file: string, ...argv: readonly string[]) => movedImages(read(drive({}, { file })), { argv, cwd: '/srv' }).length;

    test('was put in the place of the one that it names', () => {
        expect(moved('/vms/overlay.qcow2', 'qemu', '-drive', 'file=/vms/db.raw,id=vda')).toBe(1);
    });

    test.each([
        ['as it stands', '/vms/db.raw', 'file=/vms/db.raw,id=vda'],
        ['from the working directory on', 'db.raw', 'file=db.raw'],
        ['with a comma in it', '/vms/a,b.raw', 'file=/vms/a,,b.raw'],
        ['in JSON', '/vms/db.raw', '{"driver":"file","filename":"/vms/db.raw"}'],
    ])('is none that is named %s', (_, file, word) => {
        expect(moved(file, 'qemu', '-drive', word)).toBe(0);
    });

    test('is no matter of a disc in a drive', () => {
        expect(movedImages(read(drive({}, { file: '/iso/other.iso', ro: true })), { argv: ['qemu'], cwd: '/' })).toEqual([]);
    });
});
