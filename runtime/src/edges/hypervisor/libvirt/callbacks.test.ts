import { expect, test } from 'vitest';
import { Callbacks } from './callbacks.js';
import { type Message, procedures } from './procedures.js';
import { RpcConnection } from './rpc.js';
import { DaemonRefusal, FakeDaemon } from './testing/fake-daemon.js';

const never = new AbortController().signal;
const dom = { name: 'web', uuid: new Uint8Array(16), id: 3 };

function connected(daemon: FakeDaemon): { rpc: RpcConnection; callbacks: Callbacks } {
    const callbacks = new Callbacks();
    return { callbacks, rpc: new RpcConnection('kvm-a', daemon.connect(), (packet) => callbacks.receive(packet)) };
}

test('events that come before the reply of their registration are delivered, in order', async () => {
    const daemon = new FakeDaemon().on(procedures.eventRegister, (_args, connection) => {
        connection.tell('migrationIteration', { callbackId: 7, dom, iteration: 1 });
        connection.tell('migrationIteration', { callbackId: 7, dom, iteration: 2 });
        return { callbackId: 7 };
    });
    const { rpc, callbacks } = connected(daemon);
    const seen: number[] = [];
    await callbacks.onDomainEvent(rpc, 'migrationIteration', dom, ({ iteration }) => seen.push(iteration), never);
    daemon.connections[0]!.tell('migrationIteration', { callbackId: 7, dom, iteration: 3 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual([1, 2, 3]);
});

test('the same number names different callbacks for different kinds of events', async () => {
    const daemon = new FakeDaemon()
        .on(procedures.eventRegister, () => ({ callbackId: 1 }))
        .on(procedures.monitorEventRegister, () => ({ callbackId: 1 }));
    const { rpc, callbacks } = connected(daemon);
    const seen: string[] = [];
    await callbacks.onDomainEvent(rpc, 'lifecycle', undefined, ({ event }) => seen.push(`lifecycle ${String(event)}`), never);
    await callbacks.onMonitorEvent(rpc, ['STOP'], undefined, ({ event }) => seen.push(event), never);
    const stop: Message<'monitor'> = { callbackId: 1, dom, event: 'STOP', seconds: 5n, micros: 1, details: undefined };
    daemon.connections[0]!.tell('monitor', stop);
    daemon.connections[0]!.tell('lifecycle', { callbackId: 1, dom, event: 3, detail: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(['STOP', 'lifecycle 3']);
});

test("QEMU's events are asked for by one expression, and their absence is told", async () => {
    const daemon = new FakeDaemon().on(procedures.monitorEventRegister, () => {
        throw new DaemonRefusal(3, 'this function is not supported by the connection driver');
    });
    const { rpc, callbacks } = connected(daemon);
    expect(await callbacks.onMonitorEvent(rpc, ['STOP', 'RESUME'], undefined, () => undefined, never)).toBe(false);
    expect(daemon.asked).toMatchObject([{ args: { dom: undefined, event: '^(STOP|RESUME)$', flags: 1 } }]);
});
