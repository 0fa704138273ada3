import * as ast from '../generated/ast.js';
import type { SourceRange } from '../program.js';
import type { Report, RuleInput, TextRule } from './rule.js';

export const shadowedName: TextRule = {
    id: 'MIG136',
    name: 'shadowed-name',
    severity: 'warning',
    summary:
        'A name that hides another of the same spelling: a parameter that hides a param or a let, a name that hides what has attributes.',
    avoid: `param limit: duration = 300 ms
technique quick(limit: duration = 50 ms) = precopy { downtime limit  after 10 min: abort }
policy drain { move vms on host "a"  to hosts  using quick otherwise precopy { downtime limit } }
`,
    prefer: `param limit: duration = 300 ms
technique quick(most: duration = 50 ms) = precopy { downtime most  after 10 min: abort }
policy drain { move vms on host "a"  to hosts  using quick otherwise precopy { downtime limit } }
`,
    rationale:
        'Whoever sets the param from outside, as in --set limit=100ms, believes that the technique keeps to it. It keeps to its parameter instead, and the VMs are stopped for longer, or shorter, than was asked.',
    source: 'Linters of most languages ask the same (no-shadow of ESLint).',
    check: (input, report) => {
        const outer = valuesIn(input);
        for (const node of input.document.parseResult.value.declarations) {
            if (input.context.isBroken(node)) continue;
            if (ast.isTechnique(node)) parameters(node, outer, input, report);
            else if (isValue(node) && entities.has(node.name)) {
                const attribute = `${node.name}.${entities.get(node.name) ?? ''}`;
                say(input.context.range(node, 'name'), `'${node.name}'`, `what ${attribute} speaks of`, report);
            }
        }
    },
};

/** What has attributes, and is not refused as a name (MIG109), with one of its attributes. */
const entities: ReadonlyMap<string, string> = new Map([
    ['cluster', 'hosts'],
    ['move', 'rate'],
    ['link', 'capacity'],
]);

type Value = ast.Param | ast.Let | ast.Group;
const isValue = (node: ast.Declaration): node is Value => ast.isParam(node) || ast.isLet(node) || ast.isGroup(node);
const kinds = { Param: 'param', Let: 'let', Group: 'group' } as const;

function parameters(node: ast.Technique, outer: ReadonlyMap<string, Value>, input: RuleInput, report: Report): void {
    for (const parameter of node.parameters) {
        const hidden = outer.get(parameter.name);
        const range = input.context.range(parameter, 'name');
        if (hidden) say(range, `The parameter '${parameter.name}'`, `the ${kinds[hidden.$type]} '${hidden.name}'`, report);
    }
}

function say(range: SourceRange, what: string, hidden: string, report: Report): void {
    report(range, `${what} hides ${hidden}.`, { hint: 'Give one of the two another name.' });
}

function valuesIn({ documents, context }: RuleInput): ReadonlyMap<string, Value> {
    const known = values.get(documents);
    if (known) return known;
    const found = new Map<string, Value>();
    for (const document of documents) {
        for (const node of document.parseResult.value.declarations) {
            if (isValue(node) && !context.isBroken(node) && !found.has(node.name)) found.set(node.name, node);
        }
    }
    values.set(documents, found);
    return found;
}

const values = new WeakMap<object, ReadonlyMap<string, Value>>();
