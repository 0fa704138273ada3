/** What the source hands to the destination: the machine that it runs, and the run that moves it. Opaque to the executor. */
import { HypervisorError } from '../errors.js';
import type { CopiedDisk } from './disks.js';
import { isRecord } from './reply.js';

export interface SourceMachine {
    readonly name: string;
    readonly argv: readonly string[];
    readonly cwd: string;
    /** The type that runs, never an alias. */
    readonly machine: string;
    /** The QMP socket by which it is driven, as its command line has it. */
    readonly socket: string | undefined;
    readonly mover: { readonly run: string; readonly epoch: number } | undefined;
    /** Those that go along. */
    readonly disks?: readonly CopiedDisk[];
}

export const machineText = (machine: SourceMachine): string => JSON.stringify(machine);

/** Errors: protocol where another driver wrote it. */
export function readMachine(host: string, text: string): SourceMachine {
    try {
        const value: unknown = JSON.parse(text);
        if (isRecord(value) && Array.isArray(value['argv'])) return value as unknown as SourceMachine;
    } catch {
        // told below
    }
    throw new HypervisorError('protocol', host, `${host} runs plain QEMU, and was handed a machine that plain QEMU does not run`, {
        hint: 'a VM moves between hosts of one driver: see `driver` in the inventory',
    });
}
