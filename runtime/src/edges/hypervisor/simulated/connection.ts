import { milliseconds, type Milliseconds } from '@mig/language';
import type { HostName, VmName } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { Closable, SimulatedCluster } from './cluster.js';
import type { FaultKind, FaultyCall } from './faults.js';

/** What an ordinary call takes, there and back. */
const roundTrip = milliseconds(1);

/** One connection of a client to a simulated host. */
export class SimulatedConnection implements Closable {
    readonly host: HostName;
    readonly cluster: SimulatedCluster;
    readonly lost: Promise<{ readonly why: string }>;
    readonly #generation: number;
    readonly #whenClosed: (() => void)[] = [];
    #lose: (lost: { readonly why: string }) => void = () => undefined;
    #closed: string | undefined;

    constructor(cluster: SimulatedCluster, host: HostName) {
        this.cluster = cluster;
        this.host = host;
        this.#generation = cluster.generation;
        this.lost = new Promise((resolve) => (this.#lose = resolve));
        cluster.opened(this);
    }

    get isOpen(): boolean {
        return this.#closed === undefined;
    }

    /** What the host does when the connection closes, whoever closes it. */
    whenClosed(act: () => void): void {
        this.#whenClosed.push(act);
    }

    close(why: string): void {
        if (!this.isOpen) return;
        this.#closed = why;
        this.cluster.closed(this);
        for (const act of this.#whenClosed) act();
        if (this.#alive) this.#lose({ why });
    }

    /** One call: it takes its time, may go wrong on request, and fails where the connection is lost while it waits. */
    async call<T>(
        call: FaultyCall,
        vm: VmName | undefined,
        signal: AbortSignal,
        work: () => T | Promise<T>,
        takes: Milliseconds = roundTrip,
    ): Promise<T> {
        signal.throwIfAborted();
        this.#mustBeOpen(call);
        const answer = (async (): Promise<T> => {
            await this.cluster.clock.sleep(takes);
            await this.#goWrong(call, vm, 'before');
            this.#mustBeOpen(call);
            const result = await work();
            await this.#goWrong(call, vm, 'after');
            this.#mustBeOpen(call);
            return result;
        })();
        const over = new AbortController();
        try {
            const settled = await Promise.race([answer, this.#interrupted(call, signal, over.signal)]);
            if (!this.#alive) await never();
            return settled;
        } catch (error) {
            if (!this.#alive) await never();
            throw error;
        } finally {
            over.abort();
        }
    }

    get #alive(): boolean {
        return this.#generation === this.cluster.generation;
    }

    /** Settles only when the wait is to end without an answer. */
    #interrupted(call: string, signal: AbortSignal, over: AbortSignal): Promise<never> {
        return new Promise((_, reject) => {
            const abort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
            signal.addEventListener('abort', abort, { once: true, signal: over });
            void this.lost.then(({ why }) => reject(this.#lostError(call, why)));
        });
    }

    #mustBeOpen(call: string): void {
        if (this.#closed !== undefined) throw this.#lostError(call, this.#closed);
    }

    #lostError(call: string, why: string): HypervisorError {
        return new HypervisorError('host-lost', this.host, `the connection to ${this.host} was lost during ${call}: ${why}`);
    }

    async #goWrong(call: FaultyCall, vm: VmName | undefined, when: 'before' | 'after'): Promise<void> {
        const fault = this.cluster.faults.take(call, this.host, vm, when);
        if (fault) await this.#happen(fault, call, vm);
    }

    async #happen(fault: FaultKind, call: string, vm: VmName | undefined): Promise<void> {
        switch (fault.kind) {
            case 'refuse':
                throw new HypervisorError(
                    fault.code ?? 'refused',
                    this.host,
                    fault.text ?? `${this.host} refused ${call}${vm === undefined ? '' : ` of ${vm}`}`,
                );
            case 'lose-connection':
                return this.close('it broke');
            case 'silence':
                return never();
            case 'kill-client':
                this.cluster.killClient();
                return never();
            case 'reboot':
                return this.cluster.reboot(fault.host);
            case 'break-migration':
                return this.cluster.breakMigration(vm);
            case 'partition':
                return this.cluster.partition(fault.host, true);
        }
    }
}

const never = (): Promise<never> => new Promise<never>(() => undefined);
