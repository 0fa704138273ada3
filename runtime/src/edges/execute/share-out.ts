import { formatQuantity, milliseconds, type BytesPerSecond } from '@mig/language';
import {
    linkCapacities,
    sharesInSteps,
    shareRequest,
    tooThin,
    type HostName,
    type LinkCapacities,
    type MoveId,
    type PlanCap,
    type Plan,
    type PlannedMove,
    moveTechnique,
} from '../../core/index.js';
import { MigrationError } from '../../core/errors.js';
import type { Departure } from '../hypervisor/port.js';
import { within } from './bounds.js';
import type { Clock } from './clock.js';
import type { ExecutePorts, Emit } from './ports.js';

/** A host that does not take a cap within this time must not keep the others from theirs. */
const setWithin = milliseconds(5_000);

type CapSetting = 'bandwidth' | 'postcopy-bandwidth';
type SetCap = Departure['setBandwidth'];

const capName: Readonly<Record<CapSetting, string>> = { bandwidth: 'the cap', 'postcopy-bandwidth': 'the cap of post-copy' };

interface Sender {
    readonly move: PlannedMove;
    readonly departure: Departure;
    /** It may switch to post-copy, whose cap is a setting of its own: it is kept equal, so that it holds from the first page after the switch. */
    readonly maySwitch: boolean;
    /** It has switched: the cap of pre-copy says nothing any more. */
    switched: boolean;
    /** What was last set. */
    rate: BytesPerSecond | undefined;
}

/**
 * Keeps the caps of the moves that send as the plan wants them: shared out again whenever one joins or leaves.
 * Others are lowered before one joins, and raised only after one has left, so that no cap is passed in between.
 * Only senders have a share: a move that is being prepared leaves the wire to the others.
 */
export class ShareOut {
    readonly #caps: readonly PlanCap[];
    readonly #capacities: LinkCapacities;
    readonly #emit: Emit;
    readonly #clock: Clock;
    readonly #moves: ReadonlyMap<MoveId, PlannedMove>;
    readonly #senders = new Map<MoveId, Sender>();
    /** Caps that rungs have put on single moves. */
    readonly #own = new Map<MoveId, BytesPerSecond | undefined>();
    #turn: Promise<void> = Promise.resolve();

    constructor(plan: Plan, ports: ExecutePorts, emit: Emit) {
        this.#caps = plan.caps;
        this.#capacities = linkCapacities(ports.inventory);
        this.#emit = emit;
        this.#clock = ports.clock;
        this.#moves = new Map(plan.moves.map((m) => [m.id, m]));
    }

    /** Why a candidate may not send beside those that are under way. */
    refuses(candidate: MoveId, running: readonly MoveId[]): string | undefined {
        const requests = [...running, candidate].flatMap((id) => this.#moves.get(id) ?? []).map(shareRequest);
        return tooThin(requests, this.#caps, this.#capacities);
    }

    /**
     * Makes room for a move and sets its cap; it may send when this returns.
     * @throws MigrationError `cap-not-set`: it would send without the cap that it has to have
     */
    join(move: PlannedMove, departure: Departure, signal: AbortSignal): Promise<void> {
        return this.#serially(async () => {
            const shares = this.#shares([...this.#senders.values()].map((s) => s.move).concat(move));
            const rate = shares.get(move.id);
            const maySwitch = moveTechnique(move.technique).postcopy;
            const joining: Sender = { move, departure, maySwitch, switched: false, rate: undefined };
            const [, isSet] = await Promise.all([this.#lower(shares, signal), this.#set(joining, rate, signal)]);
            if (!isSet && rate !== undefined) throw capNotSet(move, rate);
            this.#senders.set(move.id, joining);
            await this.#raise(shares, signal);
        });
    }

    /** Once a move sends: a hypervisor may have taken its cap from before the last change while it began. */
    confirm(id: MoveId, signal: AbortSignal): Promise<void> {
        return this.#serially(async () => {
            const sender = this.#senders.get(id);
            if (sender?.rate !== undefined) await this.#set(sender, sender.rate, signal);
        });
    }

    /** The others share what a move no longer needs. */
    leave(move: MoveId, signal: AbortSignal): Promise<void> {
        this.#senders.delete(move);
        this.#own.delete(move);
        return this.#again(signal);
    }

    /** A move has switched to post-copy: its share is now set by the cap of that, and read back there. */
    switched(id: MoveId, signal: AbortSignal = new AbortController().signal): Promise<void> {
        return this.#serially(async () => {
            const sender = this.#senders.get(id);
            if (!sender || sender.switched) return;
            sender.switched = true;
            await this.#set(sender, sender.rate, signal);
        });
    }

    /** A further cap on one move. */
    limit(move: MoveId, rate: BytesPerSecond | undefined, signal: AbortSignal): Promise<void> {
        this.#own.set(move, rate);
        return this.#again(signal);
    }

    /** Of a link, `host/network`, in each direction; undefined where the inventory does not say. */
    capacityOf(link: string): BytesPerSecond | undefined {
        return this.#capacities[link];
    }

    /** What is in force for a move. */
    capOf(move: MoveId): BytesPerSecond | undefined {
        return this.#senders.get(move)?.rate;
    }

    #again(signal: AbortSignal): Promise<void> {
        return this.#serially(async () => {
            const shares = this.#shares([...this.#senders.values()].map((s) => s.move));
            await this.#lower(shares, signal);
            await this.#raise(shares, signal);
        });
    }

    #shares(moves: readonly PlannedMove[]): Map<MoveId, BytesPerSecond | undefined> {
        const own = moves.flatMap((m): PlanCap[] => {
            const rate = this.#own.get(m.id);
            return rate === undefined ? [] : [{ scope: 'vm', of: m.vm.name, rate, kind: 'cap', because: { text: 'a rung of its ladder' } }];
        });
        return sharesInSteps(moves.map(shareRequest), [...this.#caps, ...own], this.#capacities);
    }

    async #lower(shares: ReadonlyMap<MoveId, BytesPerSecond | undefined>, signal: AbortSignal): Promise<void> {
        await this.#change(shares, (now, next) => next !== undefined && (now === undefined || next < now), signal);
    }

    async #raise(shares: ReadonlyMap<MoveId, BytesPerSecond | undefined>, signal: AbortSignal): Promise<void> {
        await this.#change(shares, (now, next) => now !== undefined && (next === undefined || next > now), signal);
    }

    async #change(
        shares: ReadonlyMap<MoveId, BytesPerSecond | undefined>,
        wanted: (now: BytesPerSecond | undefined, next: BytesPerSecond | undefined) => boolean,
        signal: AbortSignal,
    ): Promise<void> {
        const due = [...this.#senders.values()].filter((s) => wanted(s.rate, shares.get(s.move.id)));
        await Promise.all(due.map((s) => this.#set(s, shares.get(s.move.id), signal)));
    }

    /** Sets, reads back and compares; whether it was taken. A move that has just ended takes no cap any more, and needs none. */
    async #set(sender: Sender, rate: BytesPerSecond | undefined, signal: AbortSignal): Promise<boolean> {
        const { move, departure, maySwitch, switched } = sender;
        const one = async (call: string, setting: CapSetting, set: SetCap): Promise<void> => {
            const { got } = await within(this.#clock, setWithin, { call, host: move.source, vm: move.vm.name }, (over) =>
                set(rate, AbortSignal.any([signal, over])),
            );
            if (rate !== undefined) this.#report(move, setting, rate, got);
        };
        try {
            if (maySwitch || switched)
                await one('a new cap of post-copy', 'postcopy-bandwidth', (cap, end) => departure.setPostcopyBandwidth(cap, end));
            if (!switched) await one('a new cap', 'bandwidth', (cap, end) => departure.setBandwidth(cap, end));
            sender.rate = rate;
            return true;
        } catch (error) {
            const text = `the cap of ${move.vm.name} could not be set: ${error instanceof Error ? error.message : String(error)}`;
            if (!signal.aborted) this.#emit({ type: 'note', level: 'warning', move: move.id, text });
            return false;
        }
    }

    #report(move: PlannedMove, setting: CapSetting, asked: BytesPerSecond, got: BytesPerSecond | undefined): void {
        const agrees = got === asked;
        this.#emit({ type: 'setting-applied', move: move.id, setting, on: move.source, asked, got, agrees });
        if (!agrees)
            this.#emit({
                type: 'note',
                level: 'warning',
                move: move.id,
                text: differs(
                    capName[setting],
                    move.source,
                    formatQuantity(asked, 'rate'),
                    got === undefined ? undefined : formatQuantity(got, 'rate'),
                ),
            });
    }

    #serially(work: () => Promise<void>): Promise<void> {
        const result = this.#turn.then(work);
        this.#turn = result.catch(() => undefined); // the caller has the error; the next in line only waits
        return result;
    }
}

function capNotSet({ vm, source }: PlannedMove, rate: BytesPerSecond): MigrationError {
    return new MigrationError('cap-not-set', `${vm.name} was not sent: ${source} did not take its cap of ${formatQuantity(rate, 'rate')}`, {
        hint: 'see the warning before it',
        where: { host: source, vm: vm.name },
    });
}

/** What is said when a setting reads back as something else. */
export function differs(setting: string, on: HostName, asked: string, got: string | undefined): string {
    return got === undefined
        ? `${setting} was set to ${asked}, and ${on} cannot say what it is now`
        : `${setting} was set to ${asked}, and ${on} says that it is ${got}`;
}
