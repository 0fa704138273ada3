import * as ast from '../generated/ast.js';
import type { Concurrency, Deadline, Dedup, OnFailure } from '../program.js';
import { nearest } from '../nearest.js';
import { count, duration, nothing, size } from './amount.js';
import { type Context, meant } from './context.js';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** By the words of the grammar, written together. */
const scopes: Readonly<Record<string, keyof Concurrency>> = {
    perhost: 'perHost',
    intoeachhost: 'intoHost',
    outofeachhost: 'outOfHost',
    perlink: 'perLink',
    inall: 'inAll',
};

/** How many may move at once, and where. */
export function concurrency(nodes: readonly ast.AtMostClause[], context: Context): Concurrency {
    const found: Mutable<Concurrency> = {
        perHost: undefined,
        intoHost: undefined,
        outOfHost: undefined,
        perLink: undefined,
        inAll: undefined,
    };
    for (const node of nodes.flatMap((clause) => clause.limits)) {
        const scope = scopes[node.scope] ?? 'inAll';
        const range = context.range(node);
        if (found[scope]) context.report('MIG004', range, 'This limit is given twice here.', { hint: 'Keep one of the two.' });
        else found[scope] = { count: count(node.count, { what: 'A limit of moves' }, nothing, context), range };
    }
    return found;
}

/** By the words of the grammar, written together. */
const afterFailure: Readonly<Record<string, OnFailure['then'][number]>> = {
    tryotherdestination: 'other-destination',
    otherdestination: 'other-destination',
    returnhome: 'return-home',
    leave: 'leave',
    report: 'report',
};

/** What happens when a move fails. */
export function onFailure(node: ast.FailureClause, context: Context): OnFailure {
    let retry: OnFailure['retry'];
    let budget: number | undefined;
    const then: OnFailure['then'][number][] = [];
    for (const step of node.steps) {
        if (ast.isRetryStep(step)) {
            if (retry) context.report('MIG004', context.range(step), "'retry' is given twice here.", { hint: 'Keep one of the two.' });
            const everyMs = step.every ? duration(step.every, { what: 'The time between tries', zero: true }, nothing, context) : 0;
            retry = { times: count(step.times, { what: 'The number of tries' }, nothing, context), everyMs };
        } else if (ast.isHaltStep(step)) {
            if (step.failures) budget = count(step.failures, { what: 'The number of failures' }, nothing, context);
            else then.push('halt-plan');
        } else {
            then.push(afterFailure[step.word] ?? 'report');
        }
    }
    return { retry, then: [...new Set(then)], budget, range: context.range(node) };
}

/** What a deadline may waive when time is short. */
const waivable: readonly string[] = ['require', 'bandwidth', 'apart', 'with', 'keep', 'prefer', 'together', 'order'];

export function deadline(node: ast.DeadlineClause, context: Context): Deadline {
    for (const [index, word] of node.waives.entries()) {
        if (waivable.includes(word)) continue;
        const range = context.range(node, 'waives', index);
        context.report('MIG101', range, `A deadline cannot waive '${word}'.`, {
            hint: `What can be waived: ${waivable.join(', ')}.`,
            fixes: meant(nearest(word, waivable), range).fixes ?? [],
        });
    }
    return {
        ms: duration(node.value, { what: 'A deadline' }, nothing, context),
        waives: [...new Set(node.waives)],
        range: context.range(node),
    };
}

export function dedup(node: ast.DedupClause, context: Context): Dedup {
    for (const kinds of [node.kinds, node.otherwise]) {
        if (kinds.length > 1 && kinds.includes('none'))
            context.report('MIG006', context.range(node), "'none' stands alone: it cannot be added to other kinds of dedup.");
    }
    return {
        kinds: [...new Set(node.kinds)],
        storeBytes: node.store && size(node.store, { what: 'The store' }, nothing, context),
        otherwise: node.otherwise.length === 0 ? undefined : [...new Set(node.otherwise)],
        range: context.range(node),
    };
}
