import type { MoveFailure } from '../model/events.js';
import type { HostName } from '../model/inventory.js';
import type { PlannedMove } from '../model/plan.js';

/** Why a move of a plan is not started after all. */
export type SkipCode = 'stopped' | 'never-possible' | 'no-room' | 'deadline' | 'no-quiet-moment' | 'gang-failed';

/** What a person can do about it. */
const skipHints: Readonly<Record<SkipCode, string>> = {
    stopped: 'run the policy again to move it',
    'never-possible': 'run the policy again to move it',
    'no-room': 'raise the limit or the cap that stands against it',
    deadline: 'run the policy again, or give it more time',
    'no-quiet-moment': 'run the policy again later, or ease its `quiet when`',
    'gang-failed': 'run the policy again to move it',
};

export const deadlinePassed = (deadlineMs: number): string => `the deadline of ${deadlineMs / 1000} s has passed`;

/** `heldBack`: what it waits for. */
export const noQuietMoment = (heldBack: string | undefined): string => `no quiet moment came: it ${heldBack ?? 'waits'}`;

/** How a move ends that is not started. */
export interface Skipped {
    readonly outcome: 'skipped' | 'failed';
    readonly vmOn: HostName;
    readonly error: MoveFailure;
}

/** One that waits to go home has arrived: it failed, and its VM stays where it is. */
export function notStarted({ vm, source, homeward }: PlannedMove, because: string, code: SkipCode): Skipped {
    const what = homeward === undefined ? 'was not started' : `stays on ${source} and is not returned (${homeward})`;
    const error = { code, message: `${vm.name} ${what}: ${because}`, hint: skipHints[code] };
    return { outcome: homeward === undefined ? 'skipped' : 'failed', vmOn: source, error };
}
