import { AstUtils } from 'langium';
import * as ast from '../generated/ast.js';
import type { Entity, Trigger } from '../program.js';
import { entitiesIn } from './attribute.js';
import type { Context } from './context.js';
import { condition } from './expression.js';
import type { Names } from './names.js';
import { schedule } from './schedule.js';

const names: Names = { entities: new Set<Entity>(['vm', 'host', 'cluster']), place: 'in a trigger', parameters: new Map() };

/** When a policy runs: conditions as whole as they can be, and schedules beside them. */
export function trigger(node: ast.TriggerClause, context: Context): Trigger {
    const found = part(node.trigger, context);
    if (!node.until) return found;
    const until = condition(node.until, names, context);
    const released = conditionsIn(found);
    const [only] = released;
    if (!only || released.length > 1) {
        const why = only ? 'more than one condition could be meant' : 'a schedule ends with its window';
        context.report('MIG006', context.range(node.until), `'until' does not fit here: ${why}.`, {
            hint: only ? "Join the conditions with 'and' or 'or' before the schedule." : "Write 'for' and how long, such as for 2 h.",
        });
        return found;
    }
    return withRelease(found, only, until);
}

type Condition = Extract<Trigger, { kind: 'condition' }>;

function part(node: ast.Expression, context: Context): Trigger {
    const range = context.range(node);
    if (ast.isTimed(node)) return schedule(node.schedule, context);
    if (!AstUtils.streamAst(node).some(ast.isTimed)) {
        const found = condition(node, names, context);
        const entities = entitiesIn(found);
        const binds = entities.includes('vm') ? 'vm' : entities.includes('host') ? 'host' : undefined;
        return { kind: 'condition', condition: found, until: undefined, binds, range };
    }
    if (ast.isNot(node)) return { kind: 'not', of: part(node.operand, context), range };
    if (ast.isBinary(node)) {
        const kind = node.operator === 'or' ? 'any' : 'all';
        const parts = [part(node.left, context), part(node.right, context)];
        return { kind, of: parts.flatMap((one) => (one.kind === kind ? one.of : [one])), range };
    }
    // The grammar has schedules nowhere else.
    return { kind: 'any', of: [], range };
}

function conditionsIn(of: Trigger): readonly Condition[] {
    switch (of.kind) {
        case 'condition':
            return [of];
        case 'schedule':
            return [];
        case 'not':
            return conditionsIn(of.of);
        case 'any':
        case 'all':
            return of.of.flatMap(conditionsIn);
    }
}

function withRelease(of: Trigger, target: Condition, until: Condition['until']): Trigger {
    switch (of.kind) {
        case 'condition':
            return of === target ? { ...of, until } : of;
        case 'schedule':
            return of;
        case 'not':
            return { ...of, of: withRelease(of.of, target, until) };
        case 'any':
        case 'all':
            return { ...of, of: of.of.map((one) => withRelease(one, target, until)) };
    }
}
