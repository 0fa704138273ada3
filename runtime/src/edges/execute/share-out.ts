import { bytes, bytesPerSecond, formatQuantity, milliseconds, type Bytes, type BytesPerSecond, type Milliseconds } from '@mig/language';
import {
    libvirtStep,
    linkCapacities,
    moveTechnique,
    nextLook,
    qemuPortion,
    settingFor,
    sharesInFlight,
    shareRequest,
    shortStop,
    tooThin,
    trimEvery,
    Windows,
    type CapInForce,
    type HostName,
    type LinkCapacities,
    type MoveId,
    type Plan,
    type PlannedMove,
    type Progress,
} from '../../core/index.js';
import { MigrationError } from '../../core/errors.js';
import type { Departure } from '../hypervisor/port.js';
import { within } from './bounds.js';
import type { Clock } from './clock.js';
import type { ExecutePorts, Emit } from './ports.js';
import { setCap, setWithin, type CapSetting } from './set-cap.js';
import { Trimming } from './trimming.js';

/** Shares that differ by less are one share, reckoned in another order. */
const same = 1e-9;

interface Sender {
    readonly move: PlannedMove;
    readonly departure: Departure;
    /** It may switch to post-copy, whose cap is a setting of its own: it is kept equal, so that it holds from the first page after the switch. */
    readonly maySwitch: boolean;
    /** It has switched: the cap of pre-copy says nothing any more. */
    switched: boolean;
    /** Its cap has been set once more since it sends: until then its host may have begun with an earlier one, and say so. */
    confirmed: boolean;
    /** It sends no more: what its host says of its cap from now on may be that of no migration, or of no guest. */
    left: boolean;
    /** What was last set. */
    rate: BytesPerSecond | undefined;
    /** Its share is less than a hypervisor can be set to, and it was told so. */
    thin: boolean;
    readonly trimming: Trimming;
}

/**
 * Keeps the caps of the moves that send as the plan wants them: shared out again whenever one joins, leaves or switches
 * to post-copy, and whenever a window of the plan opens or closes.
 * Others are lowered before one joins, and raised only after one has left, so that no cap is passed in between.
 * Only senders have a share: a move that is being prepared leaves the wire to the others.
 */
export class ShareOut {
    readonly #plan: Plan;
    readonly #capacities: LinkCapacities;
    /** What a host's hypervisor sends at once; simulated ones send any number of bytes. */
    readonly #portions: ReadonlyMap<HostName, Bytes>;
    readonly #emit: Emit;
    readonly #clock: Clock;
    readonly #moves: Map<MoveId, PlannedMove>;
    readonly #senders = new Map<MoveId, Sender>();
    /** Caps that rungs have put on single moves. */
    readonly #own = new Map<MoveId, BytesPerSecond | undefined>();
    readonly #windows: Windows;
    readonly #aborts = new Map<MoveId, (because: string) => void>();
    #changed: () => void = () => undefined;
    #turn: Promise<void> = Promise.resolve();

    constructor(plan: Plan, ports: ExecutePorts, emit: Emit) {
        this.#plan = plan;
        this.#windows = new Windows(plan, ports.clock.now());
        this.#capacities = linkCapacities(ports.inventory);
        this.#portions = new Map(ports.inventory.hosts.flatMap((h) => (h.driver === 'simulated' ? [] : [[h.name, qemuPortion]])));
        this.#emit = emit;
        this.#clock = ports.clock;
        this.#moves = new Map(plan.moves.map((m) => [m.id, m]));
    }

    /** Why a candidate may not send beside those that are under way. */
    refuses(candidate: MoveId, running: readonly MoveId[]): string | undefined {
        const requests = [...running, candidate].flatMap((id) => this.#moves.get(id) ?? []).map(shareRequest);
        return tooThin(requests, this.#windows.inForce, this.#capacities);
    }

    /** Whether a candidate that is refused now could send alone at another time: when a window has opened or closed. */
    admitsLater(candidate: MoveId): boolean {
        const request = this.#moves.get(candidate);
        if (!request) return false;
        return this.#windows.everyTime.some((caps) => tooThin([shareRequest(request)], caps, this.#capacities) === undefined);
    }

    /** Follows the windows of the plan until the run is over. `changed` is called when others hold than before. */
    async follow(over: AbortSignal, changed: () => void): Promise<void> {
        this.#changed = changed;
        for (;;) {
            const now = this.#clock.now();
            const next = nextLook(this.#plan, now);
            if (next === undefined) return;
            try {
                await this.#clock.sleep(milliseconds(next - now), over);
            } catch {
                return; // the run is over
            }
            await this.#look(over);
        }
    }

    /** `abort` is called when a window closes at whose end this move must not go on. */
    onAbort(move: MoveId, abort: ((because: string) => void) | undefined): void {
        if (abort) this.#aborts.set(move, abort);
        else this.#aborts.delete(move);
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
            const joining: Sender = {
                move,
                departure,
                maySwitch,
                switched: false,
                confirmed: false,
                left: false,
                rate: undefined,
                thin: false,
                trimming: this.#trimming(move, departure),
            };
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
            if (!sender) return;
            sender.confirmed = true;
            if (sender.rate !== undefined) await this.#set(sender, sender.rate, signal);
        });
    }

    /** What a move has sent so far, which is kept at its share: when to look next. */
    async measured(id: MoveId, { transferred, rate, disks }: Progress, signal: AbortSignal): Promise<Milliseconds> {
        const at = this.#clock.now();
        // Disks go at speeds of their own, and what is empty of them is counted and not sent: that takes nothing from memory.
        const sent = bytes(Math.max(0, transferred - (disks?.sent ?? 0)));
        let lookIn = trimEvery;
        await this.#serially(async () => {
            const sender = this.#senders.get(id);
            if (sender?.rate !== undefined) lookIn = await sender.trimming.look({ share: sender.rate, at, sent, rate }, signal);
        });
        return lookIn;
    }

    #trimming(move: PlannedMove, departure: Departure): Trimming {
        const what = { call: 'a trimmed cap', host: move.source, vm: move.vm.name };
        const sender = (): Sender | undefined => this.#senders.get(move.id);
        return new Trimming({
            clock: this.#clock,
            portion: this.#portions.get(move.source),
            serially: (work) => this.#serially(work),
            hasLeft: () => sender()?.departure !== departure,
            set: async (setting, signal) => {
                const set =
                    sender()?.switched === true ? departure.setPostcopyBandwidth.bind(departure) : departure.setBandwidth.bind(departure);
                await within(this.#clock, setWithin, what, (late) => set(setting, AbortSignal.any([signal, late])));
            },
        });
    }

    /**
     * The others share what a move no longer needs: once the time is over for which it has sent ahead. At the stop of its
     * guest QEMU lifts its cap, and a tenth of a second of its share goes at once (decide/stop-limit.ts).
     */
    async leave(move: MoveId, signal: AbortSignal): Promise<void> {
        const sender = this.#senders.get(move);
        if (sender) sender.left = true;
        this.#senders.delete(move);
        this.#own.delete(move);
        const isAhead = sender?.rate !== undefined && this.#portions.has(sender.move.source) && this.#senders.size > 0;
        if (isAhead) await this.#clock.sleep(shortStop, signal).catch(() => undefined);
        return this.#again(signal);
    }

    /** A move has switched to post-copy: its share is now set by the cap of that, and read back there. */
    switched(id: MoveId, signal: AbortSignal = new AbortController().signal): Promise<void> {
        return this.#serially(async () => {
            const sender = this.#senders.get(id);
            if (!sender || sender.switched) return;
            sender.switched = true;
            const shares = this.#shares([...this.#senders.values()].map((s) => s.move));
            await Promise.all([this.#set(sender, shares.get(id), signal), this.#lower(shares, signal)]);
            await this.#raise(shares, signal);
        });
    }

    /** A further cap on one move. */
    limit(move: MoveId, rate: BytesPerSecond | undefined, signal: AbortSignal): Promise<void> {
        this.#own.set(move, rate);
        return this.#again(signal);
    }

    /** A move that has not begun goes elsewhere. */
    redirect(move: PlannedMove): void {
        this.#moves.set(move.id, move);
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

    async #look(signal: AbortSignal): Promise<void> {
        const found = this.#windows.look(this.#clock.now(), new Set(this.#senders.keys()));
        if (!found) return;
        for (const text of found.notes) this.#emit({ type: 'note', level: 'info', move: undefined, text });
        for (const { move, because } of found.aborts) this.#aborts.get(move)?.(because);
        await this.#again(signal);
        this.#changed();
    }

    #shares(moves: readonly PlannedMove[]): Map<MoveId, BytesPerSecond | undefined> {
        const own = moves.flatMap(({ id }): CapInForce[] => {
            const rates = [this.#own.get(id), this.#senders.get(id)?.switched === true ? this.#postcopyCap(id) : undefined];
            const only = new Set([id]);
            const because = { text: 'a cap of its own' };
            return rates.flatMap((rate) => (rate === undefined ? [] : [{ scope: 'vm', of: undefined, rate, kind: 'cap', because, only }]));
        });
        const { shares, thin } = sharesInFlight(moves.map(shareRequest), [...this.#windows.inForce, ...own], this.#capacities);
        for (const { id } of moves) this.#tellThin(id, thin.has(id));
        return shares;
    }

    /** A move that sends already cannot be held back altogether when a window lowers the caps. */
    #tellThin(id: MoveId, isThin: boolean): void {
        const sender = this.#senders.get(id);
        if (!sender || sender.thin === isThin) return;
        sender.thin = isThin;
        if (!isThin) return;
        const least = formatQuantity(libvirtStep, 'rate');
        const text = `the share of ${sender.move.vm.name} is below ${least}, the least that can be set: the caps are passed until others end`;
        this.#emit({ type: 'note', level: 'alarm', move: id, text });
    }

    /** What its technique asks for after the switch. */
    #postcopyCap(id: MoveId): BytesPerSecond | undefined {
        const asked = this.#moves.get(id)?.technique.options.postcopyBandwidth;
        return typeof asked === 'number' ? bytesPerSecond(Math.max(libvirtStep, asked)) : undefined;
    }

    async #lower(shares: ReadonlyMap<MoveId, BytesPerSecond | undefined>, signal: AbortSignal): Promise<void> {
        await this.#change(shares, (now, next) => next !== undefined && (now === undefined || next < now * (1 - same)), signal);
    }

    async #raise(shares: ReadonlyMap<MoveId, BytesPerSecond | undefined>, signal: AbortSignal): Promise<void> {
        await this.#change(shares, (now, next) => now !== undefined && (next === undefined || next > now * (1 + same)), signal);
    }

    async #change(
        shares: ReadonlyMap<MoveId, BytesPerSecond | undefined>,
        wanted: (now: BytesPerSecond | undefined, next: BytesPerSecond | undefined) => boolean,
        signal: AbortSignal,
    ): Promise<void> {
        const due = [...this.#senders.values()].filter((s) => wanted(s.rate, shares.get(s.move.id)));
        await Promise.all(due.map((s) => this.#set(s, shares.get(s.move.id), signal)));
    }

    /** Whether it was taken. A move that has just ended takes no cap any more, and needs none. */
    async #set(sender: Sender, rate: BytesPerSecond | undefined, signal: AbortSignal): Promise<boolean> {
        const { move, departure, maySwitch, switched } = sender;
        const one = (setting: CapSetting, share: BytesPerSecond | undefined): Promise<boolean> => {
            const asked = share === undefined ? undefined : settingFor(share, libvirtStep, this.#portions.get(move.source));
            const begins = () => this.#senders.get(move.id) === sender && !sender.confirmed;
            const order = { move, departure, setting, asked, begins, hasLeft: () => sender.left };
            return setCap(order, { clock: this.#clock, emit: this.#emit }, signal);
        };
        try {
            let holds = true;
            if (maySwitch || switched) holds = await one('postcopy-bandwidth', switched ? rate : this.#afterSwitch(move.id, rate));
            if (!switched) holds = (await one('bandwidth', rate)) && holds;
            sender.rate = rate;
            sender.trimming.restart(rate);
            return holds;
        } catch (error) {
            const text = `the cap of ${move.vm.name} could not be set: ${error instanceof Error ? error.message : String(error)}`;
            if (!signal.aborted && !sender.left) this.#emit({ type: 'note', level: 'warning', move: move.id, text });
            return false;
        }
    }

    #afterSwitch(id: MoveId, rate: BytesPerSecond | undefined): BytesPerSecond | undefined {
        const own = this.#postcopyCap(id);
        if (own === undefined) return rate;
        return bytesPerSecond(Math.min(rate ?? Infinity, own));
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
