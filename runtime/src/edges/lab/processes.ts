/** Processes of labs, found by recorded pid and start time or by the mark in their environment; never by name. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import * as z from 'zod';

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessId {
    readonly pid: number;
    /** Clock ticks after boot, field 22 of /proc/PID/stat. */
    readonly startTime: string;
}

/** As written down in files. */
export const processId = z.object({ pid: z.number().int(), startTime: z.string() });

/** The mark that the first processes of a lab and of its hosts carry: NAME, a colon, and a random id of the lab. */
export const markVariable = 'MIG_LAB_MARK';
/** The host that a first process belongs to; empty for the lab's own. */
export const hostVariable = 'MIG_LAB_HOST';

export interface MarkedProcess extends ProcessId {
    readonly lab: string;
    readonly mark: string;
    readonly host: string;
    /** Its number in each PID namespace, outermost first. */
    readonly numbers: readonly number[];
}

export function identify(pid: number): ProcessId | undefined {
    const stat = tryRead(`/proc/${pid}/stat`);
    if (stat === undefined) return undefined;
    // The command name is in parentheses and may contain anything, so fields are counted from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTime] = [fields[0], fields[19]];
    return startTime === undefined || state === 'Z' || state === 'X' ? undefined : { pid, startTime };
}

export function isSame(process: ProcessId): boolean {
    return identify(process.pid)?.startTime === process.startTime;
}

/** Every process on this machine that carries a lab's mark. */
export function markedProcesses(): readonly MarkedProcess[] {
    return allPids().flatMap((pid) => {
        const environment = tryRead(`/proc/${pid}/environ`);
        if (environment?.includes(`${markVariable}=`) !== true) return [];
        const variables = new Map(environment.split('\0').map((entry) => split(entry, '=')));
        const mark = variables.get(markVariable);
        const identity = identify(pid);
        if (mark === undefined || identity === undefined) return [];
        const numbers = (/^NSpid:\s*(.*)$/m.exec(tryRead(`/proc/${pid}/status`) ?? '')?.[1] ?? '').split(/\s+/).map(Number);
        return [{ ...identity, lab: split(mark, ':')[0], mark, host: variables.get(hostVariable) ?? '', numbers }];
    });
}

/** Whether it is the first process of a PID namespace inside ours: with it, everything in that namespace ends. */
export function isFirst(process: MarkedProcess): boolean {
    return process.numbers.length > 1 && process.numbers.at(-1) === 1;
}

/** Processes in the same network namespace as the given one. */
export function inNetworkOf(pid: number): readonly ProcessId[] {
    const wanted = tryLink(`/proc/${pid}/ns/net`);
    if (wanted === undefined) return [];
    return allPids().flatMap((other) => {
        if (tryLink(`/proc/${other}/ns/net`) !== wanted) return [];
        const identity = identify(other);
        return identity === undefined ? [] : [identity];
    });
}

/** Whether the process is this one or one that it descends from. */
export function isAncestorOfSelf(pid: number): boolean {
    for (let current = process.pid; current > 1; ) {
        if (current === pid) return true;
        const stat = tryRead(`/proc/${current}/stat`);
        const parent = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
        if (parent === undefined) return false;
        current = Number(parent);
    }
    return false;
}

/** Ends processes at once and waits until they are gone. Numbers that have been given to other processes are left alone. */
export async function end(processes: readonly ProcessId[]): Promise<readonly ProcessId[]> {
    for (const target of processes) {
        if (!isSame(target)) continue;
        try {
            process.kill(target.pid, 'SIGKILL');
        } catch (error) {
            if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
        }
    }
    let left = processes.filter(isSame);
    for (let waited = 0; left.length > 0 && waited < endPatienceMs; waited += pollMs) {
        await new Promise((resolve) => setTimeout(resolve, pollMs));
        left = left.filter(isSame);
    }
    return left;
}

const pollMs = 10;
const endPatienceMs = 10_000;

function allPids(): readonly number[] {
    return readdirSync('/proc').flatMap((entry) => (/^\d+$/.test(entry) ? [Number(entry)] : []));
}

/** Undefined for a process that has ended meanwhile or that we may not look into. */
function tryRead(path: string): string | undefined {
    try {
        return readFileSync(path, 'latin1');
    } catch {
        return undefined;
    }
}

function tryLink(path: string): string | undefined {
    try {
        return readlinkSync(path);
    } catch {
        return undefined;
    }
}

function split(text: string, separator: string): readonly [string, string] {
    const at = text.indexOf(separator);
    return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
