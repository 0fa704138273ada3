import { type CheckDoc, type RuleDoc, suppressionRules } from '@mig/language';
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
            const { id, words, page } = found;
            console.out(
                options.json === true
                    ? JSON.stringify({ id, severity: 'error', summary: words, ...page }, null, 2)
                    : pageOfError(id, words, page, console.width),
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
    return [
        `${id} ${name} (${severity})`,
        text(summary),
        ...examplesOf({ avoid, prefer, files }),
        text(`Why: ${rationale}`),
        text(`Source: ${source}`),
        `Severity, in mig.config.yaml:\n\n    rules:\n      ${id}: off | info | warning | error`,
        ...(suppressionRules.some((one) => one.id === id)
            ? []
            : [`To silence it on one line:\n\n    // mig-disable-next-line ${id} -- why it is right here`]),
    ].join('\n\n');
}

function pageOfError(id: string, words: string, page: CheckDoc | undefined, width: number): string {
    const text = (said: string): string => hanging('', said, width).join('\n');
    const set = Object.entries(page?.set ?? {}).map(([name, value]) => `--set ${name}=${value}`);
    return [
        `${id} (error)`,
        text(`${words.charAt(0).toUpperCase()}${words.slice(1)}.`),
        ...(page === undefined ? [] : examplesOf(page)),
        ...(set.length === 0 ? [] : [`It is found with ${set.join(' ')}.`]),
        ...(page === undefined ? [] : [text(`Why: ${page.rationale}`)]),
        text('It is an error and no rule: nothing runs until it is mended, no comment silences it, and its severity cannot be set.'),
    ].join('\n\n');
}

function examplesOf({ avoid, prefer, files = {} }: Pick<CheckDoc, 'avoid' | 'prefer' | 'files'>): readonly string[] {
    const code = (of: string): string => of.trimEnd().replaceAll(/^(?=.)/gm, '    ');
    return [
        `Avoid:\n\n${code(avoid)}`,
        `Prefer:\n\n${code(prefer)}`,
        ...Object.entries(files).map(([file, content]) => `With ${file}:\n\n${code(content)}`),
    ];
}

function listOf(rules: readonly RuleDoc[], width: number): string {
    const column = Math.max(...rules.map((rule) => rule.name.length));
    const lines = rules.flatMap(({ id, name, severity, summary }) =>
        hanging(`${id} ${name.padEnd(column)} ${severity.padEnd(7)} `, summary, width),
    );
    return [...lines, '', ...hanging('', '`mig-run explain ID` shows the page of a rule.', width)].join('\n');
}
