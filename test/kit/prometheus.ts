/**
 * A real Prometheus: Debian's package, unpacked into the user's cache. It is not installed, which would start a daemon that
 * nobody asked for.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exists, reasonOf, ToolsMissing } from './editor-tools.js';

const run = promisify(execFile);
const fetchLimitMs = 280_000;
const readyLimitMs = 30_000;

export interface PrometheusTools {
    readonly prometheus: string;
    readonly promtool: string;
}

/** Finds the programs, or fetches them. @throws {ToolsMissing} */
export async function prometheusTools(): Promise<PrometheusTools> {
    const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'mig-run');
    const place = join(cache, 'prometheus');
    const tools = { prometheus: join(place, 'usr/bin/prometheus'), promtool: join(place, 'usr/bin/promtool') };
    if (await exists(tools.prometheus)) return tools;
    await mkdir(cache, { recursive: true });
    // Unpacked beside its place and then renamed, so that what was interrupted is never taken for whole.
    const unfinished = await mkdtemp(join(cache, 'unfinished-'));
    try {
        await download(unfinished);
        const [deb] = (await readdir(unfinished)).filter((file) => file.endsWith('.deb'));
        if (deb === undefined) throw new Error('no package was downloaded');
        const unpacked = join(unfinished, 'unpacked');
        await run('dpkg-deb', ['-x', join(unfinished, deb), unpacked], { timeout: fetchLimitMs });
        await rename(unpacked, place);
    } catch (error) {
        if (!(await exists(tools.prometheus))) throw new ToolsMissing(`Debian's prometheus could not be fetched: ${reasonOf(error)}`);
    } finally {
        await rm(unfinished, { recursive: true, force: true });
    }
    return tools;
}

async function download(cwd: string): Promise<void> {
    const apt = (...args: readonly string[]) =>
        run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', ...args], { cwd, timeout: fetchLimitMs });
    try {
        await apt('download', 'prometheus');
    } catch (error) {
        // A machine's package list may be old or absent.
        if (process.getuid?.() !== 0) throw error;
        await apt('update');
        await apt('download', 'prometheus');
    }
}

/** One that runs, and reads from one endpoint twice a second. */
export interface Prometheus extends AsyncDisposable {
    /** The values of an instant query: one a series, by its labels as JSON. */
    readonly query: (expression: string) => Promise<readonly number[]>;
}

export async function startPrometheus(
    { prometheus }: PrometheusTools,
    directory: string,
    port: number,
    target: string,
): Promise<Prometheus> {
    const config = join(directory, 'prometheus.yml');
    const scrape = { job_name: 'mig', scrape_interval: '500ms', scrape_timeout: '500ms', static_configs: [{ targets: [target] }] };
    // JSON is YAML.
    await writeFile(config, JSON.stringify({ scrape_configs: [scrape] }));
    const address = `127.0.0.1:${port}`;
    const child = spawn(
        prometheus,
        [`--config.file=${config}`, `--storage.tsdb.path=${join(directory, 'series')}`, `--web.listen-address=${address}`],
        { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(child, 'exit');
    const stop = async (): Promise<void> => {
        child.kill();
        await ended;
    };
    const until = performance.now() + readyLimitMs;
    while (
        !(await fetch(`http://${address}/-/ready`).then(
            ({ ok }) => ok,
            () => false,
        ))
    ) {
        if (child.exitCode !== null || performance.now() > until) {
            await stop();
            throw new Error(`Prometheus is not ready: ${said.slice(-2000)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return {
        query: async (expression) => {
            const answer = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(expression)}`);
            const body = (await answer.json()) as {
                status: string;
                error?: string;
                data?: { result: readonly { value: readonly [number, string] }[] };
            };
            if (body.status !== 'success') throw new Error(`Prometheus: ${body.error ?? answer.statusText}`);
            return (body.data?.result ?? []).map(({ value }) => Number(value[1]));
        },
        [Symbol.asyncDispose]: stop,
    };
}
