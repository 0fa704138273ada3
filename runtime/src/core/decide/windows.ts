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
