/** VMs of a lab that run without libvirt. */
import { expect } from 'vitest';
import { guestProof, hostsOfGuest, qmpPath } from '../../runtime/src/edges/lab/door.js';
import type { Lab } from '../../runtime/src/edges/lab/state.js';
import { inHost, inventoryOf } from './lab-state.js';
import { drivenByQemu } from './plain-hosts.js';

/** The lab's own inventory, its hosts driven by plain QEMU; `bend` changes it further. */
export async function plainInventory(
    lab: Lab,
    bend: (hosts: Record<string, Record<string, unknown>>) => void = () => undefined,
): Promise<string> {
    return drivenByQemu(await inventoryOf(lab), (inventory) => {
        inventory.vm_tags = { db1: { role: 'db' } };
        bend(inventory.hosts);
    });
}

/** QEMU processes of a host, by the name that each was started with. */
export async function qemusOn(lab: Lab, host: string): Promise<readonly string[]> {
    const script =
        'for file in /proc/[0-9]*/cmdline; do tr "\\0" " " < "$file"; echo; done 2>/dev/null | sed -n "s/^[^ ]*qemu-system[^ ]* .*-name \\([^ ,]*\\).*/\\1/p"';
    return (await inHost(lab, host, 'sh', '-c', script)).split('\n').filter((name) => name !== '');
}

/**
 * It runs on one host, none of its writes is lost, no host has another QEMU of it, and no mark of a run is left. Returns
 * the host.
 */
export async function expectWholePlain(lab: Lab, guest: string): Promise<string> {
    const hosts = await hostsOfGuest(lab, guest);
    expect(hosts).toHaveLength(1);
    const [host = ''] = hosts;
    expect(await guestProof(lab, host, guest)).toMatchObject({ running: true, lostWrites: 0, damage: [] });
    for (const { name } of lab.hosts) {
        expect((await qemusOn(lab, name)).filter((one) => one === guest)).toHaveLength(name === host ? 1 : 0);
        expect((await inHost(lab, name, 'sh', '-c', 'ls /run/mig-run/*.mover 2>/dev/null || true')).trim()).toBe('');
    }
    return host;
}

/** What the QEMU of a guest would migrate with: the name that is set, and whether it has certificates of a run. */
export async function credentialsOf(lab: Lab, host: string, guest: string): Promise<{ readonly set: string; readonly object: boolean }> {
    const words = [
        '{"execute":"qmp_capabilities"}',
        '{"execute":"query-migrate-parameters"}',
        '{"execute":"qom-list","arguments":{"path":"/objects"}}',
    ];
    const ask = `{ printf '%s\\n' "$@"; sleep 0.5; } | nc -N -U ${qmpPath(guest)}`;
    const told = await inHost(lab, host, 'sh', '-c', ask, 'sh', ...words);
    const [, set] = /"tls-creds": "([^"]*)"/.exec(told) ?? [];
    if (set === undefined) throw new Error(`QEMU of ${guest} on ${host} did not say what it migrates with: ${told}`);
    return { set, object: told.includes('"mig-run-tls"') };
}
