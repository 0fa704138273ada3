/** What is written down about a lab, so that any process can find it again. */
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { LabError } from './errors.js';
import { labPaths, labsDir } from './paths.js';
import { isSame, processId, type ProcessId } from './processes.js';
import type { PlacedHost } from './spec.js';

const labHost = z.object({
    name: z.string(),
    release: z.string(),
    index: z.number().int(),
    zone: z.string(),
    controlAddress: z.string(),
    migrationAddress: z.string(),
    /** On the guests' network; absent in labs of earlier versions. */
    guestAddress: z.string().optional(),
    uuid: z.string(),
    bootId: z.string(),
    /** The unpacked image that the host runs from. */
    imageRoot: z.string(),
    /** The host's first process. */
    process: processId.optional(),
});
const labState = z.object({
    kind: z.literal('mig-lab'),
    version: z.literal(1),
    name: z.string(),
    /** Carried by the lab's processes in their environment. */
    mark: z.string(),
    /** `starting` until every host answers. */
    phase: z.enum(['starting', 'running']),
    /** Who started it; with `tied`, the lab ends with it. */
    owner: processId,
    tied: z.boolean(),
    /** The lab's first process; with it the whole lab ends. */
    process: processId.optional(),
    hosts: z.array(labHost),
    inventoryPath: z.string(),
    identityPath: z.string(),
    knownHostsPath: z.string(),
});

/** A lab that has been started. Plain data: as good in another process as in the one that started it. */
export type Lab = z.infer<typeof labState>;
export type LabHost = z.infer<typeof labHost>;

/** A lab's host as first written down. */
export function hostRecord(host: PlacedHost, imageRoot: string, bootId: string): LabHost {
    const { name, release, index, zone, controlAddress, migrationAddress, guestAddress, uuid } = host;
    return { name, release, index, zone, controlAddress, migrationAddress, guestAddress, uuid, bootId, imageRoot };
}

export async function writeState(lab: Lab): Promise<void> {
    const path = labPaths(lab.name).state;
    await writeFile(`${path}.new`, `${JSON.stringify(lab, undefined, 2)}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
}

/** What is written about a lab, running or not; undefined where nothing readable is. */
export async function readState(name: string): Promise<Lab | undefined> {
    try {
        return labState.parse(JSON.parse(await readFile(labPaths(name).state, 'utf8')));
    } catch (error) {
        // A start that was killed may have left half a file: such a lab is not running, and its directory is a leftover.
        if (error instanceof SyntaxError || error instanceof z.ZodError || isMissing(error)) return undefined;
        throw error;
    }
}

/**
 * A running lab by name.
 * @throws LabError `lab-unknown`
 */
export async function openLab(name: string): Promise<Lab> {
    const lab = await readState(name);
    if (lab?.phase === 'running' && isRunning(lab)) return lab;
    const others = (await labNames()).filter((other) => other !== name);
    throw new LabError('lab-unknown', `no lab '${name}' is running`, {
        hint: others.length === 0 ? 'start it with: mig-run lab up' : `there is: ${others.join(', ')}`,
    });
}

export function isRunning(lab: Lab): boolean {
    return lab.process !== undefined && isSame(lab.process);
}

/** Names of everything that has a directory, in order. */
export async function labNames(): Promise<readonly string[]> {
    const entries = await readdir(join(labsDir), { withFileTypes: true }).catch((error: unknown) => {
        if (isMissing(error)) return [];
        throw error;
    });
    return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
}

/** Every running lab. */
export async function listLabs(): Promise<readonly Lab[]> {
    const labs = await Promise.all((await labNames()).map(readState));
    return labs.filter((lab) => lab !== undefined).filter(isRunning);
}

/**
 * A host of a lab by name.
 * @throws LabError `lab-host-unknown`
 */
export function labHostOf(lab: Lab, name: string): LabHost & { readonly process: ProcessId } {
    const host = lab.hosts.find((candidate) => candidate.name === name);
    if (host?.process !== undefined) return { ...host, process: host.process };
    throw new LabError('lab-host-unknown', `lab '${lab.name}' has no host '${name}'`, {
        hint: `its hosts are ${lab.hosts.map((candidate) => candidate.name).join(', ')}`,
    });
}

/** A path inside a host, as seen from outside. */
export function pathInHost(lab: Lab, host: string, path: string): string {
    return `/proc/${labHostOf(lab, host).process.pid}/root${path}`;
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
