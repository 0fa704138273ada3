import { findAttribute } from '../catalogue/attributes.js';
import * as ast from '../generated/ast.js';
import type { Expectation, Given, Scenario, ValueType } from '../program.js';
import { nothing } from './amount.js';
import { stateNamed, unknownAttribute } from './attribute.js';
import { type Context, textOf } from './context.js';
import { expression } from './expression.js';
import { constant } from './values.js';
import { comparable, typeNames } from './types.js';

/** A test of a policy: what is given, what is run, what is expected. */
export function scenario(node: ast.Scenario, context: Context): Scenario {
    const runs = node.items.filter(ast.isScenarioRun);
    if (runs.length === 0) {
        context.report('MIG005', context.range(node, 'name'), `The scenario "${node.name}" does not run a policy.`, {
            hint: "Add 'run' and the name of a policy.",
        });
    }
    return {
        range: context.range(node),
        name: node.name,
        nameRange: context.range(node, 'name'),
        given: node.items.filter(ast.isGiven).map((item) => given(item, context)),
        runs: runs.map((run) => ({ policy: run.policy.$refText, range: context.range(run) })),
        expects: node.items.filter(ast.isExpectation).map((item) => expectation(item, context)),
    };
}

type Fact = number | string | boolean | readonly string[];

/** What a fact may say of a VM or link beyond the attributes of the catalogue. */
const furtherFacts: Readonly<Record<ast.Given['of'], ReadonlyMap<string, ValueType>>> = {
    vm: new Map(),
    host: new Map<string, ValueType>([['memory.free', 'size']]),
    link: new Map<string, ValueType>([
        ['capacity', 'rate'],
        ['latency', 'duration'],
    ]),
};

function given(node: ast.Given, context: Context): Given {
    const range = context.range(node);
    if (node.state !== undefined) {
        const attribute = stateNamed(node.state, context.range(node, 'state'), context) ?? 'maintenance';
        if (node.of !== 'host')
            context.report('MIG105', context.range(node, 'state'), 'Only a host can be in maintenance, failing or healthy.');
        return { kind: 'condition', entity: node.of === 'vm' ? 'vm' : 'host', name: node.name, attribute, value: true, range };
    }
    const facts: Record<string, Fact> = {};
    for (const fact of node.facts) {
        const key = fact.attribute;
        const found = node.of === 'link' ? undefined : findAttribute(node.of, key.startsWith('tag.') ? 'tag' : key);
        const type = found?.type ?? furtherFacts[node.of].get(key);
        if (!type) {
            if (node.of !== 'link') unknownAttribute(node.of, key, fact, context);
            else
                context.report('MIG105', context.range(fact, 'attribute'), `A link has no attribute '${key}'.`, {
                    hint: 'It has capacity and latency.',
                });
            continue;
        }
        if (key in facts) context.report('MIG004', context.range(fact), `'${key}' is given twice here.`);
        facts[key] = value(fact.value, type, key, context);
    }
    return { kind: 'facts', entity: node.of, name: node.name, facts, range };
}

/** What a scenario can expect of a run, by the words of the grammar, written together. */
const runMetrics: Readonly<Record<string, { readonly metric: string; readonly type: ValueType }>> = {
    movedvms: { metric: 'moved vms', type: 'number' },
    failedvms: { metric: 'failed vms', type: 'number' },
    brokenpromises: { metric: 'broken promises', type: 'number' },
    evictiontime: { metric: 'eviction time', type: 'duration' },
    duration: { metric: 'duration', type: 'duration' },
    downtime: { metric: 'downtime', type: 'duration' },
    traffic: { metric: 'traffic', type: 'size' },
    energy: { metric: 'energy', type: 'energy' },
};

function expectation(node: ast.Expectation, context: Context): Expectation {
    const { subject, type } = subjectOf(node.subject, context);
    const operator = node.operator;
    const found = value(node.value, type, textOf(node.subject), context);
    if (type && operator !== 'contains' && operator !== 'in' && !comparable(operator, type, type)) {
        context.report(
            'MIG202',
            context.range(node),
            `${textOf(node.subject)} is ${typeNames[type]}: it can be compared with == and != only.`,
        );
    }
    return {
        subject,
        operator,
        value: typeof found === 'object' ? found.join(',') : found,
        type: type ?? 'number',
        range: context.range(node),
    };
}

function subjectOf(
    node: ast.Subject,
    context: Context,
): { readonly subject: Expectation['subject']; readonly type: ValueType | undefined } {
    if (ast.isRunSubject(node)) {
        const found = runMetrics[node.metric];
        return { subject: { kind: 'run', metric: found?.metric ?? node.metric }, type: found?.type };
    }
    const metric = node.attribute;
    const subject: Expectation['subject'] = ast.isEverySubject(node)
        ? { kind: 'every', of: node.of, metric }
        : { kind: node.of, name: node.name, metric };
    const ofRun = node.of === 'vm' ? runMetrics[metric]?.type : undefined;
    const type = ofRun ?? findAttribute(node.of, metric.startsWith('tag.') ? 'tag' : metric)?.type;
    if (!type) unknownAttribute(node.of, metric, node, context);
    return { subject, type };
}

function value(node: ast.Expression, type: ValueType | undefined, what: string, context: Context): Fact {
    const found = expression(node, nothing, context);
    if (!found) return 0;
    const fixed = constant(found);
    if (fixed === undefined) {
        context.report('MIG207', context.range(node), `${what} needs a fixed value here.`);
        return 0;
    }
    if (type && found.type !== type) {
        context.report('MIG203', context.range(node), `${what} is ${typeNames[type]}, and ${textOf(node)} is ${typeNames[found.type]}.`);
    }
    return fixed;
}
