import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** The process that carries a run out. A process id alone is used again after a while; with its start it is not. */
export interface Owner {
    readonly machine: string;
    readonly pid: number;
    /** Kernel's start time of the process and boot id, where the system tells them; else ''. */
    readonly started: string;
}

export function thisProcess(): Owner {
    return { machine: hostname(), pid: process.pid, started: startOf(process.pid) ?? '' };
}

/** Whether the owner still lives. On another machine that cannot be told. */
export function liveness(owner: Owner): 'alive' | 'dead' | 'elsewhere' {
    if (owner.machine !== hostname()) return 'elsewhere';
    if (owner.started !== '') return startOf(owner.pid) === owner.started ? 'alive' : 'dead';
    return exists(owner.pid) ? 'alive' : 'dead';
}

/** Field 22 of /proc/PID/stat, counted after the command's closing bracket (proc_pid_stat(5)); a zombie counts as gone. */
function startOf(pid: number): string | undefined {
    try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const [state] = fields;
        const ticks = fields[19];
        if (ticks === undefined || state === 'Z' || state === 'X') return undefined;
        return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticks}`;
    } catch {
        return undefined; // no such process, or a system without /proc
    }
}

function exists(pid: number): boolean {
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        return error instanceof Error && 'code' in error && error.code === 'EPERM';
    }
}
