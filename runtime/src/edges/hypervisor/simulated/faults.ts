import type { HostName, VmName } from '../../../core/index.js';
import type { HypervisorErrorCode } from '../errors.js';

/** The calls of the port that can go wrong on request. */
export type FaultyCall =
    | 'session'
    | 'presence'
    | 'lock'
    | 'mark'
    | 'departure'
    | 'arrival'
    | 'definition'
    | 'autostart'
    | 'define'
    | 'undefine'
    | 'resume'
    | 'shut-down'
    | 'destroy'
    | 'begin'
    | 'prepare'
    | 'perform'
    | 'finish'
    | 'confirm'
    | 'cancel'
    | 'progress'
    | 'bandwidth'
    | 'downtime-limit'
    | 'start-postcopy'
    | 'postcopy-bandwidth'
    | 'throttle'
    | 'settings'
    | 'pause';

/** Something that goes wrong in a simulated cluster. */
export interface Fault {
    readonly call: FaultyCall;
    /** Any VM, any host, unless said. */
    readonly vm?: VmName;
    readonly host?: HostName;
    /** `before`: the host does nothing of it. `after`: the host has done it, and the caller does not learn. */
    readonly when: 'before' | 'after';
    /** How often it happens; once unless said. */
    readonly times?: number;
    readonly does: FaultKind;
}

export type FaultKind =
    /** The host answers with an error. */
    | { readonly kind: 'refuse'; readonly code?: HypervisorErrorCode; readonly text?: string }
    /** The connection that the call came over breaks. */
    | { readonly kind: 'lose-connection' }
    /** No answer, ever. */
    | { readonly kind: 'silence' }
    /** The client dies: all its connections close, none of its calls is ever answered. */
    | { readonly kind: 'kill-client' }
    | { readonly kind: 'reboot'; readonly host: HostName }
    /** The way between the two hosts of a move breaks while it sends. After a switch to post-copy the VM is torn: recovery's matter. */
    | { readonly kind: 'break-migration' }
    /** The controller can no longer reach the host, until `heal` is called on the cluster. */
    | { readonly kind: 'partition'; readonly host: HostName };

/** The faults that are still to come. */
export class Faults {
    readonly #left: { readonly fault: Fault; times: number }[];

    constructor(faults: readonly Fault[]) {
        this.#left = faults.map((fault) => ({ fault, times: fault.times ?? 1 }));
    }

    add(fault: Fault): void {
        this.#left.push({ fault, times: fault.times ?? 1 });
    }

    /** The first fault that fits, used up by one. */
    take(call: FaultyCall, host: HostName, vm: VmName | undefined, when: Fault['when']): FaultKind | undefined {
        const found = this.#left.find(
            ({ fault, times }) =>
                times > 0 &&
                fault.call === call &&
                fault.when === when &&
                (fault.host === undefined || fault.host === host) &&
                (fault.vm === undefined || fault.vm === vm),
        );
        if (!found) return undefined;
        found.times -= 1;
        return found.fault.does;
    }
}
