import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocal } from '../../ssh/local-access.js';
import { Monitors } from './monitors.js';

const never = new AbortController().signal;

/** A socket that greets one client at a time, as QEMU does. */
class OneAtATime {
    served = 0;
    readonly #server: Server;
    readonly #waiting: Socket[] = [];
    #busy = false;

    constructor(path: string) {
        this.#server = createServer((socket) => {
            socket.on('error', () => undefined);
            this.#waiting.push(socket);
            this.#next();
        }).listen(path);
    }

    #next(): void {
        if (this.#busy) return;
        const socket = this.#waiting.shift();
        if (!socket) return;
        // A client that has gone meanwhile is passed over, as QEMU does when it reads its end.
        if (socket.destroyed || socket.readableEnded) return this.#next();
        this.#busy = true;
        this.served += 1;
        socket.write('{"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 0}}, "capabilities": []}}\r\n');
        socket.on('data', (data) => {
            for (const line of data.toString().trim().split('\n')) {
                const { execute, id } = JSON.parse(line) as { execute: string; id: number };
                socket.write(`${JSON.stringify({ return: {}, id })}\r\n`);
                if (execute === 'quit') socket.end();
            }
        });
        socket.on('close', () => {
            this.#busy = false;
            this.#next();
        });
    }

    close(): void {
        this.#server.close();
    }
}

describe('the QMP sockets of a host', () => {
    let directory: string;
    let path: string;
    let qemu: OneAtATime;
    beforeEach(async () => {
        directory = await mkdtemp(join(tmpdir(), 'mig-qmp-'));
        path = join(directory, 'db1.qmp');
        qemu = new OneAtATime(path);
    });
    afterEach(async () => {
        qemu.close();
        await rm(directory, { recursive: true });
    });

    test('one connection serves all who hold a socket, and is closed with the last of them', async () => {
        await using access = openLocal('kvm-a');
        await using monitors = new Monitors(access, { greetingWithinMs: 500 });
        const [one, other] = await Promise.all([monitors.hold(path, never), monitors.hold(path, never)]);
        expect(one.qmp).toBe(other.qmp);
        await one[Symbol.asyncDispose]();
        await one[Symbol.asyncDispose]();
        await other.qmp.execute('query-status', undefined, never);
        await other[Symbol.asyncDispose]();
        expect(one.qmp.isBroken).toBe(true);
        // The next one is greeted, also right after.
        await monitors.with(path, never, (qmp) => qmp.execute('query-status', undefined, never));
        expect(qemu.served).toBe(2);
    });

    test('a socket that another client holds is an error that says so, and free again when that one has gone', async () => {
        await using access = openLocal('kvm-a');
        await using theirs = new Monitors(access);
        await using ours = new Monitors(access, { greetingWithinMs: 50 });
        const held = await theirs.hold(path, never);
        await expect(ours.hold(path, never)).rejects.toMatchObject({
            code: 'timed-out',
            message: expect.stringMatching(/another client/) as unknown,
        });
        await held[Symbol.asyncDispose]();
        await using patient = new Monitors(access);
        await using _now = await patient.hold(path, never);
    });

    test('a connection that broke is not handed out again', async () => {
        await using access = openLocal('kvm-a');
        await using monitors = new Monitors(access);
        await using first = await monitors.hold(path, never);
        await first.qmp.execute('quit', undefined, never);
        await first.qmp.lost;
        await using second = await monitors.hold(path, never);
        expect(second.qmp).not.toBe(first.qmp);
        await second.qmp.execute('query-status', undefined, never);
    });

    test('a socket that is not there is told with where to say where it is', async () => {
        await using access = openLocal('kvm-a');
        await using monitors = new Monitors(access);
        await expect(monitors.hold(join(directory, 'none.qmp'), never)).rejects.toMatchObject({
            code: 'socket-missing',
            hint: expect.stringMatching(/under `qmp` in the inventory/) as unknown,
        });
    });
});
