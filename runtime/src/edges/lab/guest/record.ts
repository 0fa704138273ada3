/** What a lab remembers of its guests, so that any process can prove them later, on whatever host they are. */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { LabError } from '../errors.js';
import { labPaths } from '../paths.js';
import type { Lab } from '../state.js';

const guestRecord = z.object({
    name: z.string(),
    uuid: z.string(),
    memoryBytes: z.number().int(),
    seed: z.number().int(),
    filledPages: z.number().int(),
    hotPages: z.number().int(),
});

/** A guest that is nothing but memory, and can be proved by it. */
export type GuestRecord = z.infer<typeof guestRecord>;

const linuxGuestRecord = z.object({
    kind: z.literal('linux'),
    name: z.string(),
    uuid: z.string(),
    address: z.string(),
    mac: z.string(),
    memoryBytes: z.number().int(),
});

/** A guest with Linux in it, which answers the network. */
export type LinuxGuestRecord = z.infer<typeof linuxGuestRecord>;

export async function rememberGuest(lab: Lab, record: GuestRecord | LinuxGuestRecord): Promise<void> {
    await mkdir(directory(lab), { recursive: true });
    // Whoever reads it meanwhile sees all of it or nothing.
    const path = join(directory(lab), `${record.name}.json`);
    await writeFile(`${path}.${process.pid}`, `${JSON.stringify(record)}\n`);
    await rename(`${path}.${process.pid}`, path);
}

/** @throws LabError `lab-guest-unknown` */
export async function recallGuest(lab: Lab, name: string): Promise<GuestRecord> {
    const record = await recallAnyGuest(lab, name);
    if (!('kind' in record)) return record;
    throw new LabError('lab-guest-unknown', `guest '${name}' has Linux in it, and is not known by its memory`, {
        hint: 'ask its status service over the network',
    });
}

/** @throws LabError `lab-guest-unknown` */
export async function recallAnyGuest(lab: Lab, name: string): Promise<GuestRecord | LinuxGuestRecord> {
    const names = await guestNames(lab);
    if (!names.includes(name)) {
        throw new LabError('lab-guest-unknown', `lab '${lab.name}' has started no guest '${name}'`, {
            hint: names.length === 0 ? 'it has started none' : `it has started ${names.join(', ')}`,
        });
    }
    return z.union([linuxGuestRecord, guestRecord]).parse(JSON.parse(await readFile(join(directory(lab), `${name}.json`), 'utf8')));
}

/** Every guest that was started in the lab, in order. */
export async function guestNames(lab: Lab): Promise<readonly string[]> {
    await mkdir(directory(lab), { recursive: true });
    return (await readdir(directory(lab))).flatMap((entry) => (entry.endsWith('.json') ? [entry.slice(0, -'.json'.length)] : [])).sort();
}

const directory = (lab: Lab): string => join(labPaths(lab.name).dir, 'guests');
