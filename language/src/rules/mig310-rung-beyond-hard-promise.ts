import { ladderAndPromise, reportBeyondPromise } from './promises.js';
import type { TextRule } from './rule.js';

export const rungBeyondHardPromise: TextRule = {
    id: 'MIG310',
    name: 'rung-beyond-hard-promise',
    severity: 'error',
    summary: 'A ladder or a downtime option that allows more downtime than a hard promise.',
    avoid: ladderAndPromise('700 ms', 'hard downtime <= 500 ms'),
    prefer: ladderAndPromise('500 ms', 'hard downtime <= 500 ms'),
    rationale:
        'A hard promise is kept by aborting or refusing a move before it would be broken. A rung that breaks it when it acts can therefore only end the move that it was written to save.',
    source: "A hard promise is kept by refusing or aborting the move (docs/language.md); the measured downtimes of KubeVirt's ramp show that a limit is used.",
    byPart: true,
    check: (input, report) => {
        reportBeyondPromise(input, true, report);
    },
};
