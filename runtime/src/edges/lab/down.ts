import { rm } from 'node:fs/promises';
import { LabError } from './errors.js';
import { labPaths } from './paths.js';
import { end, inNetworkOf, isAncestorOfSelf, isFirst, isSame, markedProcesses, type ProcessId } from './processes.js';
import { isRunning, labNames, readState } from './state.js';

/** Something that a lab left behind. */
export interface Leftover {
    readonly lab: string;
    /** Why it is a leftover, in words. */
    readonly what: string;
    readonly processes: readonly ProcessId[];
    readonly directory: string | undefined;
}

/**
 * Ends a lab, whatever state it is in, and removes its directory. Commands that were started in it end too.
 * A lab that does not exist is down already.
 */
export async function labDown(name: string): Promise<void> {
    const first = markedProcesses().filter((process) => process.lab === name && isFirst(process));
    const around = first.filter((process) => process.host === '').flatMap((process) => inNetworkOf(process.pid));
    await endAll(name, [...first, ...around]);
    // What was half-way into its namespaces when the first processes ended.
    const late = markedProcesses().filter((process) => process.lab === name);
    await endAll(name, late);
    await rm(labPaths(name).dir, { recursive: true, force: true });
}

/** What labs that have crashed, or whose start was interrupted, left on this machine. Running labs are none. */
export async function leftovers(): Promise<readonly Leftover[]> {
    const processes = markedProcesses().filter((process) => !isAncestorOfSelf(process.pid));
    const directories = await labNames();
    const names = new Set([...directories, ...processes.map((process) => process.lab)]);
    const found: Leftover[] = [];
    for (const name of names) {
        const state = await readState(name);
        const own = processes.filter((process) => process.lab === name);
        const starting = state?.phase === 'starting' && isSame(state.owner);
        const strays = state === undefined ? own : own.filter((process) => process.mark !== state.mark);
        const whole = state !== undefined && (isRunning(state) || starting);
        if (whole && strays.length === 0) continue;
        found.push({
            lab: name,
            what: whole ? 'processes of an earlier lab of this name' : describe(state !== undefined, own.length),
            processes: whole ? strays : own,
            directory: !whole && directories.includes(name) ? labPaths(name).dir : undefined,
        });
    }
    return found;
}

/** Removes what `leftovers` finds, and tells what it was. */
export async function removeLeftovers(): Promise<readonly Leftover[]> {
    const found = await leftovers();
    for (const leftover of found) {
        await endAll(leftover.lab, leftover.processes);
        if (leftover.directory !== undefined) await rm(leftover.directory, { recursive: true, force: true });
    }
    return found;
}

async function endAll(name: string, processes: readonly ProcessId[]): Promise<void> {
    // A lab may be taken down from a command that runs in it.
    const left = await end(processes.filter((process) => !isAncestorOfSelf(process.pid)));
    if (left.length === 0) return;
    throw new LabError('lab-command-failed', `lab '${name}': processes ${left.map((process) => process.pid).join(', ')} do not end`, {
        hint: 'they wait in the kernel; try again in a moment',
    });
}

function describe(known: boolean, processes: number): string {
    if (processes > 0) return 'a lab whose start was interrupted';
    return known ? 'the directory of a lab that is no longer running' : 'a directory without a lab';
}
