/**
 * Findings as SARIF 2.1.0, the format of code scanners (OASIS, Static Analysis Results Interchange Format). Lines and
 * columns are counted from 1 there, and columns in UTF-16 units, as in the Language Server Protocol.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Finding, Fix, RuleDoc, Severity, SourceRange } from '@mig/language';
import { explain } from '../../../core/lint/docs.js';
import type { FindingsOf } from '../load.js';

const levels: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = { error: 'error', warning: 'warning', info: 'note' };

/** A log with one run. Paths in it are relative to `directory`; `unread` says which files could not be judged, and why. */
export function sarifOf(
    all: readonly FindingsOf[],
    version: string,
    { directory, unread }: { readonly directory: string; readonly unread: readonly string[] },
): object {
    const ids = [...new Set(all.flatMap(({ findings }) => findings.map((finding) => finding.id)))].sort();
    return {
        $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
        version: '2.1.0',
        runs: [
            {
                tool: { driver: { name: 'mig-run', semanticVersion: version, rules: ids.map(descriptor) } },
                invocations: [
                    {
                        executionSuccessful: unread.length === 0,
                        ...(unread.length > 0 && {
                            toolExecutionNotifications: unread.map((text) => ({ level: 'error', message: { text } })),
                        }),
                    },
                ],
                columnKind: 'utf16CodeUnits',
                originalUriBaseIds: { [root]: { uri: `${pathToFileURL(directory).href}/` } },
                results: all.flatMap(({ findings, sources }) =>
                    findings.map((finding) => {
                        const place = (range: SourceRange): object => artifact(sources[range.source]?.path ?? '', directory);
                        return {
                            ruleId: finding.id,
                            ruleIndex: ids.indexOf(finding.id),
                            level: levels[finding.severity],
                            message: { text: finding.hint === undefined ? finding.message : `${finding.message}\n${finding.hint}` },
                            locations: [{ physicalLocation: { artifactLocation: place(finding.range), region: region(finding.range) } }],
                            ...(finding.fixes.length > 0 && { fixes: finding.fixes.map((fix) => fixOf(fix, place)) }),
                        };
                    }),
                ),
            },
        ],
    };
}

const root = 'WORKDIR';

/** A path below the directory is relative to it, and any other stands alone. */
function artifact(file: string, directory: string): object {
    const absolute = path.resolve(directory, file);
    const relative = path.relative(directory, absolute);
    if (relative.startsWith('..') || path.isAbsolute(relative)) return { uri: pathToFileURL(absolute).href };
    return { uri: relative.split(path.sep).map(encodeURIComponent).join('/'), uriBaseId: root };
}

const region = ({ start, end }: SourceRange): object => ({
    startLine: start.line + 1,
    startColumn: start.character + 1,
    endLine: end.line + 1,
    endColumn: end.character + 1,
});

function fixOf(fix: Fix, place: (range: SourceRange) => object): object {
    const sources = [...new Set(fix.edits.map((edit) => edit.range.source))];
    return {
        description: { text: fix.title },
        artifactChanges: sources.map((source) => ({
            artifactLocation: place({ source, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } }),
            replacements: fix.edits
                .filter((edit) => edit.range.source === source)
                .map(({ range, newText }) => ({
                    deletedRegion: region(range),
                    ...(newText !== '' && { insertedContent: { text: newText } }),
                })),
        })),
    };
}

function descriptor(id: Finding['id']): object {
    const found = explain(id);
    if (found.kind !== 'rule') {
        return { id, ...(found.kind === 'error' && { shortDescription: { text: found.words } }), defaultConfiguration: { level: 'error' } };
    }
    const { rule } = found;
    return {
        id,
        name: pascal(rule.name),
        shortDescription: { text: rule.summary },
        fullDescription: { text: rule.rationale },
        help: { text: helpText(rule), markdown: helpMarkdown(rule) },
        defaultConfiguration: { level: levels[rule.severity] },
    };
}

/** SARIF asks for names that could be identifiers. */
const pascal = (name: string): string => name.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());

const helpText = ({ summary, rationale, avoid, prefer }: RuleDoc): string =>
    `${summary}\n\n${rationale}\n\nAvoid:\n\n${avoid}\nPrefer:\n\n${prefer}`;
const helpMarkdown = ({ summary, rationale, avoid, prefer }: RuleDoc): string =>
    `${summary}\n\n${rationale}\n\n**Avoid**\n\n\`\`\`mig\n${avoid}\`\`\`\n\n**Prefer**\n\n\`\`\`mig\n${prefer}\`\`\`\n`;
