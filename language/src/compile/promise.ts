import type * as ast from '../generated/ast.js';
import type { Promised, Requirement } from '../program.js';
import type { Dimension } from '../units.js';
import { quantity } from './amount.js';
import type { Context } from './context.js';
import type { Names } from './names.js';

/** What each promise is measured in. */
const measures: Readonly<Record<Promised, Dimension>> = {
    downtime: 'duration',
    blackout: 'duration',
    brownout: 'duration',
    eviction: 'duration',
    duration: 'duration',
    traffic: 'size',
    energy: 'energy',
};

/** What is mostly counted in milliseconds. */
const short: ReadonlySet<Promised> = new Set<Promised>(['downtime', 'blackout']);

/** `downtime <= 500 ms`. */
export function requirement(node: ast.Bound, names: Names, context: Context): Requirement {
    const metric: Promised = node.metric === 'evictiontime' ? 'eviction' : isPromised(node.metric) ? node.metric : 'downtime';
    const value = quantity(
        node.value,
        measures[metric],
        { what: `A promise on ${metric}`, ...(short.has(metric) && { unit: 'ms' }) },
        names,
        context,
    );
    const operator = node.operator === '<' ? '<' : '<=';
    if (node.operator === '>' || node.operator === '>=') {
        const range = context.range(node, 'operator');
        const turned = node.operator === '>' ? '<' : '<=';
        context.report('MIG206', range, `A promise bounds ${metric} from above.`, {
            hint: `Write ${metric} ${turned} ….`,
            fixes: [{ title: `Write ${turned}`, edits: [{ range, newText: turned }] }],
        });
    }
    return { metric, operator, value, hard: node.hard, range: context.range(node) };
}

const isPromised = (word: string): word is Promised => word in measures;
