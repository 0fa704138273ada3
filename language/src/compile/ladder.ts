import * as ast from '../generated/ast.js';
import type { Entity, Rung, Throttle } from '../program.js';
import { count, duration, rateOrUnlimited, share } from './amount.js';
import type { Context } from './context.js';
import { condition } from './expression.js';
import type { Names } from './names.js';

/** What a rung's condition may speak of. */
const speaksOf: ReadonlySet<Entity> = new Set<Entity>(['move', 'vm', 'source', 'cluster']);

/** A step of the ladder. */
export function rung(node: ast.Rung, names: Names, context: Context): Rung {
    const here: Names = { ...names, entities: speaksOf, place: 'in a rung' };
    const extra = node.and && condition(node.and, here, context);
    const range = context.range(node);
    const action = actionOf(node.action, names, context);
    const on = node.on;
    switch (on.$type) {
        case ast.StalledMoment.$type:
            return {
                on: { kind: 'stalled', iterations: count(on.iterations, { what: 'A number of iterations' }, names, context) },
                and: extra,
                action,
                range,
            };
        case ast.IterationMoment.$type:
            return {
                on: { kind: 'iteration', iteration: count(on.iteration, { what: 'An iteration' }, names, context) },
                and: extra,
                action,
                range,
            };
        case ast.AfterMoment.$type:
            return {
                on: { kind: 'after', ms: duration(on.time, { what: 'The time of a rung' }, names, context) },
                and: extra,
                action,
                range,
            };
        case ast.ConditionMoment.$type:
            return { on: { kind: 'condition' }, and: condition(on.condition, here, context), action, range };
    }
}

export function throttle(node: ast.ThrottleRange, names: Names, context: Context): Throttle {
    return {
        initial: share(node.initial, { what: 'A throttle' }, names, context),
        step: node.step && share(node.step, { what: 'The step of a throttle' }, names, context),
        max: node.max && share(node.max, { what: 'The highest throttle' }, names, context),
    };
}

/** By the words of the grammar, written together. */
const words: Readonly<Record<string, 'switch-to-postcopy' | 'pause' | 'report' | 'abort'>> = {
    switchtopostcopy: 'switch-to-postcopy',
    pause: 'pause',
    report: 'report',
    abort: 'abort',
};

function actionOf(node: ast.RungAction, names: Names, context: Context): Rung['action'] {
    switch (node.$type) {
        case ast.DowntimeAction.$type:
            return { kind: 'downtime', ms: duration(node.value, { what: 'The downtime limit', unit: 'ms' }, names, context) };
        case ast.ThrottleAction.$type:
            return { kind: 'throttle', throttle: throttle(node.throttle, names, context) };
        case ast.BandwidthAction.$type:
            return { kind: 'bandwidth', rate: rateOrUnlimited(node.value, { what: 'A cap' }, names, context) };
        case ast.WordAction.$type:
            return { kind: words[node.word] ?? 'abort' };
    }
}
