import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Inventory, InventoryHost } from '../../core/index.js';
import { HypervisorError } from '../hypervisor/errors.js';
import type { HostSession } from '../hypervisor/port.js';
import { type OpenSession, HostSessions } from '../hypervisor/sessions.js';
import { EarlySessions } from './early-sessions.js';

const never = new AbortController().signal;
const hostsYaml =
    'hosts:\n  a:\n    driver: libvirt\n    ssh: root@192.0.2.1\n  b:\n    driver: libvirt\n    ssh: root@192.0.2.2\n  c:\n    driver: simulated\n    simulated:\n      cpus: 8\n      memory: 16 GiB\n';
let directory: string;

beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'mig-early-'));
    await writeFile(path.join(directory, 'hosts.yaml'), hostsYaml);
});
afterEach(async () => {
    await rm(directory, { recursive: true });
});

/** Opens sessions that can only be closed, and remembers what became of them. */
class Doors {
    readonly opened: string[] = [];
    readonly closed: string[] = [];
    readonly aborted: string[] = [];
    fail: Error | undefined;
    /** Openings end only when they are aborted. */
    stuck = false;

    readonly openerOf =
        (): OpenSession =>
        (host: InventoryHost, signal: AbortSignal): Promise<HostSession> => {
            this.opened.push(host.name);
            if (this.fail) return Promise.reject(this.fail);
            if (this.stuck)
                return new Promise((_, reject) => {
                    signal.addEventListener('abort', () => {
                        this.aborted.push(host.name);
                        reject(new Error('aborted'));
                    });
                });
            const session: Pick<HostSession, 'host' | 'lost'> & AsyncDisposable = {
                host,
                lost: new Promise(() => undefined),
                [Symbol.asyncDispose]: () => {
                    this.closed.push(host.name);
                    return Promise.resolve();
                },
            };
            return Promise.resolve(session as HostSession);
        };
}

async function policyOf(text: string): Promise<string> {
    const file = path.join(directory, 'p.mig');
    await writeFile(file, text);
    return file;
}

/** As a command comes to it, by the path that it would show. */
async function inventoryOf(early: EarlySessions): Promise<Inventory> {
    const { inventory } = await early.inventory(path.relative('.', path.join(directory, 'hosts.yaml')));
    if (inventory === undefined) throw new Error('the inventory has errors');
    return inventory;
}

const hostOf = (inventory: Inventory, name: string): InventoryHost => {
    const host = inventory.hosts.find((h) => h.name === name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
};

describe('sessions opened early', () => {
    test('are handed out once, and what is opened after a loss is new', async () => {
        const doors = new Doors();
        await using early = await EarlySessions.begin(await policyOf('inventory "hosts.yaml"\n'), {}, doors.openerOf);
        expect(doors.opened).toEqual(['a', 'b']);
        const inventory = await inventoryOf(early);
        const open = await early.opener(inventory);
        await open(hostOf(inventory, 'a'), never);
        expect(doors.opened).toEqual(['a', 'b']);
        await open(hostOf(inventory, 'a'), never);
        expect(doors.opened).toEqual(['a', 'b', 'a']);
    });

    test('belong to whoever got them: only the rest is closed at the end', async () => {
        const doors = new Doors();
        {
            await using early = await EarlySessions.begin(await policyOf('inventory "hosts.yaml"\n'), {}, doors.openerOf);
            const inventory = await inventoryOf(early);
            await using sessions = new HostSessions(await early.opener(inventory));
            await sessions.session(hostOf(inventory, 'a'), never);
            expect(doors.closed).toEqual([]);
        }
        expect(doors.closed).toEqual(['a', 'b']);
    });

    test('by a wrong guess are closed, and the hosts of the right inventory are asked', async () => {
        const doors = new Doors();
        const other = path.join(directory, 'other.yaml');
        await writeFile(other, hostsYaml);
        await using early = await EarlySessions.begin(await policyOf('inventory "hosts.yaml"\n'), {}, doors.openerOf);
        const { inventory } = await early.inventory(other);
        const open = await early.opener(inventory!);
        expect(doors.closed).toEqual(['a', 'b']);
        await open(hostOf(inventory!, 'b'), never);
        expect(doors.opened).toEqual(['a', 'b', 'b']);
    });

    test('that failed fail as if they had been opened when they are asked for, and are then tried anew', async () => {
        const doors = new Doors();
        doors.fail = new HypervisorError('host-unreachable', 'a', 'a cannot be reached', { hint: 'see whether it is up' });
        await using early = await EarlySessions.begin(await policyOf('inventory "hosts.yaml"\n'), {}, doors.openerOf);
        const inventory = await inventoryOf(early);
        await using sessions = new HostSessions(await early.opener(inventory));
        await expect(sessions.session(hostOf(inventory, 'a'), never)).rejects.toBe(doors.fail);
        doors.fail = undefined;
        await expect(sessions.session(hostOf(inventory, 'a'), never)).resolves.toMatchObject({ host: { name: 'a' } });
    });

    test('are given up, opened or not, when the policy turns out wrong', async () => {
        const doors = new Doors();
        doors.stuck = true;
        const early = await EarlySessions.begin(await policyOf('inventory "hosts.yaml"\npolicy {{{\n'), {}, doors.openerOf);
        await early[Symbol.asyncDispose]();
        expect(doors.aborted).toEqual(['a', 'b']);
    });
});

describe('no session is opened early', () => {
    test.each([
        ['where the inventory is in a comment', '// inventory "hosts.yaml"\n/* \ninventory "hosts.yaml"\n*/\n', {}],
        ['where the policy names two', 'inventory "hosts.yaml"\ninventory "hosts.yaml"\n', {}],
        ['where a snapshot stands for the hosts', 'inventory "hosts.yaml"\n', { snapshot: 's.json' }],
        ['where the policy names none', 'policy p {}\n', {}],
    ] as const)('%s', async (_, text, options) => {
        const doors = new Doors();
        await using _early = await EarlySessions.begin(await policyOf(text), options, doors.openerOf);
        expect(doors.opened).toEqual([]);
    });

    test('where the policy cannot be read', async () => {
        const doors = new Doors();
        await using _early = await EarlySessions.begin(path.join(directory, 'none.mig'), {}, doors.openerOf);
        expect(doors.opened).toEqual([]);
    });

    test('where the inventory cannot be read, which is told when it is asked for', async () => {
        const doors = new Doors();
        const missing = path.join(directory, 'none.yaml');
        await using early = await EarlySessions.begin(await policyOf(''), { inventory: missing }, doors.openerOf);
        await expect(early.inventory(missing)).rejects.toMatchObject({
            code: 'file-unreadable',
            message: expect.stringContaining(missing),
        });
    });

    test('where the inventory has errors, which are told when it is asked for', async () => {
        const doors = new Doors();
        await writeFile(path.join(directory, 'hosts.yaml'), 'hosts: 5\n');
        await using early = await EarlySessions.begin(await policyOf('inventory "hosts.yaml"\n'), {}, doors.openerOf);
        expect(doors.opened).toEqual([]);
        await expect(inventoryOf(early)).rejects.toThrow('the inventory has errors');
    });
});
