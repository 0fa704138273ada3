/** Whether a VM of a lab is one and whole. */
import { expect } from 'vitest';
import { guestProof, hostsOfGuest } from '../../runtime/src/edges/lab/door.js';
import type { Lab } from '../../runtime/src/edges/lab/state.js';
import { virsh } from './virsh.js';

/**
 * It runs on one host, persistent and starting with it, without a mark of a run, none of its writes is lost, and no other
 * host has anything of it. Returns the host.
 */
export async function expectWhole(lab: Lab, guest: string): Promise<string> {
    const hosts = await hostsOfGuest(lab, guest);
    expect(hosts).toHaveLength(1);
    const [host = ''] = hosts;
    expect(await guestProof(lab, host, guest)).toMatchObject({ running: true, lostWrites: 0, damage: [] });
    const info = await virsh(lab, host, 'dominfo', guest);
    expect(info).toMatch(/State:\s+running/);
    expect(info).toMatch(/Persistent:\s+yes/);
    expect(info).toMatch(/Autostart:\s+enable/);
    expect(await virsh(lab, host, 'dumpxml', guest)).not.toContain('mig:mover');
    expect(await virsh(lab, host, 'dumpxml', '--inactive', guest)).not.toContain('mig:mover');
    for (const other of lab.hosts.filter((one) => one.name !== host))
        expect((await virsh(lab, other.name, 'list', '--all', '--name')).trim().split(/\s+/)).not.toContain(guest);
    return host;
}
