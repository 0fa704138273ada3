import { bytes, type BytesPerSecond, bytesPerSecond, mebibyte } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { CopiedDisk } from './disks.js';
import { clearMirrors, hasMirrors, Mirrors } from './mirrors.js';
import { QmpConnection } from './qmp.js';
import { Reply } from './reply.js';
import { type FakeAnswer, type FakeCommand, FakeQemu } from './testing/fake-qemu.js';

const soon = () => AbortSignal.timeout(5_000);
const size = bytes(100 * mebibyte);
const disk = (target: string, more: Partial<CopiedDisk> = {}): CopiedDisk => ({
    target,
    mode: 'copy',
    cap: undefined,
    node: `#${target}`,
    path: `/vms/${target}.raw`,
    format: 'raw',
    capacity: size,
    ...more,
});

interface Job {
    status: string;
    done: number;
    speed: number;
    error?: string;
}

/** A QEMU that has mirrors; `bend` answers in its place. */
class Mirroring {
    readonly jobs = new Map<string, Job>();
    readonly nodes = new Set<string>(['#vda']);
    readonly fake: FakeQemu;
    readonly #bend: (command: FakeCommand) => FakeAnswer;

    constructor(bend: (command: FakeCommand) => FakeAnswer = () => undefined) {
        this.#bend = bend;
        this.fake = new FakeQemu((command) => this.#bend(command) ?? this.#answer(command));
    }

    open(): Promise<QmpConnection> {
        return QmpConnection.open({ host: 'a', socket: '/a.qmp' }, this.fake.stream, soon());
    }

    job(id: string): Job {
        const job = this.jobs.get(id);
        if (!job) throw new Error(`no job ${id}`);
        return job;
    }

    commands(name: string) {
        return this.fake.commands.filter(({ execute }) => execute === name).map((one) => one.arguments);
    }

    #answer({ execute, arguments: args }: FakeCommand): FakeAnswer {
        const id = (args['job-id'] ?? args['device'] ?? args['id']) as string;
        switch (execute) {
            case 'blockdev-add':
                this.nodes.add(args['node-name'] as string);
                return { return: {} };
            case 'blockdev-del':
                this.nodes.delete(args['node-name'] as string);
                return { return: {} };
            case 'blockdev-mirror':
                this.jobs.set(id, { status: 'running', done: 0, speed: args['speed'] as number });
                return { return: {} };
            case 'block-job-set-speed':
                this.job(id).speed = args['speed'] as number;
                return { return: {} };
            case 'block-job-cancel':
                if (args['force'] === true) this.job(id).error = 'Operation canceled';
                this.job(id).status = 'concluded';
                return { return: {} };
            case 'job-dismiss':
                this.jobs.delete(id);
                return { return: {} };
            case 'query-jobs':
                return {
                    return: [...this.jobs].map(([job, { status, done, error }]) => ({
                        id: job,
                        status,
                        'current-progress': done,
                        'total-progress': size,
                        ...(error !== undefined && { error }),
                    })),
                };
            case 'query-block-jobs':
                return { return: [...this.jobs].map(([device, { speed }]) => ({ device, speed })) };
            case 'query-named-block-nodes':
                return { return: [...this.nodes].map((node) => ({ 'node-name': node })) };
            default:
                return { error: { class: 'CommandNotFound', desc: execute } };
        }
    }
}

const begin = async (qemu: Mirroring, disks: readonly CopiedDisk[], share?: BytesPerSecond, options: { tls?: true } = {}) =>
    Mirrors.begin(
        await qemu.open(),
        disks,
        { vm: 'db', address: '10.0.0.2', door: { port: 49_215 }, technique: { live: true, postcopy: false, options }, share },
        soon(),
    );

test('each disk has a mirror into what the destination serves, at its own speed, within the share of the move', async () => {
    const qemu = new Mirroring();
    const disks = [disk('vda', { cap: bytesPerSecond(10 * mebibyte) }), disk('vdb', { mode: 'preseeded' })];
    const mirrors = await begin(qemu, disks, bytesPerSecond(30 * mebibyte));
    expect(qemu.commands('blockdev-add').map((one) => [one['export'], one['server']])).toEqual([
        ['vda', { type: 'inet', host: '10.0.0.2', port: '49215' }],
        ['vdb', { type: 'inet', host: '10.0.0.2', port: '49215' }],
    ]);
    expect(qemu.commands('blockdev-mirror').map((one) => [one['device'], one['sync'], one['speed'], one['auto-dismiss']])).toEqual([
        ['#vda', 'full', 10 * mebibyte, false],
        ['#vdb', 'top', 20 * mebibyte, false],
    ]);
    await mirrors.setShare(bytesPerSecond(12 * mebibyte), soon());
    expect(qemu.commands('block-job-set-speed').map((one) => one['speed'])).toEqual([6 * mebibyte, 6 * mebibyte]);
    expect(await mirrors.settings(soon())).toEqual([{ setting: 'disk-bandwidth', asked: 6 * mebibyte, got: 6 * mebibyte }]);
});

test('where TLS is asked for, they have the certificates of the migration', async () => {
    const [encrypted, plain] = [new Mirroring(), new Mirroring()];
    await begin(encrypted, [disk('vda')], undefined, { tls: true });
    await begin(plain, [disk('vda')]);
    expect([encrypted, plain].map((one) => one.commands('blockdev-add')[0]?.['tls-creds'])).toEqual(['mig-run-tls', undefined]);
});

test('they are ready when each has caught up, and what is done of them is told', async () => {
    const qemu = new Mirroring();
    const mirrors = await begin(qemu, [disk('vda'), disk('vdb')]);
    let isReady = false;
    const ready = mirrors.ready(soon()).then(() => (isReady = true));
    Object.assign(qemu.job('mig-run-disk-0'), { status: 'ready', done: size });
    qemu.job('mig-run-disk-1').done = size / 4;
    expect(await mirrors.figures(soon())).toEqual({ total: 2 * size, remaining: (size * 3) / 4, sent: (size * 5) / 4 });
    expect(isReady).toBe(false);
    qemu.job('mig-run-disk-1').status = 'ready';
    await ready;
});

test('what is empty of a disk is passed over, and counts as done but not as sent', async () => {
    const qemu = new Mirroring();
    const mirrors = await begin(qemu, [disk('vda', { cap: bytesPerSecond(mebibyte) })]);
    qemu.job('mig-run-disk-0').done = size;
    const { remaining, sent } = await mirrors.figures(soon());
    expect(remaining).toBe(0);
    expect(sent).toBeLessThan(10 * mebibyte);
});

describe('at the switch', () => {
    const caughtUp = async (bend?: (command: FakeCommand) => FakeAnswer) => {
        const qemu = new Mirroring(bend);
        const mirrors = await begin(qemu, [disk('vda', { cap: bytesPerSecond(mebibyte) })]);
        qemu.job('mig-run-disk-0').status = 'ready';
        return { qemu, mirrors };
    };

    test('what is left goes without a cap, the mirror ends by itself, and nothing of it is left', async () => {
        const { qemu, mirrors } = await caughtUp();
        await mirrors.end(soon());
        const order = qemu.fake.commands.map(({ execute }) => execute).filter((name) => !name.startsWith('query'));
        expect(order.slice(-4)).toEqual(['block-job-set-speed', 'block-job-cancel', 'job-dismiss', 'blockdev-del']);
        expect(qemu.commands('block-job-cancel')).toEqual([{ device: 'mig-run-disk-0' }]);
        expect([...qemu.nodes]).toEqual(['#vda']);
        expect((await mirrors.figures(soon())).remaining).toBe(0);
    });

    test('a mirror that has not caught up ends nothing', async () => {
        const { qemu, mirrors } = await caughtUp();
        qemu.job('mig-run-disk-0').status = 'running';
        await expect(mirrors.end(soon())).rejects.toThrow(/copy of the disk vda of db from a has failed: it has not caught up/);
        expect(qemu.commands('block-job-cancel')).toEqual([]);
    });

    test('a mirror that ends with an error is no copy', async () => {
        const { qemu, mirrors } = await caughtUp(({ execute, arguments: { device } }) => {
            if (execute !== 'block-job-cancel') return undefined;
            Object.assign(qemu.job(device as string), { status: 'concluded', error: 'Input/output error' });
            return { return: {} };
        });
        await expect(mirrors.end(soon())).rejects.toThrow(/has failed: Input\/output error/);
    });
});

test('a mirror that breaks while memory is sent is heard of at once', async () => {
    const qemu = new Mirroring();
    const mirrors = await begin(qemu, [disk('vda')]);
    Object.assign(qemu.job('mig-run-disk-0'), { status: 'concluded', error: 'Broken pipe' });
    qemu.fake.event('JOB_STATUS_CHANGE', { id: 'mig-run-disk-0', status: 'concluded' });
    await expect(mirrors.broken).rejects.toThrow(/has failed: Broken pipe/);
});

test('whoever comes after us breaks off what is ours, and nothing else', async () => {
    const qemu = new Mirroring();
    qemu.nodes.add('mig-run-nbd-0');
    qemu.jobs.set('mig-run-disk-0', { status: 'running', done: 0, speed: 0 });
    qemu.jobs.set('mig-run-disk-1', { status: 'concluded', done: 0, speed: 0, error: 'Broken pipe' });
    qemu.jobs.set('backup', { status: 'running', done: 0, speed: 0 });
    const qmp = await qemu.open();
    await clearMirrors(qmp, soon());
    expect([...qemu.jobs.keys()]).toEqual(['backup']);
    expect([...qemu.nodes]).toEqual(['#vda']);
    expect(qemu.commands('block-job-cancel')).toEqual([{ device: 'mig-run-disk-0', force: true }]);
});

test('mirrors of ours are told from other jobs', () => {
    expect(hasMirrors(new Reply([{ id: 'backup' }]))).toBe(false);
    expect(hasMirrors(new Reply([{ id: 'backup' }, { id: 'mig-run-disk-0' }]))).toBe(true);
});
