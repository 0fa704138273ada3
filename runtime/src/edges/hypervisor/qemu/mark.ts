/**
 * The mark of the run that moves a VM: a file beside the VM's lock, since plain QEMU keeps no metadata. It is of one
 * process, by number and start time: a mark that a dead one left says nothing of another.
 */
import type { VmUuid } from '../../../core/index.js';
import type { HostAccess } from '../../ssh/access.js';
import { HypervisorError } from '../errors.js';
import { lockDirectory } from '../host/lock.js';
import type { ProcessId } from './processes.js';
import { Reply } from './reply.js';

export interface Mark {
    readonly run: string;
    readonly epoch: number;
    readonly process: ProcessId;
    /** It receives the VM, and nobody has told it to run the guest: taken off once it has been told. */
    readonly receiving?: true;
    /** The run has stopped its guest, not its owner. */
    readonly stopped?: true;
}

export const markFile = (vm: VmUuid): string => `${lockDirectory}/${vm}.mover`;

/** Errors: refused where the file cannot be written. */
export async function writeMark(access: HostAccess, vm: VmUuid, mark: Mark | undefined, signal: AbortSignal): Promise<void> {
    const file = markFile(vm);
    // Whole or not at all: who reads it never sees half of it.
    const script = mark ? 'mkdir -p "$1" && printf "%s\\n" "$3" > "$2.new" && sync "$2.new" && mv "$2.new" "$2"' : 'rm -f "$2"';
    const text = mark ? JSON.stringify(mark) : '';
    const { code, stderr } = await access.run(['sh', '-c', script, 'sh', lockDirectory, file, text], signal);
    if (code === 0) return;
    throw new HypervisorError(
        'refused',
        access.host,
        `the mark of VM ${vm} cannot be written to ${file} of ${access.host}: ${stderr.trim()}`,
        {
            vm,
            hint: `log in as root, or create ${lockDirectory} for the SSH user`,
        },
    );
}

/** Undefined: it is none, or not of this process. */
export function readMark(text: string, process: ProcessId): Mark | undefined {
    const mark = new Reply(parsed(text));
    const [run, epoch] = [mark.at('run').text, mark.at('epoch').number];
    if (run === undefined || epoch === undefined) return undefined;
    if (mark.at('process', 'pid').number !== process.pid || mark.at('process', 'started').text !== process.started) return undefined;
    return {
        run,
        epoch,
        process,
        ...(mark.at('receiving').flag === true && { receiving: true }),
        ...(mark.at('stopped').flag === true && { stopped: true }),
    };
}

function parsed(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}
