/** What can go wrong at a QMP monitor, in words that a person can act on. */
import type { HostName } from '../../../core/index.js';
import { HypervisorError, type HypervisorErrorCode } from '../errors.js';

/** A monitor, as errors name it. */
export interface MonitorName {
    readonly host: HostName;
    /** Path on the host. */
    readonly socket: string;
}

/** QEMU answered with an error. */
export class QmpRefusal extends HypervisorError {
    /** QEMU's class of the error: `GenericError`, `CommandNotFound` … */
    readonly errorClass: string;
    /** QEMU's own words. */
    readonly description: string;

    constructor(at: MonitorName, command: string, errorClass: string, description: string) {
        const code: HypervisorErrorCode = errorClass === 'CommandNotFound' ? 'feature-missing' : 'refused';
        super(code, at.host, `${at.host}: ${description} (${command}: ${errorClass})`, {
            hint:
                code === 'feature-missing'
                    ? `this QEMU does not know ${command}: it is too old, or built without it`
                    : `ask QEMU itself at ${at.socket} of ${at.host}, and see its log`,
        });
        this.errorClass = errorClass;
        this.description = description;
    }
}

/** The connection broke: what QEMU did with the commands under way is not known. */
export function monitorLost({ host, socket }: MonitorName, why: string, command?: string): HypervisorError {
    return new HypervisorError(
        'host-lost',
        host,
        `the connection to QEMU at ${socket} of ${host} was lost${command === undefined ? '' : ` during ${command}`}: ${why}`,
        { hint: 'see whether the VM still runs there; what QEMU did with the command is not known' },
    );
}

/** Something answers that is no QMP server, or one that breaks its protocol. */
export function notQmp({ host, socket }: MonitorName, what: string, cause?: unknown): HypervisorError {
    const human = /^QEMU .* monitor - type/.test(what);
    return new HypervisorError(
        'protocol',
        host,
        human
            ? `${socket} on ${host} is a monitor for people, not for programs`
            : `what answers at ${socket} of ${host} does not speak QMP: ${what}`,
        {
            hint: human
                ? 'give the VM a QMP socket: -qmp unix:PATH,server=on,wait=off (with -chardev: -mon chardev=ID,mode=control)'
                : 'see what listens there; the socket of a VM is made by -qmp unix:PATH,server=on,wait=off',
            ...(cause === undefined ? {} : { cause }),
        },
    );
}

/** It lets us connect, and says nothing: it serves another client. */
export function monitorBusy({ host, socket }: MonitorName, withinMs: number): HypervisorError {
    return new HypervisorError(
        'timed-out',
        host,
        `QEMU at ${socket} of ${host} says nothing within ${String(withinMs / 1000)} s: another client holds it, or QEMU hangs`,
        {
            hint:
                `a QMP socket serves one client at a time: end the other one (\`ss -xp | grep ${socket}\` on ${host} shows it), or give ` +
                'the VM a second -qmp socket for mig-run',
        },
    );
}

export function noAnswer({ host, socket }: MonitorName, command: string, withinMs: number): HypervisorError {
    return new HypervisorError(
        'timed-out',
        host,
        `QEMU at ${socket} of ${host} did not answer to ${command} within ${String(withinMs / 1000)} s`,
        { hint: `look at the load of ${host} and at the log of that QEMU; whether it carried out the command is not known` },
    );
}
