/**
 * Stands between two hosts of a lab on their migration network, passes on what they say to each other, and keeps what the
 * source said: one file for each connection.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { labCommand, type Lab } from '../../runtime/src/edges/lab/door.js';
import { migrationNetworkPrefix } from '../../runtime/src/edges/lab/spec.js';
import { inventoryOf } from './lab-state.js';
import type { Desk } from './mig-run.js';

/** The first ports that libvirt gives to migrations. */
const ports = [49152, 49153, 49154, 49155];

const program = `
const { createServer, connect } = require('node:net');
const { createWriteStream } = require('node:fs');
const [directory, from, to, ...ports] = process.argv.slice(1);
let nth = 0;
const server = (port) => createServer((source) => {
    const file = createWriteStream(directory + '/' + String(nth++).padStart(3, '0'));
    const destination = connect({ host: to, port });
    for (const socket of [source, destination]) socket.setNoDelay(true).on('error', () => { source.destroy(); destination.destroy(); });
    source.on('data', (bytes) => file.write(bytes));
    source.on('close', () => file.end());
    source.pipe(destination);
    destination.pipe(source);
}).listen(Number(port), from);
Promise.all(ports.map((port) => new Promise((resolve) => server(port).once('listening', resolve)))).then(() => console.log('ready'));
process.stdin.resume().on('end', () => process.exit(0));
`;

export class Recorder implements AsyncDisposable {
    readonly #child: ChildProcess;
    readonly #directory: string;

    private constructor(child: ChildProcess, directory: string) {
        this.#child = child;
        this.#directory = directory;
    }

    /** Listens at the lab's own address on the network, for a host. The directory is empty. */
    static async start(lab: Lab, address: string, destination: string, directory: string): Promise<Recorder> {
        const argv = [process.execPath, '-e', program, directory, address, destination, ...ports.map(String)];
        const [command = '', ...rest] = labCommand(lab, argv);
        // It ends with the pipe to it, however this process ends.
        const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
        await once(child.stdout, 'data');
        return new Recorder(child, directory);
    }

    /** What the source said, by connection, in the order in which they were opened. */
    async recorded(): Promise<readonly Buffer[]> {
        const files = (await readdir(this.#directory)).toSorted();
        return Promise.all(files.map((file) => readFile(path.join(this.#directory, file))));
    }

    async [Symbol.asyncDispose](): Promise<void> {
        const ended = once(this.#child, 'close');
        this.#child.stdin?.end();
        await ended;
    }
}

/** The lab's own address on the migration network. */
export const between = `${migrationNetworkPrefix}.1`;

/**
 * Carries a policy out that brings VMs to one host, over a way there that keeps what is said: what the source said, by
 * connection. `driver` is that of the hosts, as the lab's inventory has it unless said.
 */
export async function recordedRun(lab: Lab, desk: Desk, policy: string, to: string, driver?: 'qemu'): Promise<readonly Buffer[]> {
    let address = '';
    const bent = await inventoryOf(lab, (inventory) => {
        for (const each of Object.values(inventory.hosts)) if (driver !== undefined) each.driver = driver;
        const host = inventory.hosts[to];
        if (host?.migration === undefined) throw new Error(`${to} has no migration address`);
        address = host.migration.listen;
        host.migration.address = between;
    });
    await desk.write('recorded.yaml', bent);
    const directory = await mkdtemp(path.join(os.tmpdir(), 'mig-stream-'));
    try {
        await using recorder = await Recorder.start(lab, between, address, directory);
        const run = await desk.migRun([policy, '--inventory', 'recorded.yaml', '--yes'], { through: labCommand(lab, []) });
        if (run.code !== 0) throw new Error(`the run ended with ${String(run.code)}:\n${run.all}`);
        return await recorder.recorded();
    } finally {
        await rm(directory, { recursive: true, force: true });
    }
}
