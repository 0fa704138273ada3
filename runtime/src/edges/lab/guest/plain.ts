/** Guests that run without libvirt: a QEMU of their own, with a QMP socket. */
import { mebibyte } from '@mig/language';
import { LabError } from '../errors.js';
import { labCommand } from '../exec.js';
import { mustRun, run } from '../run.js';
import { labHostOf, type Lab } from '../state.js';
import { planGuest, serialPath, type GuestSpec, type PlannedGuest } from './domain.js';
import { placeRom, untilReady } from './guest.js';
import { guestPid, plainPidFile } from './memory.js';
import { recallGuest, rememberGuest, type GuestRecord } from './record.js';

/** Persistence and tags are libvirt's: plain QEMU has neither. */
export type PlainGuestSpec = Omit<GuestSpec, 'persistent' | 'autostart' | 'tags'> & {
    /** Further words of its command line. */
    readonly more?: readonly string[];
};

/** Where the QMP socket of a guest is, inside its host. */
export const qmpPath = (name: string): string => `/run/qemu/${name}.qmp`;

/**
 * Starts a guest without libvirt and returns when it has filled its memory and runs.
 * @throws LabError `lab-bad-options`, `lab-host-unknown`, `lab-command-failed` with what QEMU said, `lab-guest-failed`
 */
export async function startPlainGuest(lab: Lab, host: string, spec: PlainGuestSpec, signal?: AbortSignal): Promise<GuestRecord> {
    labHostOf(lab, host);
    // An alias, as people write it: what it means is QEMU's to say.
    const guest = planGuest({ ...spec, machine: spec.machine ?? 'pc', persistent: false }, lab.mark);
    const romPath = await placeRom(lab, guest);
    const { name, uuid, seed, filledPages, hotPages } = guest;
    const record = { name, uuid, memoryBytes: guest.memoryMiB * mebibyte, seed, filledPages, hotPages };
    await rememberGuest(lab, record);
    const argv = ['sh', '-c', 'mkdir -p /run/qemu && exec "$@"', 'sh', ...plainArgv(guest, romPath), ...(spec.more ?? [])];
    await mustRun(labCommand(lab, argv, host), `guest ${name} on ${host}`, { signal });
    await untilReady(lab, host, record, signal);
    return record;
}

/** As a person would start it. */
function plainArgv(guest: PlannedGuest, romPath: string): readonly string[] {
    return [
        '/usr/bin/qemu-system-x86_64',
        ...['-name', guest.name, '-uuid', guest.uuid, '-machine', `${guest.machine},accel=tcg`, '-m', String(guest.memoryMiB)],
        ...['-nodefaults', '-display', 'none', '-bios', romPath],
        ...['-serial', `unix:${serialPath(guest.name)},server=on,wait=off`],
        ...['-qmp', `unix:${qmpPath(guest.name)},server=on,wait=off`],
        ...['-pidfile', plainPidFile(guest.name), '-daemonize'],
    ];
}

/** Ends a guest that runs without libvirt, wherever in the lab it is. */
export async function stopPlainGuest(lab: Lab, name: string, signal?: AbortSignal): Promise<void> {
    const { uuid } = await recallGuest(lab, name);
    for (const host of lab.hosts) {
        const pid = await guestPid(lab, host.name, name);
        if (pid === undefined) continue;
        // Whatever has its number by now is left alone unless it is this VM.
        // Files under /proc have no size: that it is gone is seen by its directory.
        const script =
            'grep -qaF -e "$2" "/proc/$1/cmdline" && kill -KILL "$1" && for n in $(seq 500); do [ -d "/proc/$1" ] || break; sleep 0.02; done';
        await run(labCommand(lab, ['sh', '-c', script, 'sh', String(pid), uuid], host.name), { signal });
        if ((await guestPid(lab, host.name, name)) !== undefined)
            throw new LabError('lab-guest-failed', `guest ${name} on ${host.name} does not end`, {
                hint: `see its process ${pid} in that host`,
            });
    }
}
