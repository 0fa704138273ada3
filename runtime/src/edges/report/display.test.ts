import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { bytes, bytesPerSecond, mebibyte } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { noColour, simulate, type MigrationEvent } from '../../core/index.js';
import { move, planOf } from '../../core/simulate/plan-builders.js';
import { host, noon, snapshot, vm } from '../../core/testing/builders.js';
import { follow } from './display.js';
import { JsonProgress } from './json.js';
import { PipeProgress } from './pipe.js';
import { TerminalProgress } from './terminal.js';

const guests = ['web', 'db'].map((name) =>
    vm(name, 'a', { memory: bytes(256 * mebibyte), dirtyRate: bytesPerSecond(mebibyte), workingSet: bytes(16 * mebibyte) }),
);
const from = snapshot([host('a'), host('b')], guests);
const events = simulate(
    planOf(
        from,
        guests.map((g) => move(g, 'b')),
    ),
    from,
    { now: noon, seed: 7, run: 'r1' },
);

class Collecting extends Writable {
    text = '';
    readonly columns: number = 72;
    readonly rows: number = 10;

    override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
        this.text += chunk.toString();
        done();
    }
}

/** What a terminal shows after this output: as much of ANSI as the display uses. */
function screenOf(output: string): readonly string[] {
    const lines: string[] = [''];
    let row = 0;
    for (const part of output.split(/(\u001b\[[?\d]*[A-Za-z]|\n)/u)) {
        const up = /^\u001b\[(\d+)A$/u.exec(part)?.[1];
        if (up !== undefined) row = Math.max(0, row - Number(up));
        else if (part === '\u001b[0J') lines.splice(row, Infinity, '');
        else if (part === '\n') lines[(row += 1)] ??= '';
        else if (!part.startsWith('\u001b')) lines[row] = (lines[row] ?? '') + part;
    }
    return lines.filter((line) => line !== '');
}

describe('on a terminal', () => {
    test('the table is drawn in place: one headline, one line for each move, and the cursor is back', async () => {
        const stream = new Collecting();
        await follow(events, new TerminalProgress(stream, { palette: noColour }));
        const screen = screenOf(stream.text);
        expect(screen.filter((line) => line.includes(' of 2 moved'))).toEqual(['2 of 2 moved   5 s   simulated']);
        expect(screen.map((line) => line.split(' ')[0])).toEqual(['2', 'VM', 'web', 'db']);
        expect(stream.text.startsWith('\u001b[?25l')).toBe(true);
        expect(stream.text.endsWith('\u001b[?25h')).toBe(true);
    });
    test('a warning stays above the table', async () => {
        const stream = new Collecting();
        const warned = events.flatMap((e): MigrationEvent[] =>
            e.type === 'guest-stopped' ? [e, { type: 'note', at: e.at, level: 'alarm', move: e.move, text: `look at\n${e.move}` }] : [e],
        );
        await follow(warned, new TerminalProgress(stream, { palette: noColour }));
        expect(screenOf(stream.text).slice(0, 2)).toEqual(['look at web-move', 'look at db-move']);
    });
    test('a listener is left on nothing but the stream', async () => {
        const before = process.listenerCount('exit');
        const stream = new Collecting();
        await follow(events, new TerminalProgress(stream));
        expect(process.listenerCount('exit')).toBe(before);
        expect(stream.listenerCount('resize')).toBe(0);
    });
});

describe('through a pipe', () => {
    test('a run is a few lines', async () => {
        const stream = new Collecting();
        await follow(events, new PipeProgress(stream));
        expect(stream.text.split('\n').map((line) => line.replace(/\d+(\.\d+)? (s|ms|MiB)/g, 'N $2').trim())).toEqual([
            'N s  simulated run r1: 2 VMs to move',
            'N s  web: a to b',
            'N s  db: a to b',
            'N s  web: moved to b in N s, downtime N ms, N MiB sent',
            'N s  db: moved to b in N s, downtime N ms, N MiB sent',
            'N s  run ended: complete',
            '',
        ]);
    });
    test('a long quiet run says how far it is', async () => {
        const stream = new Collecting();
        const slow = events.map((e) => ({ ...e, at: (noon + (e.at - noon) * 20) as typeof e.at }));
        await follow(slow, new PipeProgress(stream));
        expect(stream.text).toMatch(/0 of 2 moved, 2 moving/);
    });
});

describe('as JSON', () => {
    test('every event is one line that reads back as it was', async () => {
        const stream = new Collecting();
        await follow(events, new JsonProgress(stream));
        const read = stream.text
            .trimEnd()
            .split('\n')
            .map((line): unknown => JSON.parse(line));
        expect(read).toEqual(JSON.parse(JSON.stringify(events)));
    });
});

describe('nobody reads any more', () => {
    test('a stream that fails with EPIPE loses nothing but the display', async () => {
        const stream = new PassThrough();
        const display = new PipeProgress(stream);
        stream.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
        expect(await follow(events, display)).toHaveLength(events.length);
    });
    test('a terminal that is hung up ends no run', async () => {
        const stream = new Collecting();
        const display = new TerminalProgress(stream);
        stream.destroy(new Error('read EIO'));
        expect(await follow(events, display)).toHaveLength(events.length);
    });
    test('a real pipe whose reader leaves at once', async () => {
        const reader = spawn('true', { stdio: ['pipe', 'ignore', 'ignore'] });
        await once(reader, 'exit');
        const display = new JsonProgress(reader.stdin);
        expect(await follow(events, display)).toHaveLength(events.length);
        await new Promise((done) => setImmediate(done));
    });
    test('an error of the run itself is not hidden, and the cursor is back', async () => {
        const stream = new Collecting();
        async function* failing(): AsyncGenerator<MigrationEvent> {
            yield* events.slice(0, 5);
            await Promise.reject(new Error('the journal is full'));
        }
        await expect(follow(failing(), new TerminalProgress(stream))).rejects.toThrow('the journal is full');
        expect(stream.text.endsWith('\u001b[?25h')).toBe(true);
    });
});

test('in a run, time between events is told by the clock that is given', () => {
    const stream = new Collecting();
    const later = (noon + 65_000) as typeof noon;
    const display = new TerminalProgress(stream, { palette: noColour, now: () => later });
    for (const event of events.slice(0, 4)) display.show(event.type === 'run-started' ? { ...event, simulated: false } : event);
    display[Symbol.dispose]();
    expect(screenOf(stream.text)[0]).toContain('1 min 5 s');
});
