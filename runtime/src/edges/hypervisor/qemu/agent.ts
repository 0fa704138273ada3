/**
 * The agent in a guest, asked as qemu-guest-agent is (QEMU: docs/interop/qemu-ga): over the socket of its channel, which
 * serves one client at a time and keeps what an earlier one did not read.
 *
 *   us                                                         agent
 *   0xFF {"execute": "guest-sync-delimited", id}        ──▶
 *                                       ◀──  0xFF {"return": id}    all before it was for others
 *   {"execute": "guest-ping"}                           ──▶
 *                                       ◀──  {"return": {}}
 */
import type { Duplex } from 'node:stream';
import type { VmUuid } from '../../../core/index.js';
import { abortable } from '../../ssh/abortable.js';
import { SocketRefused } from '../../ssh/socket-refused.js';
import { HypervisorError } from '../errors.js';
import { agentChannel, agentOf } from './channels.js';
import { type Asked, mustHaveSocket } from './presence.js';
import type { QemuProcess } from './processes.js';
import { Reply } from './reply.js';
import { socketRefused } from './socket-refused.js';

/** An agent that runs answers well within this time. */
const answerWithinMs = 2_000;

/**
 * Settles when the guest's agent answers. `nonce` differs from call to call. Errors: feature-missing where the VM has no
 * channel for one, refused where nothing in the guest has opened it or the agent says no, timed-out, socket-missing,
 * socket-forbidden.
 */
export async function pingGuestAgent(
    { access, host, monitors }: Asked,
    process: QemuProcess,
    vm: VmUuid,
    nonce: number,
    signal: AbortSignal,
    withinMs = answerWithinMs,
): Promise<void> {
    const name = process.identity.name ?? vm;
    const fail = (code: 'feature-missing' | 'refused' | 'timed-out', why: string, hint: string): HypervisorError =>
        new HypervisorError(code, host.name, `the agent of ${name} on ${host.name} does not answer: ${why}`, { vm: name, hint });
    const found = agentOf(process.argv);
    if (!('socket' in found)) throw fail('feature-missing', found.reason, found.cure);
    const devices = await monitors.with(mustHaveSocket(host, process, vm), signal, (qmp) =>
        qmp.execute('query-chardev', undefined, signal),
    );
    const device = devices.list.find((one) => one.at('label').text === found.id);
    if (device?.at('frontend-open').flag === false)
        throw fail(
            'refused',
            `nothing in the guest has opened its channel ${agentChannel}`,
            'install and start qemu-guest-agent in the guest',
        );
    const isTaken = device?.at('filename').text?.startsWith('disconnected:') === false;
    const socket = found.socket.startsWith('/') ? found.socket : `${process.cwd}/${found.socket}`;
    const stream = await access.openUnix(socket, signal).catch(async (error: unknown) => {
        throw error instanceof SocketRefused ? await socketRefused(access, socket, 'agent', error, signal) : error;
    });
    const late = AbortSignal.timeout(withinMs);
    try {
        const refusal = await abortable(ping(stream, nonce), AbortSignal.any([signal, late]));
        if (refusal !== undefined) throw fail('refused', refusal, 'see what its configuration lets it answer (guest-ping)');
    } catch (error) {
        if (signal.aborted || error instanceof HypervisorError) throw error;
        if (!late.aborted) throw fail('refused', `the connection to ${socket} was closed`, 'see whether its QEMU still runs');
        throw isTaken
            ? fail('timed-out', `another client holds ${socket}`, `end that one: \`ss -xp | grep ${socket}\` on ${host.name} shows it`)
            : fail('timed-out', 'it has opened its channel, and says nothing', 'see in the guest whether qemu-guest-agent hangs');
    } finally {
        stream.end();
        stream.destroy();
    }
}

const sentinel = 0xff;

/** What the agent says against it; undefined where it answers. Rejects when the stream ends before. */
async function ping(stream: Duplex, id: number): Promise<string | undefined> {
    stream.on('error', () => undefined); // what ends it is told by the loop's end
    stream.write(Buffer.concat([Buffer.from([sentinel]), command('guest-sync-delimited', { id })]));
    let unread = Buffer.alloc(0);
    let inStep = false;
    for await (const chunk of stream) {
        unread = Buffer.concat([unread, chunk as Buffer]);
        if (!inStep) unread = unread.subarray(unread.lastIndexOf(sentinel) + 1);
        for (let end = unread.indexOf('\n'); end >= 0; end = unread.indexOf('\n')) {
            const reply = parsed(unread.subarray(0, end).toString('utf8'));
            unread = unread.subarray(end + 1);
            if (inStep) {
                if (reply.at('error').exists) return reply.at('error', 'desc').text ?? 'it says no';
                if (reply.at('return').exists) return undefined;
            } else if (reply.at('return').number === id) {
                inStep = true;
                stream.write(command('guest-ping'));
            }
        }
    }
    throw new Error('the stream ended');
}

const command = (execute: string, args?: Readonly<Record<string, unknown>>): Buffer =>
    Buffer.from(`${JSON.stringify({ execute, ...(args && { arguments: args }) })}\n`);

/** What is no JSON is no reply of ours. */
function parsed(line: string): Reply {
    try {
        return new Reply(JSON.parse(line));
    } catch {
        return new Reply(undefined);
    }
}
