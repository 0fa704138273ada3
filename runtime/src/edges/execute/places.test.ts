import { createServer } from 'node:net';
import { milliseconds } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { inventoryOf } from './testing.js';
import { outputKept, placesOf } from './places.js';

const never = new AbortController().signal;
const command = (argv: readonly string[], within = 5000) => ({
    argv,
    environment: { MIG_VM: '$(id) "a b"' },
    within: milliseconds(within),
});

describe('a command on this machine', () => {
    test('gets its arguments and environment as they are, without a shell between', async () => {
        await using places = placesOf(inventoryOf({}));
        const argv = ['sh', '-c', 'printf "%s|%s" "$1" "$MIG_VM"', 'sh', '$(id); `id` "x" \\'];
        expect(await places.run(undefined, command(argv), never)).toEqual({
            code: 0,
            timedOut: false,
            output: '$(id); `id` "x" \\|$(id) "a b"',
        });
    });

    test('is ended where it runs when its time is up', async () => {
        await using places = placesOf(inventoryOf({}));
        const end = await places.run(undefined, command(['sh', '-c', 'echo begun; exec sleep 30'], 200), never);
        expect(end).toMatchObject({ timedOut: true, output: 'begun' });
    });

    test('may write more than is kept: the end of it is', async () => {
        await using places = placesOf(inventoryOf({}));
        const end = await places.run(undefined, command(['sh', '-c', 'seq 1 100000; echo the end >&2; exit 7']), never);
        expect(end.code).toBe(7);
        expect(end.output).toMatch(/^\(\d+ bytes before this\)\n/);
        expect(end.output).toContain('the end');
        expect(end.output.length).toBeLessThan(outputKept + 100);
    });

    test('that does not exist ends with the code that says so', async () => {
        await using places = placesOf(inventoryOf({}));
        expect((await places.run(undefined, command(['no-such-program-here']), never)).code).toBe(127);
    });
});

describe('a connection from this machine', () => {
    test('is made where somebody listens, and refused where nobody does', async () => {
        await using places = placesOf(inventoryOf({}));
        const server = createServer();
        await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
        const address = server.address();
        const port = typeof address === 'object' && address !== null ? address.port : 0;
        await places.connect(undefined, '127.0.0.1', port, never);
        expect(await places.ask(undefined, '127.0.0.1', port, never)).toBe('accepted');
        await new Promise((closed) => server.close(closed));
        await expect(places.connect(undefined, '127.0.0.1', port, never)).rejects.toThrow(/ECONNREFUSED/);
        // A refusal is an answer, where no more than an answer is asked for.
        expect(await places.ask(undefined, '127.0.0.1', port, never)).toBe('refused');
        await expect(places.ask(undefined, 'no-such-name.invalid', port, never)).rejects.toThrow(/ENOTFOUND|EAI_AGAIN/);
    });
});

test('a place that the inventory does not have is an error that names it', async () => {
    await using places = placesOf(inventoryOf({}));
    await expect(places.run('probe', command(['true']), never)).rejects.toThrow(/probe, which is neither a host nor a probe/);
});
