import { labCommand } from '../exec.js';
import type { Lab } from '../state.js';

/** The command line of virsh on a host, with a script of its commands. */
export const virsh = (lab: Lab, host: string, script: string): readonly string[] =>
    labCommand(lab, ['virsh', '--quiet', '--connect', 'qemu:///system', script], host);
