import { mebibyte } from '@mig/language';
import { expect, test } from 'vitest';
import type { HostAccess } from '../../ssh/access.js';
import { connectDaemon } from './connect.js';
import { imagesAt } from './disks.js';
import { procedures } from './procedures.js';
import { fakeAccess } from './testing/fake-access.js';
import { DaemonRefusal, FakeDaemon } from './testing/fake-daemon.js';

const never = new AbortController().signal;
const socket = '/var/run/libvirt/libvirt-sock';

/** What is seen where a host's shell says this, with a storage pool in /pool, or none. */
async function seen(stdout: string, paths: readonly string[], pools = true) {
    const fake = new FakeDaemon()
        .on(procedures.connectListAllStoragePools, () => {
            if (!pools) throw new DaemonRefusal(3, 'no storage driver');
            return { pools: [{ name: 'p', uuid: new Uint8Array(16) }], count: 1 };
        })
        .on(procedures.storagePoolGetXmlDesc, () => ({ xml: '<pool><target><path>/pool</path></target></pool>' }));
    const connection = await connectDaemon(fakeAccess({ [socket]: fake }), { by: 'socket', socket }, never);
    const access = { run: () => Promise.resolve({ code: 0, stdout, stderr: '' }) } as unknown as HostAccess;
    return imagesAt('b', access, connection, paths, never);
}

test('a raw image is as large as its file, and takes what is allocated of it', async () => {
    const [image] = await seen('image 25165824 16 512 000102\nfree 100 4096\n', ['/vms/db.raw']);
    expect(image).toEqual({
        host: 'b',
        path: '/vms/db.raw',
        image: { size: 24 * mebibyte, allocated: 8192 },
        pool: false,
        free: 409_600,
    });
});

test('a qcow2 image says in its header how large it is', async () => {
    const header = `514649fb00000003${'00'.repeat(16)}0000000140000000`;
    const [image] = await seen(`image 197120 400 512 ${header}\nfree 100 4096\n`, ['/vms/db.qcow2']);
    expect(image?.image?.size).toBe(5 * 2 ** 30);
});

test('where nothing is, libvirt makes an image in the directory of an active pool alone', async () => {
    const stdout = 'nothing\nfree 10 4096\nnothing\nfree 10 4096\n';
    expect((await seen(stdout, ['/pool/db.raw', '/vms/db.raw'])).map(({ image, pool }) => [image, pool])).toEqual([
        [undefined, true],
        [undefined, false],
    ]);
    expect((await seen(stdout, ['/pool/db.raw', '/vms/db.raw'], false)).map(({ pool }) => pool)).toEqual([false, false]);
});
