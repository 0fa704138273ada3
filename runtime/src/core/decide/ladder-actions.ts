/** The calls that a ladder's rungs make at the source, each with when it is made. They may come, and need not. */
import { formatQuantity, mebibyte, type Rung } from '@mig/language';
import type { PlannedAction, PlannedMove } from '../model/plan.js';
import { wordsOf } from './wording.js';

type Call = Pick<PlannedAction, 'call' | 'with'>;

/** In the order of the rungs. A rung that only reports makes no call. */
export function ladderActions({ source, vm, technique }: Omit<PlannedMove, 'actions'>): readonly PlannedAction[] {
    const never = technique.options.never ?? [];
    return technique.ladder.flatMap((rung) => {
        if (rung.action.kind === 'switch-to-postcopy' && never.includes('postcopy')) return [];
        if (rung.action.kind === 'throttle' && never.includes('throttle')) return [];
        return callsOf(rung, vm.name).map((call) => ({
            on: source,
            phase: 'perform',
            ...call,
            with: { ...call.with, when: whenOf(rung) },
        }));
    });
}

function callsOf({ action }: Rung, domain: string): readonly Call[] {
    switch (action.kind) {
        case 'downtime':
            return [{ call: 'virDomainMigrateSetMaxDowntime', with: { domain, downtime: `${action.ms} ms` } }];
        case 'bandwidth': {
            const { rate } = action;
            const bandwidth =
                rate === 'unlimited' ? rate : `at most ${Math.floor(rate / mebibyte)} MiB/s (${formatQuantity(rate, 'rate')})`;
            return [{ call: 'virDomainMigrateSetMaxSpeed', with: { domain, bandwidth } }];
        }
        case 'throttle':
            return [
                {
                    call: 'virDomainQemuMonitorCommand',
                    with: { domain, command: 'migrate-set-parameters', ...throttleArguments(action.throttle), taints: true },
                },
            ];
        case 'switch-to-postcopy':
            return [{ call: 'virDomainMigrateStartPostCopy', with: { domain } }];
        case 'pause':
            return [{ call: 'virDomainSuspend', with: { domain } }];
        case 'abort':
            return [{ call: 'virDomainAbortJobFlags', with: { domain } }];
        case 'report':
            return [];
    }
}

/** QEMU's parameters of throttling that stand for shares of the guest's time, in per cent. What is not said stays as it is. */
export function throttleArguments({
    initial,
    step,
    max,
}: {
    readonly initial: number;
    readonly step: number | undefined;
    readonly max: number | undefined;
}): Readonly<Record<string, number>> {
    return {
        'cpu-throttle-initial': percent(initial),
        ...(step === undefined ? {} : { 'cpu-throttle-increment': percent(step) }),
        'max-cpu-throttle': max === undefined ? mostThrottle : Math.max(percent(initial), percent(max)),
    };
}

/** QEMU takes 1 to 99; 99 is its own most. */
const mostThrottle = 99;
export const percent = (share: number): number => Math.min(mostThrottle, Math.max(1, Math.round(share * 100)));

/** When a rung is taken, in words. */
export function whenOf({ on, and }: Rung): string {
    const words =
        on.kind === 'stalled'
            ? [`stalled for ${on.iterations} iterations`]
            : on.kind === 'iteration'
              ? [`at iteration ${on.iteration}`]
              : on.kind === 'after'
                ? [`after ${formatQuantity(on.ms, 'duration')}`]
                : [];
    return [...words, ...(and === undefined ? [] : [wordsOf(and)])].join(' and ');
}
