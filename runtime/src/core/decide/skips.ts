/** Why a move of a plan is not started after all. */
export type SkipCode = 'stopped' | 'never-possible' | 'no-room' | 'deadline' | 'no-quiet-moment' | 'gang-failed';

/** What a person can do about it. */
export const skipHints: Readonly<Record<SkipCode, string>> = {
    stopped: 'run the policy again to move it',
    'never-possible': 'run the policy again to move it',
    'no-room': 'raise the limit or the cap that stands against it',
    deadline: 'run the policy again, or give it more time',
    'no-quiet-moment': 'run the policy again later, or ease its `quiet when`',
    'gang-failed': 'run the policy again to move it',
};
