/** Starting Linux guests on a lab's hosts: they answer the network, wherever in the lab they are. */
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mebibyte } from '@mig/language';
import { LabError } from '../errors.js';
import { hostsOfGuest } from '../guest/guest.js';
import { guestPid } from '../guest/memory.js';
import { guestNames, type LinuxGuestRecord, recallAnyGuest, rememberGuest } from '../guest/record.js';
import { virsh } from '../guest/virsh.js';
import type { ImageOptions } from '../image.js';
import { labPaths } from '../paths.js';
import { mustRun } from '../run.js';
import { labHostOf, pathInHost, type Lab } from '../state.js';
import { exists } from '../work-directory.js';
import { type ClaimedNumber, claimNumber } from './addresses.js';
import { consolePath, guestNumbers, linuxDomainXml, type LinuxGuestSpec, planLinuxGuest } from './domain.js';
import { ensureLinuxImage, type LinuxImage } from './image.js';
import { readyLine } from './init.js';

/**
 * Starts a Linux guest and returns when it has filled its memory and answers the network.
 * @throws LabError `lab-bad-options`, `lab-host-unknown`, `lab-image-failed`, `lab-command-failed`, `lab-guest-failed`
 */
export async function startLinuxGuest(lab: Lab, host: string, spec: LinuxGuestSpec, options: ImageOptions = {}): Promise<LinuxGuestRecord> {
    labHostOf(lab, host);
    await using claim = spec.number === undefined ? await freeNumber(lab) : undefined;
    const guest = planLinuxGuest({ ...spec, number: claim?.number ?? spec.number ?? guestNumbers.least }, lab.mark);
    const [there] = await hostsOfGuest(lab, guest.name);
    if (there !== undefined)
        throw new LabError('lab-bad-options', `guest ${guest.name} runs already, on ${there}`, { hint: 'give this one another name' });
    const files = await placeImage(lab, await ensureLinuxImage(options));
    const xmlPath = `/var/lib/mig-lab/${guest.name}.xml`;
    await writeFile(pathInHost(lab, host, xmlPath), linuxDomainXml(guest, files));
    const { name, uuid, address, mac } = guest;
    const record: LinuxGuestRecord = { kind: 'linux', name, uuid, address, mac, memoryBytes: guest.memoryMiB * mebibyte };
    await rememberGuest(lab, record);
    // What an earlier guest of the name said there is not this one's.
    await rm(pathInHost(lab, host, consolePath(name)), { force: true });
    await mustRun(virsh(lab, host, `define ${xmlPath}; start ${name}`), `guest ${name} on ${host}`, { signal: options.signal });
    await untilReady(lab, host, name, options.signal);
    return record;
}

/** Of an address that no guest of the lab was given. It is let go once the guest is remembered with it. */
async function freeNumber(lab: Lab): Promise<ClaimedNumber> {
    const taken = async (): Promise<ReadonlySet<number>> => {
        const records = await Promise.all((await guestNames(lab)).map((name) => recallAnyGuest(lab, name)));
        return new Set(records.flatMap((record) => ('kind' in record ? [Number(record.address.split('.').at(-1))] : [])));
    };
    const claim = await claimNumber(taken, join(labPaths(lab.name).dir, 'addresses'));
    if (claim) return claim;
    throw new LabError('lab-bad-options', `lab '${lab.name}' has given every address to a guest`, {
        hint: 'mig-run lab down, and up again',
    });
}

/** Kernel and file system go to every host, under the same path: a guest that has moved is started there with them again. */
async function placeImage(lab: Lab, image: LinuxImage): Promise<LinuxImage> {
    const at = (file: string): string => join('/var/lib/mig-lab', basename(dirname(file)), basename(file));
    for (const host of lab.hosts) {
        for (const file of [image.kernel, image.initramfs]) {
            const there = pathInHost(lab, host.name, at(file));
            if (await exists(there)) continue;
            await mkdir(dirname(there), { recursive: true });
            await copyFile(file, there);
        }
    }
    return { kernel: at(image.kernel), initramfs: at(image.initramfs) };
}

async function untilReady(lab: Lab, host: string, name: string, signal: AbortSignal | undefined): Promise<void> {
    const log = pathInHost(lab, host, consolePath(name));
    let said = '';
    for (let waited = 0; waited < readyPatienceMs; waited += readyPollMs) {
        said = await readFile(log, 'latin1').catch(() => '');
        if (said.includes(readyLine)) return;
        if ((await guestPid(lab, host, name)) === undefined) break;
        await sleep(readyPollMs, undefined, signal ? { signal } : {});
    }
    throw new LabError('lab-guest-failed', `guest ${name} on ${host} did not come up: ${said.slice(-300).trim() || 'it said nothing'}`, {
        hint: `see ${consolePath(name)} and /var/log/libvirt/qemu/${name}.log inside the host`,
    });
}

const readyPollMs = 50;
/** A machine that emulates several at a time is slow with each. */
const readyPatienceMs = 120_000;
