import { describe, expect, test } from 'vitest';
import { type Packet, packetStatus, packetTypes } from './framing.js';
import { procedures, programs } from './procedures.js';
import { RpcConnection } from './rpc.js';
import { DaemonRefusal, type FakeConnection, FakeDaemon } from './testing/fake-daemon.js';

const never = new AbortController().signal;

function connected(daemon: FakeDaemon): { rpc: RpcConnection; there: FakeConnection; messages: Packet[] } {
    const messages: Packet[] = [];
    const rpc = new RpcConnection('kvm-a', daemon.connect(), (packet) => messages.push(packet));
    return { rpc, there: daemon.connections[0]!, messages };
}

/** Lets everything that can happen without further input happen. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** A daemon whose hostname calls are answered when the test says so, in the order in which it says so. */
function slowDaemon(): { daemon: FakeDaemon; waiting: ((name: string) => void)[] } {
    const waiting: ((name: string) => void)[] = [];
    const daemon = new FakeDaemon().on(
        procedures.connectGetHostname,
        () => new Promise((resolve) => waiting.push((hostname) => resolve({ hostname }))),
    );
    return { daemon, waiting };
}

describe('calls', () => {
    test('replies find their calls in any order', async () => {
        const { daemon, waiting } = slowDaemon();
        const { rpc } = connected(daemon);
        const calls = [1, 2, 3].map(() => rpc.call(procedures.connectGetHostname, undefined, never));
        await settled();
        waiting[2]!('third');
        waiting[0]!('first');
        waiting[1]!('second');
        expect((await Promise.all(calls)).map((r) => r.hostname)).toEqual(['first', 'second', 'third']);
    });

    test('no more than four are on the wire, and the next goes out when one comes back', async () => {
        const { daemon, waiting } = slowDaemon();
        const { rpc } = connected(daemon);
        const calls = [1, 2, 3, 4, 5, 6].map(() => rpc.call(procedures.connectGetHostname, undefined, never));
        await settled();
        expect(waiting).toHaveLength(4);
        waiting[3]!('a');
        await settled();
        expect(waiting).toHaveLength(5);
        for (let answered = 0; answered < 6; answered += 1) {
            waiting[answered]?.('b');
            await settled();
        }
        expect((await Promise.all(calls)).map((r) => r.hostname)).toHaveLength(6);
    });

    test('a call that is given up in the queue is never sent; one on the wire keeps its place until its reply', async () => {
        const { daemon, waiting } = slowDaemon();
        const { rpc } = connected(daemon);
        const given = new AbortController();
        const onWire = rpc.call(procedures.connectGetHostname, undefined, given.signal);
        const others = [1, 2, 3].map(() => rpc.call(procedures.connectGetHostname, undefined, never));
        const queued = rpc.call(procedures.connectGetHostname, undefined, given.signal);
        const last = rpc.call(procedures.connectGetHostname, undefined, never);
        const rejected = Promise.all([expect(onWire).rejects.toThrow('enough'), expect(queued).rejects.toThrow('enough')]);
        await settled();
        given.abort(new Error('enough'));
        await rejected;
        await settled();
        expect(waiting).toHaveLength(4);
        waiting[0]!('late');
        await settled();
        expect(waiting).toHaveLength(5);
        for (const answer of waiting) answer('x');
        await Promise.all([...others, last]);
        expect(daemon.asked).toHaveLength(5);
    });

    test('an error reply says what the host said, to which call, with its number', async () => {
        const daemon = new FakeDaemon().on(procedures.domainLookupByUuid, () => {
            throw new DaemonRefusal(42, 'no domain with matching uuid');
        });
        const { rpc } = connected(daemon);
        await expect(rpc.call(procedures.domainLookupByUuid, { uuid: new Uint8Array(16) }, never)).rejects.toMatchObject({
            code: 'no-such-vm',
            host: 'kvm-a',
            message: 'kvm-a: no domain with matching uuid (domainLookupByUUID)',
            native: { code: 42, domain: 10 },
        });
    });

    test('a procedure that an old daemon does not know is a missing feature', async () => {
        const { rpc } = connected(new FakeDaemon());
        await expect(rpc.call(procedures.connectGetHostname, undefined, never)).rejects.toMatchObject({ code: 'feature-missing' });
    });

    test('an answer that does not fit its layout is a fault of the protocol, and the connection goes on', async () => {
        const daemon = new FakeDaemon();
        const { rpc, there } = connected(daemon);
        const call = rpc.call(procedures.migratePerform, perform, never);
        there.write({
            header: { program: programs.remote, version: 1, procedure: 305, type: packetTypes.reply, serial: 1, status: packetStatus.ok },
            payload: Buffer.from('ffff'),
        });
        await expect(call).rejects.toMatchObject({ code: 'protocol' });
    });
});

describe('keepalive', () => {
    test('each ping is answered, also while calls block', async () => {
        const { daemon } = slowDaemon();
        const { rpc, there } = connected(daemon);
        const blocked = [1, 2, 3, 4, 5].map(() => rpc.call(procedures.connectGetHostname, undefined, never));
        const ping = { program: programs.keepalive, version: 1, procedure: 1, type: packetTypes.message, serial: 0, status: 0 };
        there.write({ header: ping, payload: new Uint8Array() });
        await settled();
        expect(there.received.filter((p) => p.header.program === programs.keepalive).map((p) => p.header.procedure)).toEqual([2]);
        const ended = Promise.allSettled(blocked);
        await rpc[Symbol.asyncDispose]();
        expect((await ended).every((call) => call.status === 'rejected')).toBe(true);
    });
});

describe('the end of a connection', () => {
    test('when the daemon goes away, every call fails as lost, waiting ones and later ones', async () => {
        const { daemon } = slowDaemon();
        const { rpc, there } = connected(daemon);
        const calls = [1, 2, 3, 4, 5].map(() => rpc.call(procedures.connectGetHostname, undefined, never));
        const failures = Promise.allSettled(calls);
        there.end();
        for (const failure of await failures) expect(failure).toMatchObject({ status: 'rejected', reason: { code: 'host-lost' } });
        expect((await rpc.lost).why).toContain('the daemon closed it');
        await expect(rpc.call(procedures.connectGetHostname, undefined, never)).rejects.toMatchObject({ code: 'host-lost' });
    });

    test('bytes that are no packet end it', async () => {
        const { rpc, there } = connected(new FakeDaemon());
        const call = rpc.call(procedures.migratePerform, perform, never);
        there.write({
            header: { program: programs.remote, version: 1, procedure: 1, type: packetTypes.reply, serial: 77, status: 0 },
            payload: new Uint8Array(),
        });
        await expect(call).rejects.toMatchObject({ code: 'protocol', message: expect.stringContaining('call 77') as string });
    });

    test('disposing of it says goodbye and is no loss', async () => {
        const daemon = new FakeDaemon();
        const { rpc } = connected(daemon);
        await rpc[Symbol.asyncDispose]();
        expect(daemon.names()).toEqual(['connectClose']);
        expect(await Promise.race([rpc.lost, settled().then(() => 'not lost')])).toBe('not lost');
    });
});

const perform = {
    dom: { name: 'x', uuid: new Uint8Array(16), id: 1 },
    destinationUri: undefined,
    params: [],
    cookieIn: new Uint8Array(),
    flags: 0,
};
