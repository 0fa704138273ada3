import { type Duplex, duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import type { InventoryHost } from '../../../core/index.js';
import { openLocal } from '../../ssh/local-access.js';
import { pingGuestAgent } from './agent.js';
import { identityOf } from './command-line.js';
import { Monitors } from './monitors.js';
import type { QemuProcess } from './processes.js';
import { FakeQemu } from './testing/fake-qemu.js';

const never = new AbortController().signal;
const uuid = '6fd1c1c2-6a55-4a7c-8a5e-0d6f6f6f0001';
const channel =
    '-chardev socket,id=agent,path=run/a.sock,server=on,wait=off -device virtserialport,chardev=agent,name=org.qemu.guest_agent.0';

interface Guest {
    /** What QEMU says of the channel. */
    readonly opened?: boolean;
    readonly held?: boolean;
    /** What the agent sends for each line that it reads. */
    readonly says?: (line: string, agent: Duplex) => void;
    readonly channel?: string;
}

/** Asks the agent of a guest; the paths that were opened beside QMP. */
async function ask({ opened = true, held = false, says = () => undefined, channel: words = channel }: Guest): Promise<readonly string[]> {
    const argv = `qemu -name web1 -uuid ${uuid} -qmp unix:/run/qemu/web1.qmp,server=on,wait=off ${words}`.trim().split(' ');
    const process = { pid: 7, started: '1', argv, cwd: '/vms', identity: identityOf(argv) } as unknown as QemuProcess;
    const qmp = new FakeQemu(() => ({
        return: [
            { label: 'agent', 'frontend-open': opened, filename: `${held ? '' : 'disconnected:'}unix:run/a.sock,server=on` },
            { label: 'other', 'frontend-open': !opened, filename: 'null' },
        ],
    }));
    const paths: string[] = [];
    const [ours, theirs] = duplexPair();
    let unread = Buffer.alloc(0);
    theirs.on('data', (chunk: Buffer) => {
        unread = Buffer.concat([unread, chunk]);
        for (let end = unread.indexOf('\n'); end >= 0; end = unread.indexOf('\n')) {
            const line = unread.subarray(0, end).toString('latin1');
            unread = unread.subarray(end + 1);
            says(line, theirs);
        }
    });
    await using local = openLocal('kvm-b');
    const access = {
        ...local,
        host: 'kvm-b',
        openUnix: (path: string) => {
            if (path.endsWith('.qmp')) return Promise.resolve(qmp.stream);
            paths.push(path);
            return Promise.resolve(ours);
        },
    };
    await using monitors = new Monitors(access);
    await pingGuestAgent({ access, host: { name: 'kvm-b' } as InventoryHost, monitors }, process, uuid, 4711, never, 100);
    return paths;
}

const answering = (line: string, agent: Duplex): void => {
    const { execute, arguments: args } = JSON.parse(line.replace('\u00ff', '')) as { execute: string; arguments?: { id: number } };
    if (execute === 'guest-ping') agent.write('{"return": {}}\n');
    else agent.write(Buffer.from(`\u00ff{"return": ${String(args?.id)}}\n`, 'latin1'));
};

test('an agent that answers is found from where the process was started', async () => {
    expect(await ask({ says: answering })).toEqual(['/vms/run/a.sock']);
});

test('what was meant for others is passed over: answers to earlier clients, and broken lines', async () => {
    const lines: string[] = [];
    await ask({
        says: (line, agent) => {
            lines.push(line);
            if (lines.length === 1)
                agent.write('urn": {}}\n{"return": 99}\n{"error": {"class": "GenericError", "desc": "Invalid JSON syntax"}}\n');
            answering(line, agent);
        },
    });
    // The sign that all before it is to be forgotten goes out first.
    expect(lines).toEqual(['\u00ff{"execute":"guest-sync-delimited","arguments":{"id":4711}}', '{"execute":"guest-ping"}']);
});

test('an old answer alone is none', async () => {
    const says = (_: string, agent: Duplex): void => void agent.write(Buffer.from('\u00ff{"return": 4710}\n{"return": {}}\n', 'latin1'));
    await expect(ask({ says })).rejects.toMatchObject({ code: 'timed-out' });
});

const unanswered: readonly (readonly [string, Guest, string, RegExp, RegExp])[] = [
    [
        'without a channel',
        { channel: '' },
        'feature-missing',
        /does not answer: its command line has no channel org\.qemu/,
        /-device virtserialport/,
    ],
    [
        'whose guest has not opened it',
        { opened: false, says: answering },
        'refused',
        /nothing in the guest has opened/,
        /start qemu-guest-agent/,
    ],
    ['that says nothing', {}, 'timed-out', /it has opened its channel, and says nothing/, /hangs/],
    ['that another client holds', { held: true }, 'timed-out', /another client holds \/vms\/run\/a\.sock/, /ss -xp/],
    ['that is not there any more', { says: (_, agent) => void agent.end() }, 'refused', /was closed/, /QEMU still runs/],
    [
        'that may not answer',
        {
            says: (line, agent) =>
                line.includes('guest-ping')
                    ? void agent.write('{"error": {"class": "CommandNotFound", "desc": "Command guest-ping has been disabled"}}\n')
                    : answering(line, agent),
        },
        'refused',
        /web1 on kvm-b does not answer: Command guest-ping has been disabled/,
        /configuration/,
    ],
];

test.each(unanswered)('one %s is told so, with the mend', async (_, guest, code, message, hint) => {
    await expect(ask(guest)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message) as unknown,
        hint: expect.stringMatching(hint) as unknown,
    });
});
