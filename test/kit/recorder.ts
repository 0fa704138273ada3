/**
 * Stands between two hosts of a lab on their migration network, passes on what they say to each other, and keeps what the
 * source said: one file for each connection.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { labCommand, type Lab } from '../../runtime/src/edges/lab/door.js';

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
