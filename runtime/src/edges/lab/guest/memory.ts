/** A guest's memory, read from outside through its QEMU process: no monitor is asked, and the guest is not stopped. */
import { open, readdir, readFile, type FileHandle } from 'node:fs/promises';
import { mebibyte } from '@mig/language';
import { LabError } from '../errors.js';
import { pathInHost, type Lab } from '../state.js';
import { counters, readyMark } from './rom.js';

export interface GuestMemory extends AsyncDisposable {
    /** Fills `into` from a guest-physical address. */
    read(address: number, into: Int32Array): Promise<void>;
    /** One word; unsigned. */
    word(address: number): Promise<number>;
    /** Overwrites memory behind the guest's back; for tests of what notices it. */
    write(address: number, from: Int32Array): Promise<void>;
}

/** What tells a guest's memory from other memory of the process. */
export interface MemoryIdentity {
    readonly bytes: number;
    readonly seed: number;
    readonly filledPages: number;
}

/**
 * Opens the memory of a guest that has filled it. Undefined while there is no process, or the guest is not ready.
 * Close it before the guest is moved or ended: it holds on to this process of QEMU.
 */
export async function openGuestMemory(lab: Lab, host: string, guest: string, identity: MemoryIdentity): Promise<GuestMemory | undefined> {
    const pid = await guestPid(lab, host, guest);
    if (pid === undefined) return undefined;
    const proc = pathInHost(lab, host, `/proc/${pid}`);
    const regions = readRegions(await readFile(`${proc}/maps`, 'utf8')).filter((region) => region.end - region.start >= identity.bytes);
    const file = await open(`${proc}/mem`, 'r+');
    for (const region of regions) {
        const memory = await findIn(file, region, identity);
        if (memory !== undefined) return memory;
    }
    await file.close();
    return undefined;
}

/** The number of a guest's QEMU inside its host; undefined when the host runs none. */
export async function guestPid(lab: Lab, host: string, guest: string): Promise<number | undefined> {
    for (const file of [`/run/libvirt/qemu/${guest}.pid`, plainPidFile(guest)]) {
        const text = await readFile(pathInHost(lab, host, file), 'utf8').catch((error: unknown) => {
            if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
            throw error;
        });
        if (text === undefined) continue;
        const pid = Number(text.trim());
        const alive = await readdir(pathInHost(lab, host, `/proc/${pid}/task`)).catch(() => []);
        if (alive.length > 0) return pid;
    }
    return undefined;
}

/** Where a guest without libvirt says its number, inside its host. */
export const plainPidFile = (guest: string): string => `/run/qemu/${guest}.pid`;

interface Region {
    readonly start: number;
    readonly end: number;
}

/** Readable and writable mappings. Addresses stay below 2^47, so a double holds them exactly. */
function readRegions(maps: string): readonly Region[] {
    return maps.split('\n').flatMap((line) => {
        const match = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
        return match === null ? [] : [{ start: Number.parseInt(match[1] ?? '', 16), end: Number.parseInt(match[2] ?? '', 16) }];
    });
}

/** QEMU aligns guest memory to the size of a large page; the mapping may begin before it and hold more than one block. */
const alignment = 2 * mebibyte;

async function findIn(file: FileHandle, region: Region, identity: MemoryIdentity): Promise<GuestMemory | undefined> {
    for (let base = Math.ceil(region.start / alignment) * alignment; base + identity.bytes <= region.end; base += alignment) {
        const memory = memoryAt(file, base);
        if ((await memory.word(counters.ready)) !== readyMark) continue;
        if ((await memory.word(counters.seed)) !== identity.seed) continue;
        if ((await memory.word(counters.filledPages)) === identity.filledPages) return memory;
    }
    return undefined;
}

function memoryAt(file: FileHandle, base: number): GuestMemory {
    const read = async (address: number, into: Int32Array): Promise<void> => {
        const { bytesRead } = await file.read(into, 0, into.byteLength, base + address);
        if (bytesRead !== into.byteLength) throw short(address);
    };
    return {
        read,
        word: async (address) => {
            const into = new Int32Array(1);
            await read(address, into);
            return (into[0] ?? 0) >>> 0;
        },
        write: async (address, from) => {
            const { bytesWritten } = await file.write(from, 0, from.byteLength, base + address);
            if (bytesWritten !== from.byteLength) throw short(address);
        },
        [Symbol.asyncDispose]: () => file.close(),
    };
}

const short = (address: number): LabError =>
    new LabError('lab-guest-failed', `the guest's memory at ${address.toString(16)} cannot be reached`, {
        hint: 'see whether its QEMU still runs',
    });
