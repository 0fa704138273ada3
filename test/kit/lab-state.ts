/** A lab's hosts as an inventory that a test may bend, and proof that nothing was changed on them. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { parse, stringify } from 'yaml';
import { hostsOfGuest, type Lab, labCommand } from '../../runtime/src/edges/lab/door.js';
import { virsh } from './virsh.js';

const run = promisify(execFile);

interface BentPeer {
    address: string;
    port?: number;
    user: string;
    identity_file: string;
    known_hosts: string;
}

/** As much of an inventory as tests bend. */
export interface BentInventory {
    hosts: Record<
        string,
        {
            driver?: string;
            maintenance?: boolean;
            migration?: { address: string; listen: string };
            ssh: BentPeer & { jump?: string | Partial<BentPeer>[] };
        }
    >;
    shared_storage?: string[];
}

/** The lab's own inventory, changed, as text. */
export async function inventoryOf(lab: Lab, bend: (inventory: BentInventory) => void = () => undefined): Promise<string> {
    const inventory = parse(await readFile(lab.inventoryPath, 'utf8')) as BentInventory;
    bend(inventory);
    return stringify(inventory);
}

/** A command inside a host; what it prints. */
export async function inHost(lab: Lab, host: string, ...argv: readonly string[]): Promise<string> {
    const [command = '', ...rest] = labCommand(lab, argv, host);
    return (await run(command, rest)).stdout;
}

/** Every guest of the lab runs on `source` alone, is defined nowhere else, bears no mark of a run, and nobody holds its lock. */
export async function expectUntouched(lab: Lab, source: string): Promise<void> {
    const names = await guestsOn(lab, source);
    expect(names).not.toEqual([]);
    for (const { name: host } of lab.hosts) {
        if (host !== source) expect((await virsh(lab, host, 'list', '--all', '--name')).trim()).toBe('');
        expect((await inHost(lab, host, 'sh', '-c', heldLocks)).trim()).toBe('');
    }
    for (const name of names) {
        expect(await hostsOfGuest(lab, name)).toEqual([source]);
        expect(await virsh(lab, source, 'domstate', name)).toMatch(/running/);
        expect(await virsh(lab, source, 'dumpxml', name)).not.toContain('urn:mig:mover');
        expect(await virsh(lab, source, 'dumpxml', '--inactive', name)).not.toContain('urn:mig:mover');
    }
}

const heldLocks = 'for lock in /run/mig-run/*.lock; do [ ! -e "$lock" ] || flock --nonblock "$lock" true || echo "$lock"; done';

const guestsOn = async (lab: Lab, host: string): Promise<readonly string[]> =>
    (await virsh(lab, host, 'list', '--name')).split('\n').filter((name) => name !== '');
