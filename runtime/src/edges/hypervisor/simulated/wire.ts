import { bytesPerSecond, milliseconds, type BytesPerSecond, type EpochMs, type Milliseconds } from '@mig/language';
import { wireRate } from '../../../core/simulate/copy-speed.js';
import { withDowntimeLimit, type PrecopyState } from '../../../core/simulate/copy-state.js';
import { fairRates } from '../../../core/simulate/links.js';
import { advance, timeToNextEvent, type PrecopyHappening } from '../../../core/simulate/precopy.js';
import type { Clock } from '../../execute/clock.js';

/** Memory on its way from one host to another. */
export interface Transfer {
    readonly id: string;
    /** Directed links: `a/net out`, `b/net in`. */
    readonly links: readonly string[];
    readonly onHappening: (happening: PrecopyHappening) => void;
}

export interface TransferCaps {
    cap: BytesPerSecond | undefined;
    /** Of the pages after a switch to post-copy: a setting of its own, as in QEMU. */
    postcopyCap: BytesPerSecond | undefined;
}

interface Flowing extends Transfer, TransferCaps {
    state: PrecopyState;
    rate: BytesPerSecond;
}

/** The links of a simulated cluster: all transfers share them max-min fairly, in the time of the clock. */
export class Wire {
    readonly #clock: Clock;
    readonly #capacities: ReadonlyMap<string, BytesPerSecond>;
    readonly #flows = new Map<string, Flowing>();
    #at: EpochMs;
    #timer = new AbortController();

    constructor(clock: Clock, capacities: ReadonlyMap<string, BytesPerSecond>) {
        this.#clock = clock;
        this.#capacities = capacities;
        this.#at = clock.now();
    }

    start(transfer: Transfer, state: PrecopyState, caps: TransferCaps): void {
        this.#catchUp();
        this.#flows.set(transfer.id, { ...transfer, state, ...caps, rate: bytesPerSecond(0) });
        this.#goOn();
    }

    /** Ends a transfer; nothing more happens in it. */
    stop(id: string): void {
        this.#catchUp();
        this.#flows.delete(id);
        this.#goOn();
    }

    setCap(id: string, caps: Partial<TransferCaps>): void {
        this.#change(id, (flow) => Object.assign(flow, caps));
    }

    setDowntimeLimit(id: string, limit: Milliseconds): void {
        this.turn(id, (state) => withDowntimeLimit(state, limit));
    }

    /** Turns a transfer to something else: a switch, a pause, a throttle. Gives what it has become; undefined: there is none. */
    turn(id: string, turned: (state: PrecopyState) => PrecopyState): PrecopyState | undefined {
        this.#change(id, (flow) => (flow.state = turned(flow.state)));
        return this.#flows.get(id)?.state;
    }

    /** How a transfer stands now, and its rate on the wire. */
    look(id: string): { readonly state: PrecopyState; readonly rate: BytesPerSecond } | undefined {
        this.#catchUp();
        const flow = this.#flows.get(id);
        return flow && { state: flow.state, rate: wireRate(flow.state, flow.rate) };
    }

    #change(id: string, change: (flow: Flowing) => void): void {
        this.#catchUp();
        const flow = this.#flows.get(id);
        if (!flow) return;
        change(flow);
        this.#goOn();
    }

    /** Lets the time pass that has passed. What happens is told in the order of its time. */
    #catchUp(): void {
        const now = this.#clock.now();
        const passed = milliseconds(now - this.#at);
        this.#at = now;
        const told: { readonly afterMs: number; readonly tell: () => void }[] = [];
        for (const flow of [...this.#flows.values()]) {
            const { state, happened } = advance(flow.state, passed, flow.rate);
            flow.state = state;
            for (const happening of happened) told.push({ afterMs: happening.afterMs, tell: () => flow.onHappening(happening) });
            if (state.stage === 'sent') this.#flows.delete(flow.id);
        }
        for (const { tell } of told.sort((a, b) => a.afterMs - b.afterMs)) tell();
    }

    /** Shares the links out again and waits for what happens next. */
    #goOn(): void {
        const flows = [...this.#flows.values()];
        const rates = fairRates(
            // QEMU lifts its cap once the guest is stopped.
            flows.map((flow) => ({ id: flow.id, links: flow.links, cap: capNow(flow) })),
            this.#capacities,
        );
        for (const flow of flows) flow.rate = bytesPerSecond(Math.min(rates.get(flow.id) ?? Infinity, flow.state.machine.fastest));
        this.#timer.abort();
        const timer = new AbortController();
        this.#timer = timer;
        const next = Math.min(...flows.map((f) => timeToNextEvent(f.state, f.rate)));
        if (!Number.isFinite(next)) return;
        this.#clock.sleep(milliseconds(Math.max(0, next) + oneTick), timer.signal).then(
            () => {
                this.#catchUp();
                this.#goOn();
            },
            () => undefined, // something else came first
        );
    }
}

/** Wakes a little late, so that what is due has happened whatever the clock's resolution. */
const oneTick = 0.001;

function capNow({ state, cap, postcopyCap }: Flowing): BytesPerSecond | undefined {
    if (state.stage === 'postcopy') return postcopyCap;
    if (state.stage === 'mirroring') return bytesPerSecond(Math.min(cap ?? Infinity, state.mirror?.cap ?? Infinity));
    return state.stage === 'copying' ? cap : undefined;
}
