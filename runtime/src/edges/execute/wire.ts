/** What went over the links of a run by their own counters, read beside the moves: no phase waits for it. */
import { bytes, type EpochMs } from '@mig/language';
import type { HostName, MoveId, PlannedMove } from '../../core/index.js';
import type { LinkCounters } from '../hypervisor/link-counters.js';
import type { RunContext } from './context.js';
import { sessionWith, type Untimed } from './ports.js';

/** A host that is slow to tell must not keep the run from its end. */
const askWithinMs = 5000;

interface Reading {
    readonly at: EpochMs;
    readonly counters: LinkCounters | undefined;
}

/** Reads a link when the first move over it begins, and again when the run is at its end. What cannot be read is not told. */
export class Wire {
    readonly #run: RunContext;
    /** The two ends of each, which change where it goes elsewhere. */
    readonly #ends: Map<MoveId, readonly HostName[]>;
    readonly #first = new Map<HostName, Promise<Reading>>();

    constructor(moves: readonly PlannedMove[], run: RunContext) {
        this.#run = run;
        this.#ends = new Map(moves.map(({ id, source, destination }) => [id, [source, destination]]));
    }

    hear(event: Untimed): void {
        if (event.type === 'move-redirected')
            this.#ends.set(event.move, [...(this.#ends.get(event.move) ?? []).slice(0, 1), event.destination]);
        if (event.type !== 'phase-entered' || event.phase !== 'begin') return;
        for (const host of this.#ends.get(event.move) ?? []) if (!this.#first.has(host)) this.#first.set(host, this.#read(host));
    }

    /** Tells of every link that could be read twice. */
    async settled(): Promise<void> {
        const told = [...this.#first].map(async ([host, reading]) => {
            const [{ at, counters: before }, { counters: after }] = await Promise.all([reading, this.#read(host)]);
            const network = this.#networkOf(host);
            // A counter that has fallen is that of an interface which was made anew.
            if (!before || !after || !network || after.sent < before.sent || after.received < before.received) return;
            const [sent, received] = [bytes(after.sent - before.sent), bytes(after.received - before.received)];
            this.#run.emit({ type: 'link-counted', host, network, sent, received, since: at });
        });
        await Promise.all(told);
    }

    async #read(host: HostName): Promise<Reading> {
        const at = this.#run.clock.now();
        const timely = AbortSignal.timeout(askWithinMs);
        try {
            const session = await sessionWith(this.#run.ports, host, timely);
            const address = session.host.migration?.address;
            return { at, counters: address === undefined ? undefined : await session.linkCounters?.(address, timely) };
        } catch {
            return { at, counters: undefined }; // the host does not answer: then the figure is not known
        }
    }

    #networkOf(host: HostName): string | undefined {
        return this.#run.ports.inventory.hosts.find(({ name }) => name === host)?.migration?.network;
    }
}
