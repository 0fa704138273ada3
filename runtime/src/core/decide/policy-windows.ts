/** The windows of a policy: those of its bandwidth, and those of its trigger that say what becomes of moves at their end. */
import { bytesPerSecond, type Cap, formatQuantity, type Policy, type Trigger } from '@mig/language';
import type { PlanCap, PlanWindow } from '../model/plan.js';
import { type Schedule, scheduleOf } from './schedule.js';

export interface PolicyWindow {
    readonly window: PlanWindow;
    /** Caps of the same scope and kind do not hold while it is open. */
    readonly replaces: readonly Cap[];
}

/** `zone`: of windows that name none; `rates` gives what caps come to. */
export function windowsOf(policy: Policy, zone: string, rates: (caps: readonly Cap[]) => readonly PlanCap[]): readonly PolicyWindow[] {
    const planned = ({ cron, timeZone = zone, windowMs, days }: Schedule): PlanWindow['schedule'] => ({
        cron,
        timeZone,
        windowMs,
        ...(days && { days }),
    });
    const ofBandwidth = (policy.bandwidth?.windows ?? []).map((window): PolicyWindow => {
        const { from, to, atEnd, range } = window;
        const schedule = planned(scheduleOf(window));
        const text = `between ${clock(from)} and ${clock(to)}${daysText(window)} (${schedule.timeZone})`;
        return {
            window: {
                policy: policy.name,
                schedule,
                caps: rates(window.caps),
                atEnd: { kind: atEnd === 'cap' ? 'keep-caps' : atEnd },
                because: { text, range },
            },
            replaces: window.caps,
        };
    });
    const ofTrigger = schedulesIn(policy.trigger).flatMap((trigger): PolicyWindow[] => {
        const { atEnd, range } = trigger;
        if (!atEnd) return [];
        const schedule = planned(trigger);
        const text = `from ${trigger.cron} (${schedule.timeZone}) for ${formatQuantity(trigger.windowMs, 'duration')}`;
        const end = atEnd.kind === 'cap' ? { kind: atEnd.kind, rate: bytesPerSecond(atEnd.rate) } : atEnd;
        return [{ window: { policy: policy.name, schedule, caps: [], atEnd: end, because: { text, range } }, replaces: [] }];
    });
    return [...ofBandwidth, ...ofTrigger];
}

type ScheduleTrigger = Extract<Trigger, { kind: 'schedule' }>;

/** Not those under a `not`: what ends there is a time in which the policy does not run. */
function schedulesIn(trigger: Trigger | undefined): readonly ScheduleTrigger[] {
    if (!trigger) return [];
    if (trigger.kind === 'schedule') return [trigger];
    return trigger.kind === 'any' || trigger.kind === 'all' ? trigger.of.flatMap(schedulesIn) : [];
}

const names = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

function daysText({ days, calendar }: NonNullable<Policy['bandwidth']>['windows'][number]): string {
    if (calendar) return ' on the days of its calendar';
    return days.length === 0 ? '' : ` on ${days.map((day) => names[day]).join(', ')}`;
}

const clock = (minutes: number): string =>
    `${String(Math.floor(minutes / 60) % 24).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
