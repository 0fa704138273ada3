/** Where the figures of a run go: a file for the textfile collector of Prometheus' node exporter, or an endpoint that is scraped. */
import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { MigrationError } from '../../core/errors.js';
import { contentType } from './exposition.js';

export interface MetricsOutlet extends AsyncDisposable {
    /** Where it can be read: a path, or a URL. */
    readonly where: string;
}

/** A host may be empty (all addresses) or an IPv6 address in brackets. What has a slash is a file. */
const endpointShape = /^(\[[0-9a-fA-F:.]+\]|[^:/\\]*):(\d{1,5})$/;

/**
 * Opens `FILE` or `HOST:PORT`. Disposed of, a file has the last figures, and an endpoint answers no more.
 *
 * @param complain told once, where a file cannot be written any more: that stops no run
 * @throws MigrationError `metrics-unusable`
 */
export function openMetrics(to: string, text: () => string, complain: (message: string) => void): Promise<MetricsOutlet> {
    if (to === '')
        return Promise.reject(
            new MigrationError('metrics-unusable', 'no file and no address is named for the metrics', {
                hint: 'write `--metrics FILE`, or `--metrics HOST:PORT`',
            }),
        );
    const match = endpointShape.exec(to);
    return match ? openEndpoint(match[1] ?? '', Number(match[2]), text) : openFile(to, text, complain);
}

/** A collector reads every 15 s or so; a person who looks into the file wants it to move. */
const writeEveryMs = 1000;

async function openFile(file: string, text: () => string, complain: (message: string) => void): Promise<MetricsOutlet> {
    // Beside it, so that the change is one step; of another ending, so that no collector reads it.
    const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
    const write = async (): Promise<void> => {
        try {
            await writeFile(temporary, text());
            await rename(temporary, file);
        } catch (error) {
            await rm(temporary, { force: true });
            throw error;
        }
    };
    await write().catch((cause: unknown) => {
        throw unusable(file, cause, 'name a file in a directory that exists and may be written to');
    });
    let told = false;
    let writing = Promise.resolve();
    const again = (): void => {
        writing = writing.then(write).catch((error: unknown) => {
            if (!told) complain(`the metrics in ${file} are out of date: ${messageOf(error)}`);
            told = true;
        });
    };
    const timer = setInterval(again, writeEveryMs);
    timer.unref();
    return {
        where: file,
        [Symbol.asyncDispose]: async () => {
            clearInterval(timer);
            again();
            await writing;
        },
    };
}

async function openEndpoint(name: string, port: number, text: () => string): Promise<MetricsOutlet> {
    const server = createServer((request, response) => {
        const [path] = (request.url ?? '').split('?');
        if (request.method !== 'GET' && request.method !== 'HEAD') response.writeHead(405, { allow: 'GET, HEAD' }).end();
        else if (path !== '/metrics') response.writeHead(404, { 'content-type': 'text/plain' }).end('the figures are at /metrics\n');
        else response.writeHead(200, { 'content-type': contentType }).end(request.method === 'HEAD' ? undefined : text());
    });
    const host = name.replace(/^\[(.*)\]$/, '$1');
    const to = `${name}:${port}`;
    await listen(server, host, port).catch((cause: unknown) => {
        throw unusable(to, cause, 'name an address of this machine and a free port, such as 127.0.0.1:9464, or a file');
    });
    const bound = server.address();
    const actual = typeof bound === 'object' && bound !== null ? bound.port : port;
    return {
        where: `http://${name === '' ? '[::]' : name}:${actual}/metrics`,
        [Symbol.asyncDispose]: async () => {
            const closed = new Promise((resolve) => server.close(resolve));
            server.closeAllConnections();
            await closed;
        },
    };
}

function listen(server: Server, host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port, ...(host !== '' && { host }) }, () => {
            server.off('error', reject);
            resolve();
        });
    });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const unusable = (to: string, cause: unknown, hint: string): MigrationError =>
    new MigrationError('metrics-unusable', `--metrics ${to}: ${messageOf(cause)}`, { cause, hint });
