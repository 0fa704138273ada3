import { AstUtils } from 'langium';
import { importedUri } from '../link/imports.js';
import type { RuleInput, TextRule } from './rule.js';
import { removalOf, runsByItself, usesIn } from './usage.js';

export const unusedImport: TextRule = {
    id: 'MIG135',
    name: 'unused-import',
    severity: 'info',
    summary: 'An import from which nothing is used, in a file that runs something by itself.',
    avoid: `import "techniques.mig"
policy drain { when host is in maintenance  move vms on host  to hosts  using precopy }
`,
    prefer: `import "techniques.mig"
policy drain { when host is in maintenance  move vms on host  to hosts  using quick }
`,
    files: { 'techniques.mig': 'technique quick = precopy { downtime 50 ms  after 1 min: abort }\n' },
    rationale:
        'An import lends names and runs nothing. One from which nothing is used is either left over, or stands there in the belief that its policies run too: they do not.',
    source: 'An import starts nothing by itself (docs/language.md). Linters of most languages report unused imports.',
    check: (input, report) => {
        const { document, documents, context } = input;
        const { complete } = usesIn(documents);
        const { imports, inventories } = document.parseResult.value;
        if (!complete || imports.length === 0 || !runsByItself(input)) return;
        const needed = filesNeeded(input);
        for (const node of imports) {
            const uri = importedUri(document, node.path).toString();
            const found = documents.find((one) => one.uri.toString() === uri);
            // Files that it imports itself may lend what is used here, and an inventory may come from it.
            if (!found || needed.has(uri) || found.parseResult.value.imports.length > 0) continue;
            if (inventories.length === 0 && found.parseResult.value.inventories.length > 0) continue;
            report(context.range(node, 'path'), `Nothing of "${node.path}" is used here.`, {
                hint: 'Take the import out. Policies of an imported file do not run by themselves.',
                fixes: [removalOf(node, `the import of "${node.path}"`, input)],
            });
        }
    },
};

/** The files in which something is declared that this one names. */
function filesNeeded({ document }: RuleInput): ReadonlySet<string> {
    const needed = new Set<string>();
    for (const reference of document.references) {
        const target = 'ref' in reference ? reference.ref : undefined;
        if (target) needed.add(AstUtils.getDocument(target).uri.toString());
    }
    return needed;
}
