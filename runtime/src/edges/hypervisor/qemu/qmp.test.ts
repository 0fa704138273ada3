import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { HypervisorError } from '../errors.js';
import { largestObject } from './json-objects.js';
import { QmpConnection, type QmpEvent, type QmpOptions } from './qmp.js';
import { type FakeAnswer, type FakeCommand, FakeQemu } from './testing/fake-qemu.js';

const never = new AbortController().signal;
const name = { host: 'kvm-a', socket: '/run/qemu/db1.qmp' };
const open = (server: FakeQemu, options?: QmpOptions): Promise<QmpConnection> => QmpConnection.open(name, server.stream, never, options);
const ok = (value: unknown = {}): FakeAnswer => ({ return: value });

describe('QMP', () => {
    test('greets, begins, and knows the version of what answers', async () => {
        const server = new FakeQemu(() => ok());
        await using qmp = await open(server);
        expect(qmp.version).toBe('10.0.2');
        expect(server.commands.map(({ execute }) => execute)).toEqual(['qmp_capabilities']);
    });

    test('matches replies by id, whatever their order, with events between them', async () => {
        const late: FakeCommand[] = [];
        const server = new FakeQemu((command, at) => {
            late.push(command);
            if (late.length < 3) return undefined;
            for (const one of [...late].reverse()) {
                at.event('MIGRATION', { status: 'active' });
                at.send({ return: { asked: one.arguments['n'] }, id: one.id });
            }
            return undefined;
        });
        await using qmp = await open(server);
        const heard: QmpEvent[] = [];
        qmp.onEvent((event) => heard.push(event));
        const replies = await Promise.all([1, 2, 3].map((n) => qmp.execute('query-status', { n }, never)));
        expect(replies.map((reply) => reply.at('asked').number)).toEqual([1, 2, 3]);
        expect(heard.map(({ name: event, data, at }) => [event, data.at('status').text, at])).toEqual(
            Array.from({ length: 3 }, () => ['MIGRATION', 'active', 1_700_000_000_250]),
        );
    });

    test('has four commands on the wire at most, and sends the others in order', async () => {
        const held: FakeCommand[] = [];
        const server = new FakeQemu((command) => {
            held.push(command);
            return undefined;
        });
        await using qmp = await open(server);
        const all = Array.from({ length: 9 }, (_, n) => qmp.execute('query-status', { n }, never));
        for (let n = 0; n < 9; n += 1) {
            await expect.poll(() => held.length).toBe(Math.min(9, n + 4));
            server.send({ return: {}, id: held[n]?.id });
        }
        await Promise.all(all);
        expect(held.map((command) => command.arguments['n'])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    });

    test("an error reply has QEMU's class and words", async () => {
        const server = new FakeQemu(({ execute }) => ({
            error:
                execute === 'cont'
                    ? { class: 'GenericError', desc: 'Failed to get "write" lock' }
                    : { class: 'CommandNotFound', desc: 'no' },
        }));
        await using qmp = await open(server);
        await expect(qmp.execute('cont', undefined, never)).rejects.toMatchObject({
            code: 'refused',
            host: 'kvm-a',
            errorClass: 'GenericError',
            description: 'Failed to get "write" lock',
            message: 'kvm-a: Failed to get "write" lock (cont: GenericError)',
        });
        await expect(qmp.execute('query-nothing', undefined, never)).rejects.toMatchObject({ code: 'feature-missing' });
        // It goes on after an error.
        expect(qmp.isBroken).toBe(false);
    });

    test('a socket that is busy says so, and how to mend it', async () => {
        const server = new FakeQemu(() => ok(), { greets: false });
        await expect(open(server, { greetingWithinMs: 20 })).rejects.toMatchObject({
            code: 'timed-out',
            message: expect.stringMatching(/\/run\/qemu\/db1\.qmp of kvm-a says nothing.*another client holds it/) as unknown,
            hint: expect.stringMatching(/one client at a time/) as unknown,
        });
        expect(server.stream.destroyed).toBe(true);
    });

    test('a monitor for people is told from QMP', async () => {
        const server = new FakeQemu(() => ok(), { greets: false });
        server.raw("QEMU 10.0.2 monitor - type 'help' for more information\r\n(qemu) ");
        await expect(open(server)).rejects.toMatchObject({ code: 'protocol', message: expect.stringMatching(/for people/) as unknown });
    });

    test('closed in the middle of a reply: the command is lost, not answered', async () => {
        const server = new FakeQemu((_, at) => {
            at.raw('{"return": {"status": "runn');
            at.close();
            return undefined;
        });
        const qmp = await open(server);
        await expect(qmp.execute('query-status', undefined, never)).rejects.toMatchObject({
            code: 'host-lost',
            message: expect.stringMatching(/lost during query-status: QEMU closed it/) as unknown,
        });
        expect((await qmp.lost).why).toMatch(/QEMU closed it/);
        await expect(qmp.execute('query-status', undefined, never)).rejects.toMatchObject({ code: 'host-lost' });
        await qmp[Symbol.asyncDispose]();
    });

    test.each([
        ['an object without an end', `{"return": "${'x'.repeat(largestObject)}`],
        ['no JSON', '{"return": }\r\n'],
        ['a reply to nothing', '{"return": {}, "id": 99}\r\n'],
        ['an error that is nobody’s', '{"error": {"class": "GenericError", "desc": "Invalid JSON syntax"}}\r\n'],
        ['a message of no known kind', '{"hello": 1}\r\n'],
    ])('%s breaks the connection and every command that waits', async (_, text) => {
        const server = new FakeQemu((__, at) => {
            at.raw(text);
            return undefined;
        });
        const qmp = await open(server);
        const waiting = await Promise.allSettled([1, 2].map(() => qmp.execute('query-status', undefined, never)));
        expect(waiting.map((one) => one.status === 'rejected' && (one.reason as HypervisorError).code)).toEqual(['protocol', 'protocol']);
        expect((await qmp.lost).why).toMatch(/does not speak QMP/);
        await qmp[Symbol.asyncDispose]();
    });

    test('gives up a command after its time or by the signal; a reply that comes then is nobody’s, and harms nothing', async () => {
        const held: FakeCommand[] = [];
        const server = new FakeQemu((command) => {
            if (command.execute === 'query-name') return ok({ name: 'db1' });
            held.push(command);
            return undefined;
        });
        await using qmp = await open(server, { answerWithinMs: 30 });
        await expect(qmp.execute('stop', undefined, never)).rejects.toMatchObject({ code: 'timed-out' });
        const over = new AbortController();
        const given = qmp.execute('stop', undefined, over.signal);
        over.abort(new Error('no more'));
        await expect(given).rejects.toThrow('no more');
        for (const command of held) server.send({ return: {}, id: command.id });
        expect((await qmp.execute('query-name', undefined, never)).at('name').text).toBe('db1');
    });

    test('hears no events any more when told so', async () => {
        const server = new FakeQemu(() => ok());
        await using qmp = await open(server);
        const heard: string[] = [];
        const stop = qmp.onEvent((event) => heard.push(event.name));
        server.event('STOP');
        await qmp.execute('query-status', undefined, never);
        stop();
        server.event('RESUME');
        await qmp.execute('query-status', undefined, never);
        expect(heard).toEqual(['STOP']);
    });

    test('a stream that closed before us, and tells it once, keeps nobody waiting', async () => {
        const server = new FakeQemu(() => ok());
        const qmp = await open(server);
        // As a channel of SSH does: closed, and not destroyed.
        server.stream.emit('close');
        await qmp.lost;
        server.stream.destroy = (): Duplex => server.stream;
        await qmp[Symbol.asyncDispose]();
    });

    test('our own goodbye is no loss', async () => {
        const server = new FakeQemu(() => ok());
        const qmp = await open(server);
        let lost = false;
        void qmp.lost.then(() => (lost = true));
        await qmp[Symbol.asyncDispose]();
        await new Promise((resolve) => setTimeout(resolve, 5));
        expect(lost).toBe(false);
        expect(server.stream).toBeInstanceOf(Duplex);
        expect(server.stream.destroyed).toBe(true);
    });
});
