/** What sending and receiving cost the hosts in CPU time, read beside the move: no phase waits for it. */
import { type Milliseconds, milliseconds } from '@mig/language';
import type { HostName, MoveId, MovePhase, PlannedMove } from '../../core/index.js';
import type { RunContext } from './context.js';
import { sessionWith, type Untimed } from './ports.js';

/** A host that is slow to tell must not keep the run from its end. */
const askWithinMs = 5000;

/** Reads the hypervisor's CPU time at both ends when sending begins and when it has ended. What cannot be read is not told. */
export class Effort {
    readonly #run: RunContext;
    readonly #moves: Map<MoveId, PlannedMove>;
    /** What has ended of each move that is under way. */
    readonly #ended = new Map<MoveId, readonly MovePhase[]>();
    readonly #before = new Map<string, Promise<Milliseconds | undefined>>();
    readonly #asking = new Set<Promise<void>>();

    constructor(moves: readonly PlannedMove[], run: RunContext) {
        this.#run = run;
        this.#moves = new Map(moves.map((move) => [move.id, move]));
    }

    hear(event: Untimed): void {
        if (event.type === 'move-redirected') {
            const move = this.#moves.get(event.move);
            if (move) this.#moves.set(event.move, { ...move, destination: event.destination });
        }
        if (event.type !== 'phase-entered' && event.type !== 'phase-ended') return;
        const move = this.#moves.get(event.move);
        if (!move) return;
        if (event.type === 'phase-entered' && event.phase === 'perform') {
            this.#ended.delete(event.move);
            for (const host of [move.source, move.destination]) this.#before.set(keyOf(move, host), this.#read(move, host));
        }
        if (event.type !== 'phase-ended' || event.error !== undefined) return;
        const ended = [...(this.#ended.get(event.move) ?? []), event.phase];
        this.#ended.set(event.move, ended);
        // The source's copy goes with confirm. The destination's work ends with finish or, where its guest runs before all has come, with perform.
        if (event.phase === 'perform') this.#told(move, 'source', move.source);
        const isOver = event.phase !== 'confirm' && ended.includes('finish') && ended.includes('perform');
        if (isOver) this.#told(move, 'destination', move.destination);
    }

    /** Everything that was asked has been told. */
    async settled(): Promise<void> {
        await Promise.all(this.#asking);
    }

    #told(move: PlannedMove, side: 'source' | 'destination', on: HostName): void {
        const telling = Promise.all([this.#before.get(keyOf(move, on)), this.#read(move, on)])
            .then(([before, after]) => {
                if (before === undefined || after === undefined || after < before) return;
                this.#run.emit({ type: 'effort', move: move.id, on, side, cpuMs: milliseconds(after - before) });
            })
            .finally(() => this.#asking.delete(telling));
        this.#asking.add(telling);
    }

    async #read(move: PlannedMove, host: HostName): Promise<Milliseconds | undefined> {
        const timely = AbortSignal.timeout(askWithinMs);
        try {
            const session = await sessionWith(this.#run.ports, host, timely);
            return await session.emulatorCpu?.(move.vm.uuid, timely);
        } catch {
            return undefined; // the VM has just gone from there, or the host does not answer: then the figure is not known
        }
    }
}

const keyOf = (move: PlannedMove, host: HostName): string => `${move.id}\n${host}`;
