import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Lab, labCommand } from '../../runtime/src/edges/lab/door.js';

const run = promisify(execFile);

/** What virsh on a host of the lab says: a second opinion on what the driver did. */
export async function virsh(lab: Lab, host: string, ...args: readonly string[]): Promise<string> {
    const [command = '', ...rest] = labCommand(lab, ['virsh', '-c', 'qemu:///system', ...args], host);
    return (await run(command, rest)).stdout;
}
