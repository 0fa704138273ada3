/** Starting, steering and ending guests on a lab's hosts. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mebibyte } from '@mig/language';
import { LabError } from '../errors.js';
import { mustRun, run } from '../run.js';
import { labHostOf, pathInHost, type Lab } from '../state.js';
import { domainXml, planGuest, serialPath, type GuestSpec, type PlannedGuest } from './domain.js';
import { guestPid, openGuestMemory } from './memory.js';
import { recallAnyGuest, recallGuest, rememberGuest, type GuestRecord } from './record.js';
import { counters, guestRom } from './rom.js';
import { virsh } from './virsh.js';

/**
 * Starts a guest and returns when it has filled its memory and runs.
 * @throws LabError `lab-bad-options`, `lab-host-unknown`, `lab-command-failed` with what libvirt said, `lab-guest-failed`
 */
export async function startGuest(lab: Lab, host: string, spec: GuestSpec, signal?: AbortSignal): Promise<GuestRecord> {
    labHostOf(lab, host);
    const guest = planGuest(spec, lab.mark);
    const romPath = await placeRom(lab, guest);
    const xmlPath = `/var/lib/mig-lab/${guest.name}.xml`;
    await writeFile(pathInHost(lab, host, xmlPath), domainXml(guest, romPath));
    const { name, uuid, seed, filledPages, hotPages } = guest;
    const record = { name, uuid, memoryBytes: guest.memoryMiB * mebibyte, seed, filledPages, hotPages };
    await rememberGuest(lab, record);
    const steps = guest.persistent
        ? [`define ${xmlPath}`, ...(guest.autostart ? [`autostart ${name}`] : []), `start ${name}`]
        : [`create ${xmlPath}`];
    await mustRun(virsh(lab, host, steps.join('; ')), `guest ${name} on ${host}`, { signal });
    await untilReady(lab, host, record, signal);
    return record;
}

/** Ends a guest of either kind and removes its definition, wherever in the lab it is. */
export async function stopGuest(lab: Lab, name: string, signal?: AbortSignal): Promise<void> {
    const { uuid } = await recallAnyGuest(lab, name);
    for (const host of lab.hosts) {
        // Either may fail because the guest does not run here, or is not defined here: what counts is that it is gone.
        await run(virsh(lab, host.name, `destroy ${uuid}`), { signal });
        await run(virsh(lab, host.name, `undefine ${uuid}`), { signal });
        if ((await guestPid(lab, host.name, name)) !== undefined) {
            throw new LabError('lab-guest-failed', `guest ${name} on ${host.name} does not end`, {
                hint: 'see the log of libvirtd in that host',
            });
        }
    }
}

/** The hosts that have a QEMU process of this guest, in the lab's order: one, unless it is being moved. */
export async function hostsOfGuest(lab: Lab, name: string): Promise<readonly string[]> {
    const found = await Promise.all(
        lab.hosts.map(async (host) => ((await guestPid(lab, host.name, name)) === undefined ? [] : [host.name])),
    );
    return found.flat();
}

/**
 * Tells a running guest to write to this many pages a second from now on, and returns when it does.
 * @throws LabError `lab-guest-unknown`, `lab-guest-failed`
 */
export async function setDirtyRate(lab: Lab, host: string, name: string, pagesPerSecond: number, signal?: AbortSignal): Promise<void> {
    const record = await recallGuest(lab, name);
    const wanted = Math.round(pagesPerSecond);
    await using memory = await openGuestMemory(lab, host, name, identityOf(record));
    if (memory === undefined) throw unreachable(name, host);
    const socket = connect({ path: pathInHost(lab, host, serialPath(name)) });
    try {
        await once(socket, 'connect', signal ? { signal } : {});
        socket.write(`${wanted}\n`);
        // The connection stays until the guest has read all: QEMU drops what is unread when it closes.
        for (let waited = 0; (await memory.word(counters.rate)) !== wanted; waited += readyPollMs) {
            if (waited > ratePatienceMs) throw unreachable(name, host);
            await sleep(readyPollMs, undefined, signal ? { signal } : {});
        }
    } catch (cause) {
        if (cause instanceof LabError || signal?.aborted === true) throw cause;
        throw unreachable(name, host, cause);
    } finally {
        socket.destroy();
    }
}

const unreachable = (name: string, host: string, cause?: unknown): LabError =>
    new LabError('lab-guest-failed', `guest ${name} on ${host} does not answer on its serial port`, {
        cause,
        hint: 'see that it runs there, and is not paused',
    });

/** The image goes to every host, under the same path: a migrated guest is started there with its firmware again. */
export async function placeRom(lab: Lab, guest: PlannedGuest): Promise<string> {
    const rom = guestRom(guest);
    const path = `/var/lib/mig-lab/roms/${createHash('sha256').update(rom).digest('hex').slice(0, 16)}.rom`;
    for (const host of lab.hosts) {
        const there = pathInHost(lab, host.name, path);
        await mkdir(dirname(there), { recursive: true });
        await writeFile(there, rom);
    }
    return path;
}

export async function untilReady(lab: Lab, host: string, record: GuestRecord, signal: AbortSignal | undefined): Promise<void> {
    for (let waited = 0; waited < readyPatienceMs; waited += readyPollMs) {
        signal?.throwIfAborted();
        await using memory = await openGuestMemory(lab, host, record.name, identityOf(record));
        if (memory !== undefined) return;
        if ((await guestPid(lab, host, record.name)) === undefined) break;
        await sleep(readyPollMs, undefined, signal ? { signal } : {});
    }
    throw new LabError('lab-guest-failed', `guest ${record.name} on ${host} did not fill its memory`, {
        hint: `see /var/log/libvirt/qemu/${record.name}.log inside the host`,
    });
}

/** What its memory is recognised by. */
export const identityOf = (record: GuestRecord): { bytes: number; seed: number; filledPages: number } => ({
    bytes: record.memoryBytes,
    seed: record.seed,
    filledPages: record.filledPages,
});

const readyPollMs = 40;
const readyPatienceMs = 60_000;
const ratePatienceMs = 10_000;
