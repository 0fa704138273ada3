import { variableOf } from '../compile/params.js';
import * as ast from '../generated/ast.js';
import type { TextRule } from './rule.js';

export const paramsSetAlike: TextRule = {
    id: 'MIG138',
    name: 'params-set-alike',
    severity: 'warning',
    summary: 'Two params whose names differ in upper and lower case only: one environment variable sets both.',
    avoid: `param uplink: rate = 1 Gbit/s
param upLink: rate = 100 Mbit/s
policy drain { move vms on host "a"  to hosts  using precopy  bandwidth { total uplink; per vm upLink } }
`,
    prefer: `param uplink: rate = 1 Gbit/s
param share: rate = 100 Mbit/s
policy drain { move vms on host "a"  to hosts  using precopy  bandwidth { total uplink; per vm share } }
`,
    rationale:
        'A param is set by the environment variable MIG_ and its name in capitals. Whoever sets one of the two sets the other as well, unseen.',
    source: 'The variable of a param is MIG_ and its name in capitals (language/src/compile/params.ts).',
    check: ({ document, context }, report) => {
        const seen = new Map<string, string>();
        for (const node of document.parseResult.value.declarations.filter(ast.isParam)) {
            if (context.isBroken(node)) continue;
            const variable = variableOf(node.name);
            const other = seen.get(variable);
            if (other === undefined) seen.set(variable, node.name);
            else if (other !== node.name) {
                const message = `The params '${other}' and '${node.name}' are both set by the variable ${variable}.`;
                report(context.range(node, 'name'), message, { hint: 'Give one of the two another name.' });
            }
        }
    },
};
