import type { PlannedMove } from '../../core/index.js';
import type { VmLock } from '../hypervisor/port.js';
import { sessionWith, type ExecutePorts } from './ports.js';

/** The lock of one VM over the whole of a move, taken again where the connection that held it broke. */
export class LockKeeper implements AsyncDisposable {
    readonly #step: PlannedMove;
    readonly #ports: ExecutePorts;
    #lock: VmLock | undefined;

    constructor(step: PlannedMove, ports: ExecutePorts, lock?: VmLock) {
        this.#step = step;
        this.#ports = ports;
        if (lock) this.#keep(lock);
    }

    /** Whether the lock is held; tries to take it where it is not. `why` is told what stood against it. */
    async held(signal: AbortSignal, why: (error: unknown) => void = () => undefined): Promise<boolean> {
        if (this.#lock) return true;
        try {
            const session = await sessionWith(this.#ports, this.#step.source, signal);
            this.#keep(await session.lock(this.#step.vm.uuid, { run: this.#ports.run, controller: this.#ports.controller }, signal));
            return true;
        } catch (error) {
            why(error);
            return false;
        }
    }

    async [Symbol.asyncDispose](): Promise<void> {
        const lock = this.#lock;
        this.#lock = undefined;
        await lock?.[Symbol.asyncDispose]();
    }

    #keep(lock: VmLock): void {
        this.#lock = lock;
        void lock.lost.then(() => {
            if (this.#lock === lock) this.#lock = undefined;
        });
    }
}
