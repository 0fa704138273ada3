/** The figures of a run, read by a real Prometheus while it lasts. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { beforeAll, expect, test } from 'vitest';
import { ToolsMissing } from '../kit/editor-tools.js';
import { Desk } from '../kit/mig-run.js';
import { type PrometheusTools, prometheusTools, startPrometheus } from '../kit/prometheus.js';

const policy = `inventory "hosts.yaml"
policy empty {
  move vms on host "kvm-a"
  to hosts
  using precopy { after 5 min: abort }
  bandwidth { total 1 Gbit/s }
  on failure leave and report
}
`;

const simulated = (vms: readonly string[]): string => `
    driver: simulated
    migration: { network: migration, address: 10.0.0.1 }
    simulated: { memory: 32 GiB, cpus: 8, vms: [${vms.join(', ')}] }`;

const inventory = `hosts:
  kvm-a:${simulated(['{ name: web1, memory: 256 MiB, dirty_rate: 5 MiB/s }', '{ name: db1, memory: 256 MiB }'])}
  kvm-b:${simulated([])}
`;

let tools: PrometheusTools | undefined;
let missing = '';
beforeAll(async () => {
    try {
        tools = await prometheusTools();
    } catch (error) {
        if (!(error instanceof ToolsMissing) || process.env['CI'] !== undefined) throw error;
        missing = error.message;
    }
});

async function freePort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    server.close();
    await once(server, 'close');
    return typeof address === 'object' && address !== null ? address.port : 0;
}

test('Prometheus reads a run while it lasts, and promtool has nothing to say of its figures', async ({ skip }) => {
    if (!tools) return skip(missing);
    await using desk = await Desk.clear();
    await desk.write('policy.mig', policy);
    await desk.write('hosts.yaml', inventory);
    const target = `127.0.0.1:${await freePort()}`;
    await using prometheus = await startPrometheus(tools, desk.directory, await freePort(), target);
    const run = desk.migRun(['policy.mig', '--policy', 'empty', '--yes', '--metrics', target]);
    const during = await firstAnswer(() => prometheus.query('mig_move_rate_bytes_per_second > 0'));
    expect(Math.max(...during)).toBeLessThanOrEqual(1e9 / 8);
    const text = await (await fetch(`http://${target}/metrics`)).text();
    expect(await saidBy(tools.promtool, ['check', 'metrics'], text)).toBe('');
    const { code, all } = await run;
    expect(code, all).toBe(0);
    // What was read last may be a little older than the end.
    const sent = await prometheus.query('sum(max_over_time(mig_move_transferred_bytes[1m]))');
    expect(sent[0]).toBeGreaterThan(128 * 2 ** 20);
    expect(await prometheus.query('max_over_time(mig_run_active[1m])')).toEqual([1]);
});

/** Asks until there is something. */
async function firstAnswer(ask: () => Promise<readonly number[]>): Promise<readonly number[]> {
    for (;;) {
        const answer = await ask();
        if (answer.length > 0) return answer;
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}

/** What a program says of what it is given; it has nothing to say where all is well. */
async function saidBy(program: string, args: readonly string[], input: string): Promise<string> {
    const child = execFile(program, [...args]);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: string) => (said += chunk));
    child.stdin?.end(input);
    await once(child, 'close');
    return said;
}
