import type { GuestSpec, Lab } from '../../lab/door.js';
import { startGuest } from '../../lab/door.js';
import type { Console } from '../console.js';

const guest = (name: string, memoryMiB: number, tags: Readonly<Record<string, string>>, more: Partial<GuestSpec> = {}): GuestSpec => ({
    name,
    memoryMiB,
    randomShare: 0.5,
    dirtyPagesPerSecond: 500,
    hotSetMiB: 8,
    tags,
    persistent: true,
    autostart: true,
    ...more,
});

/** Six VMs of a small shop: two pairs that must stand apart, a cache, and one that must stay where it is. */
export const demoGuests: readonly GuestSpec[] = [
    guest('db1', 384, { app: 'shop', role: 'db' }),
    guest('db2', 384, { app: 'shop', role: 'db' }),
    guest('web1', 256, { app: 'shop', role: 'web' }),
    guest('web2', 256, { app: 'shop', role: 'web' }),
    guest('cache1', 192, { app: 'shop' }, { dirtyPagesPerSecond: 1000, autostart: false }),
    guest('build1', 128, { pinned: '' }, { persistent: false, autostart: false }),
];

/** Starts them on the first host, the one that is in maintenance. */
export async function startDemoGuests(lab: Lab, console: Console, signal?: AbortSignal): Promise<void> {
    const [host] = lab.hosts;
    if (host === undefined) return;
    console.err(`starting ${demoGuests.length} VMs on ${host.name}`);
    await Promise.all(demoGuests.map((spec) => startGuest(lab, host.name, spec, signal)));
}
