import { once } from 'node:events';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { expect, test } from 'vitest';
import { gatherWrites } from './gather-writes.js';

/** Counts what is handed to the system. */
class Counting extends Socket {
    sent = 0;

    override _write(...args: Parameters<Socket['_write']>): void {
        this.sent++;
        super._write(...args);
    }

    override _writev(...args: Parameters<NonNullable<Socket['_writev']>>): void {
        this.sent++;
        super._writev?.(...args);
    }
}

/** A socket connected to a server that keeps what it receives. */
async function connected() {
    const received: Buffer[] = [];
    const server = createServer((peer) => peer.on('data', (chunk: Buffer) => received.push(chunk)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = new Counting();
    socket.connect((server.address() as AddressInfo).port, '127.0.0.1');
    gatherWrites(socket);
    await once(socket, 'connect');
    return { socket, server, text: () => Buffer.concat(received).toString() };
}

test('pieces that are written in one turn are sent at once, in their order', async () => {
    const { socket, server, text } = await connected();
    for (const piece of ['one ', 'two ', 'three ']) socket.write(piece);
    await new Promise<void>((resolve) => socket.write('four ', () => resolve()));
    expect(socket.sent).toBe(1);
    await new Promise<void>((resolve) => socket.write('five', () => resolve()));
    expect(socket.sent).toBe(2);
    socket.end();
    await once(socket, 'close');
    expect(text()).toBe('one two three four five');
    server.close();
});

test('what was written is sent before the end of the socket', async () => {
    const { socket, server, text } = await connected();
    socket.write('goodbye');
    socket.end();
    await once(socket, 'close');
    expect(text()).toBe('goodbye');
    server.close();
});
