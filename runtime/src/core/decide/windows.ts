/** Which caps of a plan hold when: its windows open and close while it is carried out. */
import { type EpochMs, epochMs } from '@mig/language';
import type { MoveId } from '../model/events.js';
import type { Plan, PlanWindow } from '../model/plan.js';
import type { CapInForce } from './bandwidth.js';
import { scheduleHolds } from './schedule.js';

/** The windows of a plan that are open, by their index. */
export function openWindows({ windows = [] }: Pick<Plan, 'windows'>, now: EpochMs): ReadonlySet<number> {
    return new Set(
        windows.flatMap(({ schedule }, i) => {
            const holds = scheduleHolds(schedule, schedule.timeZone, now);
            return holds.known && holds.value ? [i] : [];
        }),
    );
}

/** What holds while these windows are open: caps that none of them replaces, and their own. */
export function capsWhile({ caps, windows = [] }: Pick<Plan, 'caps' | 'windows'>, open: ReadonlySet<number>): readonly CapInForce[] {
    const always = open.size === 0 ? caps : caps.filter(({ replacedIn = [] }) => !replacedIn.some((i) => open.has(i)));
    return [...always, ...windows.flatMap((window, i) => (open.has(i) ? window.caps : []))];
}

/** Windows open and close at whole minutes of the clock, whatever their time zone: the next time to look at them. */
export function nextLook({ windows = [] }: Pick<Plan, 'windows'>, now: EpochMs): EpochMs | undefined {
    return windows.length === 0 ? undefined : epochMs((Math.floor(now / minute) + 1) * minute);
}

const minute = 60_000;

/** What the end of a window does to the moves that are sending. */
export interface WindowClosed {
    readonly window: PlanWindow;
    /** Its policy's moves. */
    readonly moves: readonly MoveId[];
    /** They must end, where that is still safe. */
    readonly abort: boolean;
    /** What they are bound by from now on, besides the caps that hold for all. */
    readonly caps: readonly CapInForce[];
}

/** What the windows that have closed between two looks do to these moves. */
export function closedBetween(
    plan: Pick<Plan, 'windows' | 'instances' | 'moves'>,
    before: ReadonlySet<number>,
    after: ReadonlySet<number>,
    sending: ReadonlySet<MoveId>,
): readonly WindowClosed[] {
    return (plan.windows ?? []).flatMap((window, i): WindowClosed[] => {
        if (!before.has(i) || after.has(i)) return [];
        const moves = plan.moves.filter((m) => sending.has(m.id) && plan.instances[m.instance]?.policy === window.policy).map((m) => m.id);
        if (moves.length === 0) return [];
        const only = new Set(moves);
        const { atEnd, because } = window;
        const own: readonly CapInForce[] =
            atEnd.kind === 'cap' ? [{ scope: 'total', of: undefined, rate: atEnd.rate, kind: 'cap', because, only }] : [];
        const kept = atEnd.kind === 'keep-caps' ? window.caps.filter((c) => c.kind === 'cap').map((c) => ({ ...c, only })) : [];
        return [{ window, moves, abort: atEnd.kind === 'abort', caps: [...own, ...kept] }];
    });
}

/** What a look at the windows of a plan has found. */
export interface WindowsChanged {
    /** What opened or closed, in words. */
    readonly notes: readonly string[];
    /** Moves that must end, where that is still safe, and why. */
    readonly aborts: readonly { readonly move: MoveId; readonly because: string }[];
}

/** Follows the windows of a plan through a run: which caps hold, and what those that have closed left behind. */
export class Windows {
    readonly #plan: Pick<Plan, 'caps' | 'windows' | 'instances' | 'moves'>;
    #open: ReadonlySet<number>;
    /** What windows that have closed left to the moves that were sending then. */
    readonly #kept: CapInForce[] = [];

    constructor(plan: Pick<Plan, 'caps' | 'windows' | 'instances' | 'moves'>, now: EpochMs) {
        this.#plan = plan;
        this.#open = openWindows(plan, now);
    }

    get inForce(): readonly CapInForce[] {
        return [...capsWhile(this.#plan, this.#open), ...this.#kept];
    }

    /** The sets of caps that hold at one time or another: while none is open, and while each of them is. */
    get everyTime(): readonly (readonly CapInForce[])[] {
        const { windows = [] } = this.#plan;
        return windows.length === 0 ? [] : [[], ...windows.map((_, i) => [i])].map((open) => capsWhile(this.#plan, new Set(open)));
    }

    /** Undefined: nothing has opened or closed. */
    look(now: EpochMs, sending: ReadonlySet<MoveId>): WindowsChanged | undefined {
        const before = this.#open;
        const open = openWindows(this.#plan, now);
        const turned = (this.#plan.windows ?? []).flatMap((window, i) =>
            open.has(i) === before.has(i) ? [] : [{ window, isOpen: open.has(i) }],
        );
        if (turned.length === 0) return undefined;
        const closed = closedBetween(this.#plan, before, open, sending);
        this.#open = open;
        this.#kept.push(...closed.flatMap(({ caps }) => caps));
        return {
            notes: turned.map(({ window, isOpen }) => `the window ${window.because.text} has ${isOpen ? 'opened' : 'closed'}`),
            aborts: closed.flatMap(({ abort, moves, window }) =>
                abort ? moves.map((move) => ({ move, because: `the window ${window.because.text} has closed` })) : [],
            ),
        };
    }
}
