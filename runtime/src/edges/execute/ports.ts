import type { EpochMs, Milliseconds } from '@mig/language';
import type { HostName, InventoryHost, Inventory, MigrationEvent, PhaseBounds } from '../../core/index.js';
import { MigrationError } from '../../core/errors.js';
import type { HostSession, Hypervisors } from '../hypervisor/port.js';
import type { Journal } from '../journal/journal.js';
import type { Clock } from './clock.js';
import type { Places } from './places.js';

/** What a run needs from outside. */
export interface ExecutePorts {
    readonly inventory: Inventory;
    /** Sessions by host, shared and closed by whoever hands them in; one that was lost is opened anew when asked for (`HostSessions`). */
    readonly hypervisors: Hypervisors;
    readonly journal: Journal;
    readonly clock: Clock;
    /** Id of the run; `newRunId` makes one. */
    readonly run: string;
    /** user@machine. */
    readonly controller: string;
    readonly simulated?: boolean;
    readonly bounds?: Partial<PhaseBounds>;
    /** How far each host's clock is ahead of ours, where it was measured: taken off the times of the host's own events. */
    readonly clockOffsets?: Readonly<Record<HostName, Milliseconds>>;
    /** Where hooks and checks are run; without it none is: hosts are simulated. Closed by whoever hands it in. */
    readonly places?: Places;
    /** How long recovery asks a host that is silent before a move is left on hold. */
    readonly patience?: Milliseconds;
}

/** Ctrl-C once: `stop`, start nothing more and let moves end. Twice: `cancel`, also stop what is still safe to stop. */
export interface RunSignals {
    readonly stop?: AbortSignal;
    readonly cancel?: AbortSignal;
}

/** Sortable by time, unique enough for one machine: `20261122-094113-7kq2`. */
export function newRunId(now: EpochMs, random: () => number = Math.random): string {
    const stamp = new Date(now).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
    return `${stamp}-${Math.floor(random() * 36 ** 4)
        .toString(36)
        .padStart(4, '0')}`;
}

/** The session with a host of the inventory. */
export async function sessionWith(ports: ExecutePorts, host: HostName, signal: AbortSignal): Promise<HostSession> {
    return ports.hypervisors.session(hostNamed(ports.inventory, host), signal);
}

function hostNamed(inventory: Inventory, name: HostName): InventoryHost {
    const found = inventory.hosts.find((h) => h.name === name);
    if (found) return found;
    throw new MigrationError('unknown-host', `the plan names ${name}, which is not in the inventory`, {
        hint: 'use the inventory that the plan was made with',
        where: { host: name },
    });
}

/** An event before its time is put on it; one that a host told of brings its own. */
export type Untimed = MigrationEvent extends infer E
    ? E extends MigrationEvent
        ? Omit<E, 'at'> & { readonly at?: EpochMs }
        : never
    : never;

export type Emit = (event: Untimed) => void;
