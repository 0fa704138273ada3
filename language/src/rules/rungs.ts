/** How the rungs of one ladder stand to each other: which are due before which, and what is void after which. */
import type { Expression, Rung, SourceRange } from '../program.js';
import { formatQuantity } from '../units.js';
import { boundsOf, implies } from './intervals.js';
import type { BuiltIn } from './written.js';

/** What a rung cannot do any more once another has fired. */
const voidAfter: Readonly<Partial<Record<Rung['action']['kind'], ReadonlySet<Rung['action']['kind']>>>> = {
    abort: new Set(['downtime', 'throttle', 'switch-to-postcopy', 'pause', 'report', 'bandwidth', 'abort']),
    // Once the guest runs at its destination the source's copy is stale: nothing may abort, and nothing waits to converge.
    'switch-to-postcopy': new Set(['downtime', 'throttle', 'switch-to-postcopy', 'pause', 'abort']),
    // A guest that stands still dirties nothing.
    pause: new Set(['downtime', 'throttle', 'pause']),
};

/** The same for techniques that begin where a rung would lead. */
const beginsAs: Readonly<Partial<Record<BuiltIn['technique'], Rung['action']['kind']>>> = {
    postcopy: 'switch-to-postcopy',
    'stop-and-copy': 'pause',
};

/** Whether a rung is void from the start in this technique. */
export function isVoidIn(technique: BuiltIn['technique'], { action }: Rung): boolean {
    const like = beginsAs[technique];
    return like !== undefined && (voidAfter[like]?.has(action.kind) ?? false);
}

/** The rung that has always ended the move, or switched or paused it, before this one could do anything. */
export function endedBy({ ladder, options }: BuiltIn, index: number): Rung | undefined {
    const late = ladder[index];
    if (!late) return undefined;
    return ladder.find((early, at) => {
        if (at === index || !(voidAfter[early.action.kind]?.has(late.action.kind) ?? false)) return false;
        if (early.action.kind === 'switch-to-postcopy' && options.never?.includes('postcopy')) return false;
        return at < index ? isDueWith(early, late) : early.and === undefined && isEarlier(early, late);
    });
}

/** Whether the moment and the condition of a rung contradict each other. */
export function neverFires(rung: Rung): boolean {
    const due = whole(rung);
    return due !== undefined && boundsOf(due) === 'never';
}

/** Whether the first is surely due before the second, by the clock or by the count of iterations. */
export function isEarlier(first: Rung, second: Rung): boolean {
    const [a, b] = [momentOf(first), momentOf(second)];
    return a !== undefined && b !== undefined && first.on.kind === second.on.kind && a < b;
}

/** The figure of a moment: iterations, or milliseconds. */
export function momentOf({ on }: Rung): number | undefined {
    switch (on.kind) {
        case 'stalled':
            return on.iterations;
        case 'iteration':
            return on.iteration;
        case 'after':
            return on.ms;
        case 'condition':
            return undefined;
    }
}

/** `after 10 min: abort`, as messages quote a rung. */
export function rungText(rung: Rung): string {
    return `${momentText(rung)}: ${actionText(rung)}`;
}

function momentText({ on, and }: Rung): string {
    const further = and === undefined ? '' : ' and …';
    switch (on.kind) {
        case 'stalled':
            return `when stalled for ${on.iterations} iterations${further}`;
        case 'iteration':
            return `when iteration ${on.iteration}${further}`;
        case 'after':
            return `after ${formatQuantity(on.ms, 'duration')}${further}`;
        case 'condition':
            return 'when …';
    }
}

function actionText({ action }: Rung): string {
    switch (action.kind) {
        case 'downtime':
            return `downtime ${formatQuantity(action.ms, 'duration')}`;
        case 'throttle':
            return `throttle ${formatQuantity(action.throttle.initial, 'ratio')}`;
        case 'bandwidth':
            return `bandwidth ${action.rate === 'unlimited' ? action.rate : formatQuantity(action.rate, 'rate')}`;
        case 'switch-to-postcopy':
            return 'switch to postcopy';
        case 'pause':
        case 'report':
        case 'abort':
            return action.kind;
    }
}

/** Whether the first is due whenever the second is. That a move has stalled for 5 iterations says that it has for 3. */
function isDueWith(first: Rung, second: Rung): boolean {
    if (first.on.kind === 'stalled' && (second.on.kind !== 'stalled' || first.on.iterations > second.on.iterations)) return false;
    const [one, other] = [whole(first), whole(second)];
    return one === undefined || (other !== undefined && implies(other, one));
}

/**
 * When a rung is due, as a condition. Of a stall it says only that as many iterations have been: before there were more
 * than `n` boundaries no move has stalled for `n`.
 */
function whole({ on, and, range }: Rung): Expression | undefined {
    const moment =
        on.kind === 'condition'
            ? undefined
            : on.kind === 'after'
              ? atLeast('elapsed', 'duration', on.ms, range)
              : atLeast('iteration', 'number', on.kind === 'stalled' ? on.iterations : on.iteration, range);
    if (!moment || !and) return moment ?? and;
    return { kind: 'binary', type: 'boolean', operator: 'and', left: moment, right: and, range };
}

function atLeast(attribute: string, type: 'duration' | 'number', value: number, range: SourceRange): Expression {
    const left: Expression = { kind: 'attribute', type, entity: 'move', attribute, key: undefined, range };
    return { kind: 'binary', type: 'boolean', operator: '>=', left, right: { kind: 'literal', type, value, range }, range };
}
