import { ladderAndPromise, reportBeyondPromise } from './promises.js';
import type { TextRule } from './rule.js';

export const rungBeyondPromise: TextRule = {
    id: 'MIG309',
    name: 'rung-beyond-promise',
    severity: 'warning',
    summary: 'A ladder or a downtime option that allows more downtime than the policy promises.',
    avoid: ladderAndPromise('700 ms', 'downtime <= 500 ms'),
    prefer: ladderAndPromise('500 ms', 'downtime <= 500 ms'),
    rationale:
        'The rung takes what it is given: a VM that has stalled is stopped for 700 ms, the move succeeds, and the report says that the promise was broken. Either figure is wrong, and only the author can tell which.',
    source: 'KubeVirt measured its downtime ramp of up to 900 ms at 451 to 611 ms of real downtime: what a rung allows is what the guest gets.',
    byPart: true,
    check: (input, report) => {
        reportBeyondPromise(input, false, report);
    },
};
