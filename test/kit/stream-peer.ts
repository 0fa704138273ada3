/**
 * The other end of guests' traffic, as a process of its own that runs in the lab's networks: reads what guests send, sends
 * them what they take, each at a rate, and counts. Node runs this file as it is: its types can be stripped.
 */
import { writeFileSync } from 'node:fs';
import { Socket, type SocketConstructorOpts } from 'node:net';

export interface Stream {
    readonly name: string;
    readonly address: string;
    readonly port: number;
    readonly way: 'out of the guest' | 'into the guest';
    /** At most; undefined is as fast as it goes. */
    readonly bytesPerSecond: number | undefined;
}

/** A line of what it prints: bytes of each stream so far, or undefined while it is not connected. */
export interface Count {
    readonly at: number;
    readonly bytes: Readonly<Record<string, number>>;
    readonly broken: readonly string[];
}

const everyMs = 10;
const reportEveryMs = 100;
/** What was not carried in its time is lost, as with a camera: it is not made up for later than this. */
const lateAtMostMs = 200;
const chunk = Buffer.alloc(16 * 1024);
/** Small, so that what is counted here has gone through the link, or will in a moment. In this network namespace alone. */
const buffers = '4096 131072 1048576';

const bytes: Record<string, number> = {};
const broken = new Set<string>();

function start(stream: Stream): void {
    bytes[stream.name] = 0;
    // A paused socket holds this much at the most, and no more than that is read at a time.
    const options: SocketConstructorOpts & { readonly readableHighWaterMark: number } = {
        readableHighWaterMark: Math.max(64 * 1024, ((stream.bytesPerSecond ?? 0) * everyMs * 4) / 1000),
    };
    const socket = new Socket(options);
    socket.connect(stream.port, stream.address);
    const end = (why: string) => broken.add(`${stream.name}: ${why}`);
    socket.on('error', (error) => end(error.message));
    socket.on('close', () => end('closed'));
    socket.on('connect', () => (stream.way === 'into the guest' ? send(stream, socket) : receive(stream, socket)));
}

/** Calls again and again with what may be carried by then. */
function paced({ bytesPerSecond }: Stream, carry: (allowed: number) => number): void {
    let allowed = 0;
    let last = performance.now();
    setInterval(() => {
        const now = performance.now();
        const rate = bytesPerSecond ?? Infinity;
        allowed = Math.min(allowed + (rate * (now - last)) / 1000, (rate * lateAtMostMs) / 1000);
        last = now;
        const carried = carry(allowed);
        if (carried > 0) allowed -= carried;
    }, everyMs);
}

function send(stream: Stream, socket: Socket): void {
    paced(stream, (allowed) => {
        let sent = 0;
        while (sent + chunk.length <= allowed && !socket.writableNeedDrain && !socket.destroyed) {
            socket.write(chunk);
            sent += chunk.length;
        }
        bytes[stream.name] = socket.bytesWritten - socket.writableLength;
        return sent;
    });
    // As fast as it goes does not wait for the clock.
    if (stream.bytesPerSecond === undefined) socket.on('drain', () => socket.write(chunk));
}

function receive(stream: Stream, socket: Socket): void {
    if (stream.bytesPerSecond === undefined) {
        socket.on('data', (data: Buffer) => (bytes[stream.name] = (bytes[stream.name] ?? 0) + data.length));
        return;
    }
    socket.pause();
    paced(stream, (allowed) => {
        let read = 0;
        while (read < allowed) {
            const data = socket.read() as Buffer | null;
            if (data === null) break;
            read += data.length;
        }
        bytes[stream.name] = (bytes[stream.name] ?? 0) + read;
        return read;
    });
}

for (const file of ['tcp_rmem', 'tcp_wmem']) writeFileSync(`/proc/sys/net/ipv4/${file}`, buffers);
for (const stream of JSON.parse(process.argv[2] ?? '[]') as Stream[]) start(stream);
setInterval(() => {
    const count: Count = { at: Date.now(), bytes, broken: [...broken] };
    process.stdout.write(`${JSON.stringify(count)}\n`);
}, reportEveryMs);
// It ends with who reads what it prints.
process.stdout.on('error', () => process.exit());
