import { bytes, mebibyte } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { MoveTechnique } from '../../../core/index.js';
import { openLocal } from '../../ssh/local-access.js';
import type { CopiedDisk } from './disks.js';
import { addressOf, doorCookie, mustReach, readDoor, serveDisks, stopServing } from './nbd.js';
import { QmpConnection } from './qmp.js';
import { type FakeAnswer, type FakeCommand, FakeQemu } from './testing/fake-qemu.js';

const soon = () => AbortSignal.timeout(10_000);
const size = 24 * mebibyte;
const disk: CopiedDisk = {
    target: 'vda',
    mode: 'copy',
    cap: undefined,
    node: '#source',
    path: '/vms/db.raw',
    format: 'raw',
    capacity: bytes(size),
};

/** The destination's own disk, and a server that starts where a port is free. */
const waiting =
    (facts: { readonly size?: number; readonly taken?: (port: number) => boolean } = {}) =>
    ({ execute, arguments: args }: FakeCommand): FakeAnswer => {
        if (execute === 'query-block') {
            const image = { 'virtual-size': facts.size ?? size };
            return { return: [{ device: 'vda', inserted: { 'node-name': '#own', file: '/vms/db.raw', drv: 'raw', image } }] };
        }
        const { port } = (args['addr'] as { data?: { port?: string } } | undefined)?.data ?? {};
        if (execute === 'nbd-server-start' && facts.taken?.(Number(port)) === true)
            return { error: { class: 'GenericError', desc: 'Failed to bind socket: Address already in use' } };
        return { return: {} };
    };

async function serve(facts: Parameters<typeof waiting>[0], options: MoveTechnique['options'] = {}, listen = '10.0.0.2') {
    const fake = new FakeQemu(waiting(facts));
    const qmp = await QmpConnection.open({ host: 'b', socket: '/b.qmp' }, fake.stream, soon());
    const technique = { live: true, postcopy: false, options };
    const door = await serveDisks(qmp, { name: 'db', cwd: '/' }, [disk], { listen, technique }, soon());
    return { door, asked: (name: string) => fake.commands.filter(({ execute }) => execute === name).map((one) => one.arguments) };
}

test('the image of each disk is served by its name, to be written to, at the last port that is free', async () => {
    const { door, asked } = await serve({ taken: (port) => port > 49_213 });
    expect(door).toEqual({ port: 49_213 });
    expect(asked('nbd-server-start').at(-1)).toEqual({ addr: { type: 'inet', data: { host: '10.0.0.2', port: '49213' } } });
    expect(asked('block-export-add')).toEqual([{ type: 'nbd', id: 'mig-run-0', 'node-name': '#own', name: 'vda', writable: true }]);
});

test('where TLS is asked for, it is not served without', async () => {
    const { asked } = await serve({}, { tls: true });
    expect(asked('nbd-server-start')).toEqual([expect.objectContaining({ 'tls-creds': 'mig-run-tls' })]);
});

test('an address of IPv6 is named without its brackets', async () => {
    const { asked } = await serve({}, {}, '[fd00::2]');
    expect(asked('nbd-server-start')).toMatchObject([{ addr: { data: { host: 'fd00::2', ipv6: true } } }]);
    expect(addressOf('tcp:[fd00::2]')).toBe('fd00::2');
});

test.each([
    [
        'is of another size',
        { size: mebibyte },
        /image at \/vms\/db\.raw on b has 1048576 bytes for the guest, and the disk vda of db has 25165824/,
    ],
    ['cannot be served, since every port is taken', { taken: () => true }, /no port of b is free for the copy of disks, of 49152 to 49215/],
] as const)('an image that %s is refused', async (_, facts, why) => {
    await expect(serve(facts)).rejects.toThrow(why);
});

test('what is served no more is no error', async () => {
    const fake = new FakeQemu(() => ({ error: { class: 'GenericError', desc: 'NBD server not running' } }));
    await stopServing(await QmpConnection.open({ host: 'b', socket: '/b.qmp' }, fake.stream, soon()), soon());
    const other = new FakeQemu(() => ({ error: { class: 'GenericError', desc: 'out of order' } }));
    const qmp = await QmpConnection.open({ host: 'b', socket: '/b.qmp' }, other.stream, soon());
    await expect(stopServing(qmp, soon())).rejects.toThrow(/out of order/);
});

describe('the source', () => {
    test('reads where the disks go from what the destination told', () => {
        expect(readDoor('a', doorCookie({ port: 49_200 }))).toEqual({ port: 49_200 });
        expect(() => readDoor('a', new Uint8Array())).toThrow(/a was not told where its disks are to be copied to/);
    });

    test('is not let try where nobody answers: its guest would stand still meanwhile', async () => {
        // Port 1 of the loopback has nobody.
        await expect(mustReach(openLocal('a'), 'db', '127.0.0.1', { port: 1 }, soon())).rejects.toThrow(
            /a does not reach 127\.0\.0\.1 on TCP port 1 for the disks of db/,
        );
    });
});
