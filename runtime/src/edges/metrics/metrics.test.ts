import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { epochMs } from '@mig/language';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MigrationEvent } from '../../core/index.js';
import { execute } from '../execute/execute.js';
import { all, bench, guest, inventoryOf, mibPerSecond, moveOf, planOf } from '../execute/testing.js';
import { exposition } from './exposition.js';
import { withMetrics } from './follow.js';
import { openMetrics } from './outlet.js';
import { RunMetrics } from './run-metrics.js';

const guests = [guest('web "1"\\', { dirtyRate: mibPerSecond(20) }), guest('db')];
async function aRun(): Promise<readonly MigrationEvent[]> {
    const { ports } = bench(inventoryOf({ a: guests, b: [] }), {
        faults: [{ call: 'prepare', vm: 'db', when: 'before', does: { kind: 'refuse' } }],
    });
    return all(execute(planOf(guests.map((g) => moveOf(g, 'a', 'b'))), ports));
}

const noComplaint = (message: string): never => {
    throw new Error(message);
};

interface Parsed {
    readonly types: ReadonlyMap<string, string>;
    readonly values: ReadonlyMap<string, number>;
}

/** The format, line by line; throws at anything that is not of it. */
function parse(text: string): Parsed {
    const [types, values, helped] = [new Map<string, string>(), new Map<string, number>(), new Set<string>()];
    expect(text.endsWith('\n')).toBe(true);
    for (const line of text.trimEnd().split('\n')) {
        const help = /^# HELP ([a-z_]+) \S.*$/.exec(line)?.[1];
        const type = /^# TYPE ([a-z_]+) (gauge|counter)$/.exec(line);
        const sample = /^([a-z_]+)((?:\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})?) (-?\d\S*|NaN|[+-]Inf)$/.exec(line);
        if (help !== undefined) helped.add(help);
        else if (type) types.set(type[1] ?? '', type[2] ?? '');
        else if (sample) {
            expect(helped.has(sample[1] ?? '') && types.has(sample[1] ?? ''), line).toBe(true);
            expect(values.has(line.slice(0, line.lastIndexOf(' '))), `twice: ${line}`).toBe(false);
            values.set(line.slice(0, line.lastIndexOf(' ')), Number(sample[3]));
        } else throw new Error(`not of the format: ${line}`);
    }
    return { types, values };
}

function textAfter(events: readonly MigrationEvent[]): string {
    const metrics = new RunMetrics();
    for (const event of events) metrics.hear(event);
    return metrics.text(events.at(-1)?.at ?? epochMs(0));
}

describe('the figures of a run', () => {
    test('are of the format at every moment of it', async () => {
        const metrics = new RunMetrics();
        expect(parse(metrics.text(epochMs(1))).values.get('mig_update_time_seconds')).toBe(0.001);
        for (const event of await aRun()) {
            metrics.hear(event);
            expect(() => parse(metrics.text(event.at))).not.toThrow();
        }
    });

    test('count how moves ended, and what was sent', async () => {
        const events = await aRun();
        const { values, types } = parse(textAfter(events));
        expect(values.get('mig_moves_total{outcome="moved"}')).toBe(1);
        expect(values.get('mig_moves_total{outcome="failed"}')).toBe(1);
        expect(values.get('mig_moves_total{outcome="held"}')).toBe(0);
        expect(values.get('mig_attempts_total')).toBe(2);
        expect(values.get('mig_run_outcome{outcome="incomplete"}')).toBe(1);
        expect(types.get('mig_transferred_bytes_total')).toBe('counter');
        const sent = events.flatMap((e) => (e.type === 'job-completed' ? [e.transferred] : []));
        expect(values.get('mig_transferred_bytes_total')).toBe(sent[0]);
    });

    test('tell what a move is at while it is under way, and only then', async () => {
        const events = await aRun();
        const half = events.findLastIndex((e) => e.type === 'progress') + 1;
        const name = (of: string): string => `${of}{vm="web \\"1\\"\\\\",source="a",destination="b"}`;
        const during = parse(textAfter(events.slice(0, half))).values;
        expect(during.get(name('mig_move_remaining_bytes'))).toBeGreaterThanOrEqual(0);
        expect(during.get(name('mig_move_rate_bytes_per_second'))).toBeGreaterThan(0);
        expect(during.get('mig_moves{status="running"}')).toBe(1);
        const after = parse(textAfter(events)).values;
        expect(after.has(name('mig_move_rate_bytes_per_second'))).toBe(false);
        expect(after.get(name('mig_move_active'))).toBe(0);
        expect(after.get(name('mig_move_downtime_seconds'))).toBeGreaterThan(0);
    });
});

test('a figure that is not known is left out, and its family with it', () => {
    expect(exposition([{ name: 'mig_x', type: 'gauge', help: 'X.', samples: [{ value: undefined }] }])).toBe('');
});

describe('a file', () => {
    const place = (): string => {
        const directory = mkdtempSync(path.join(tmpdir(), 'mig-metrics-'));
        onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
        return directory;
    };

    test('has the last figures when the run is over, and nothing else is left beside it', async () => {
        const directory = place();
        const file = path.join(directory, 'mig.prom');
        const events = await aRun();
        async function* happening() {
            for (const event of events) yield await Promise.resolve(event);
        }
        const passed = await all(withMetrics(file, happening(), () => epochMs(5000), noComplaint));
        expect(passed).toEqual(events);
        expect(parse(readFileSync(file, 'utf8')).values.get('mig_run_active')).toBe(0);
        expect(readdirSync(directory)).toEqual(['mig.prom']);
    });

    test('that cannot be written is an error before anything else happens', async () => {
        const file = path.join(place(), 'missing', 'mig.prom');
        await expect(openMetrics(file, () => '', noComplaint)).rejects.toMatchObject({ code: 'metrics-unusable' });
        await expect(openMetrics('', () => '', noComplaint)).rejects.toThrow(/^no file and no address is named/);
    });

    test('that cannot be written any more is told once, and stops nothing', async () => {
        const directory = place();
        const complaints: string[] = [];
        const outlet = await openMetrics(
            path.join(directory, 'mig.prom'),
            () => 'x 1\n',
            (message) => complaints.push(message),
        );
        rmSync(directory, { recursive: true });
        await outlet[Symbol.asyncDispose]();
        expect(complaints).toHaveLength(1);
    });
});

describe('an endpoint', () => {
    test('answers with the figures of the moment until it is closed', async () => {
        let n = 0;
        const outlet = await openMetrics('127.0.0.1:0', () => `x ${(n += 1)}\n`, noComplaint);
        const first = await fetch(outlet.where);
        expect(first.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
        expect(await first.text()).toBe('x 1\n');
        expect(await (await fetch(outlet.where)).text()).toBe('x 2\n');
        expect((await fetch(outlet.where.replace('/metrics', '/'))).status).toBe(404);
        expect((await fetch(outlet.where, { method: 'POST' })).status).toBe(405);
        await outlet[Symbol.asyncDispose]();
        await expect(fetch(outlet.where)).rejects.toThrow();
    });

    test('whose port is taken is an error that says so', async () => {
        await using first = await openMetrics('127.0.0.1:0', () => '', noComplaint);
        const to = new URL(first.where).host;
        await expect(openMetrics(to, () => '', noComplaint)).rejects.toMatchObject({ code: 'metrics-unusable' });
    });
});
