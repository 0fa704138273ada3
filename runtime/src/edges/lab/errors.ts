import { MigrationError, type MigrationErrorOptions } from '../../core/errors.js';

/**
 * What can go wrong in the lab.
 * - `lab-unsupported`: this system cannot carry a lab; the hint lists what is missing and the cures
 * - `lab-image-failed`: a host's root file system could not be built or unpacked
 * - `lab-start-failed`: a host did not come up; the message ends with what its log says
 * - `lab-exists`, `lab-unknown`: the name is taken, or names no running lab
 * - `lab-host-unknown`, `lab-guest-unknown`: no such host in the lab, no such guest on the host
 * - `lab-command-failed`: a command inside the lab ended with an error
 * - `lab-guest-failed`: a guest did not start or did not become ready
 * - `lab-bad-options`: the description of a lab or guest contradicts itself
 */
export type LabErrorCode =
    | 'lab-unsupported'
    | 'lab-image-failed'
    | 'lab-start-failed'
    | 'lab-exists'
    | 'lab-unknown'
    | 'lab-host-unknown'
    | 'lab-guest-unknown'
    | 'lab-command-failed'
    | 'lab-guest-failed'
    | 'lab-bad-options';

export class LabError extends MigrationError<LabErrorCode> {
    constructor(code: LabErrorCode, message: string, options: MigrationErrorOptions = {}) {
        super(code, message, options);
        this.name = 'LabError';
    }
}
