import { type RuleDoc, suppressionRules } from '@mig/language';
import { hanging, MigrationError } from '../../../core/index.js';
import { explain, ruleDocs } from '../../../core/lint/docs.js';
import type { Console } from '../console.js';

/** The page of a rule, by its id or name; without a word, all rules. Throws `rule-unknown`. */
export function explainRule(word: string | undefined, options: { readonly json?: boolean }, console: Console): void {
    if (word === undefined) {
        console.out(options.json === true ? JSON.stringify(ruleDocs().map(asData), null, 2) : listOf(ruleDocs(), console.width));
        return;
    }
    const found = explain(word);
    switch (found.kind) {
        case 'rule':
            console.out(options.json === true ? JSON.stringify(asData(found.rule), null, 2) : pageOf(found.rule, console.width));
            return;
        case 'error': {
            const { id, words } = found;
            const text = `${id} is an error: ${words}. Its message says what is meant and how to mend it. It is no rule: no comment silences it, and its severity cannot be set.`;
            console.out(
                options.json === true
                    ? JSON.stringify({ id, severity: 'error', summary: words }, null, 2)
                    : hanging('', text, console.width).join('\n'),
            );
            return;
        }
        case 'unknown':
            throw new MigrationError('rule-unknown', `there is no rule ${word}`, {
                hint: found.meant === undefined ? '`mig-run explain` lists them all' : `did you mean ${found.meant}?`,
            });
    }
}

const asData = ({ id, name, severity, summary, rationale, avoid, prefer, source, files }: RuleDoc): object => ({
    id,
    name,
    severity,
    summary,
    rationale,
    avoid,
    prefer,
    source,
    files,
});

function pageOf(rule: RuleDoc, width: number): string {
    const { id, name, severity, summary, rationale, avoid, prefer, source, files = {} } = rule;
    const text = (words: string): string => hanging('', words, width).join('\n');
    const code = (of: string): string => of.trimEnd().replaceAll(/^(?=.)/gm, '    ');
    return [
        `${id} ${name} (${severity})`,
        text(summary),
        `Avoid:\n\n${code(avoid)}`,
        `Prefer:\n\n${code(prefer)}`,
        ...Object.entries(files).map(([file, content]) => `With ${file}:\n\n${code(content)}`),
        text(`Why: ${rationale}`),
        text(`Source: ${source}`),
        `Severity, in mig.config.yaml:\n\n    rules:\n      ${id}: off | info | warning | error`,
        ...(suppressionRules.some((one) => one.id === id)
            ? []
            : [`To silence it on one line:\n\n    // mig-disable-next-line ${id} -- why it is right here`]),
    ].join('\n\n');
}

function listOf(rules: readonly RuleDoc[], width: number): string {
    const column = Math.max(...rules.map((rule) => rule.name.length));
    const lines = rules.flatMap(({ id, name, severity, summary }) =>
        hanging(`${id} ${name.padEnd(column)} ${severity.padEnd(7)} `, summary, width),
    );
    return [...lines, '', ...hanging('', '`mig-run explain ID` shows the page of a rule.', width)].join('\n');
}
