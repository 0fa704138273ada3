import * as ast from '../generated/ast.js';
import type { Entity, Trigger } from '../program.js';
import { entitiesIn } from './attribute.js';
import type { Context } from './context.js';
import { condition, type Names } from './expression.js';
import { schedule } from './schedule.js';

const names: Names = { entities: new Set<Entity>(['vm', 'host', 'cluster']), place: 'in a trigger', parameters: new Map() };

export function trigger(node: ast.Trigger, context: Context): Trigger {
    const range = context.range(node);
    switch (node.$type) {
        case ast.AnyTrigger.$type:
            return { kind: 'any', of: node.of.map((part) => trigger(part, context)), range };
        case ast.AllTrigger.$type:
            return { kind: 'all', of: node.of.map((part) => trigger(part, context)), range };
        case ast.NotTrigger.$type:
            return { kind: 'not', of: trigger(node.of, context), range };
        case ast.ConditionTrigger.$type: {
            const when = condition(node.condition, names, context);
            const entities = entitiesIn(when);
            const binds = entities.includes('vm') ? 'vm' : entities.includes('host') ? 'host' : undefined;
            const until = node.until ? condition(node.until, names, context) : undefined;
            return { kind: 'condition', condition: when, until, binds, range };
        }
        default:
            return schedule(node, context);
    }
}

/** What a trigger binds: `host` or `vm`, where one of its conditions names it. */
export function boundBy(of: Trigger | undefined): 'host' | 'vm' | undefined {
    switch (of?.kind) {
        case 'condition':
            return of.binds;
        case 'any':
        case 'all': {
            const bound = of.of.map(boundBy);
            return bound.includes('vm') ? 'vm' : bound.find((b) => b !== undefined);
        }
        case 'not':
        case 'schedule':
        case undefined:
            return undefined;
    }
}
