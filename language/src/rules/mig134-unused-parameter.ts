import * as ast from '../generated/ast.js';
import type { TextRule } from './rule.js';
import { isMeant, usesIn } from './usage.js';

export const unusedParameter: TextRule = {
    id: 'MIG134',
    name: 'unused-parameter',
    severity: 'warning',
    summary: 'A parameter of a technique that the technique does not use.',
    avoid: `technique quick(limit: duration) = precopy { downtime 300 ms  after 10 min: abort }
policy drain { move vms on host "a"  to hosts  using quick(limit: 50 ms) }
`,
    prefer: `technique quick(limit: duration) = precopy { downtime limit  after 10 min: abort }
policy drain { move vms on host "a"  to hosts  using quick(limit: 50 ms) }
`,
    rationale:
        'Every use gives it a value, and none of them has an effect: the VMs are stopped for as long as the figure in the body says.',
    source: 'Linters of most languages ask the same (no-unused-vars of ESLint, of arguments).',
    check: (input, report) => {
        const { used, complete } = usesIn(input.documents);
        if (!complete) return;
        for (const technique of input.document.parseResult.value.declarations.filter(ast.isTechnique)) {
            if (input.context.isBroken(technique)) continue;
            for (const parameter of technique.parameters.filter((one) => !used.has(one) && !isMeant(one.name, input))) {
                const message = `The technique '${technique.name}' does not use its parameter '${parameter.name}'.`;
                report(input.context.range(parameter, 'name'), message, {
                    hint: 'Write its name where the value is meant, or take it out here and where the technique is used.',
                });
            }
        }
    },
};
