/** `mig.config.yaml`: what a team makes of the rules. */
import { type Finding, type Fix, nearest, type RuleName, type Severity, type SourceRange } from '@mig/language';
import { isMap, LineCounter, parseDocument } from 'yaml';
import * as z from 'zod';
import { Places } from '../inventory/places.js';
import { isFixed, settable, wordsOfError } from './known.js';

export const configFileName = 'mig.config.yaml';

const severity = z
    .enum(['off', 'info', 'warning', 'error'], { error: 'write off, info, warning or error' })
    .meta({ description: 'How much it matters: an error stops a run, off says nothing' });

/** The shape of the file; docs/config.schema.json is made from it. */
export const configSchema = z
    .strictObject({
        rules: z
            .record(
                z.string(),
                z.union([
                    severity,
                    z.strictObject({ severity, reason: z.string().optional().meta({ description: 'Why, for whoever reads it' }) }),
                ]),
            )
            .default({})
            .meta({ description: 'Severities by id or name of a rule' }),
    })
    .meta({ title: 'Configuration of mig' });

export interface LintConfig {
    /** By id, of the rules whose severity is set. */
    readonly severities: ReadonlyMap<string, Severity | 'off'>;
}

export interface ParsedConfig {
    /** Undefined where there are errors. */
    readonly config: LintConfig | undefined;
    readonly findings: readonly Finding[];
}

/** Reads a configuration. Every problem is reported at once, each at its place in the text (source 0). */
export function parseConfig(text: string, textRules: readonly RuleName[]): ParsedConfig {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const place = new Places(document.contents, lines, text.length);
    const syntax = document.errors.map((error) => {
        const range = place.span(error.pos[0], error.pos[1]);
        return error.code === 'DUPLICATE_KEY'
            ? problem('MIG013', 'this key is written twice', 'keep one of them', range)
            : problem('MIG010', `this is not YAML: ${lowerFirst(error.message)}`, 'see https://yaml.org for the syntax', range);
    });
    if (syntax.length > 0) return { config: undefined, findings: syntax };
    // A file of comments alone sets nothing.
    if (document.contents === null) return { config: { severities: new Map() }, findings: [] };
    if (!isMap(document.contents)) {
        const message = 'this is no configuration: it should be a map with the key rules';
        return { config: undefined, findings: [problem('MIG010', message, 'begin with `rules:` and one rule a line', place.whole())] };
    }
    const given: unknown = document.toJS();
    const read = configSchema.safeParse(given);
    const named = namesIn(given, place, settable(textRules));
    const findings = [...(read.error?.issues ?? []).flatMap((issue) => shapeFindings(issue, place)), ...named.findings];
    if (!read.success || findings.some((finding) => finding.severity === 'error')) return { config: undefined, findings };
    const severities = [...named.words].map(([id, word]) => [id, severityOf(read.data.rules[word])] as const);
    return { config: { severities: new Map(severities.flatMap(([id, set]) => (set === undefined ? [] : [[id, set]]))) }, findings };
}

type Setting = z.output<typeof configSchema>['rules'][string];

const severityOf = (setting: Setting | undefined): Severity | 'off' | undefined =>
    typeof setting === 'object' ? setting.severity : setting;

/** Which rule each word under `rules` stands for, whatever is set for it. */
function namesIn(
    given: unknown,
    place: Places,
    known: readonly RuleName[],
): { readonly words: ReadonlyMap<string, string>; readonly findings: readonly Finding[] } {
    const words = new Map<string, string>();
    const findings: Finding[] = [];
    const rules = z.looseObject({ rules: z.record(z.string(), z.unknown()) }).safeParse(given).data?.rules ?? {};
    for (const word of Object.keys(rules)) {
        const range = place.key(['rules', word]);
        const rule = known.find(({ id, name }) => id === word.toUpperCase() || name === word);
        if (rule === undefined) findings.push(noRule(word, range, known));
        else if (words.has(rule.id)) {
            findings.push(problem('MIG013', `${rule.id} (${rule.name}) is set twice`, 'keep one of them', range));
        } else words.set(rule.id, word);
    }
    return { words, findings };
}

function noRule(word: string, range: SourceRange, known: readonly RuleName[]): Finding {
    const id = word.toUpperCase();
    if (isFixed(id)) {
        const message = `${id} (${wordsOfError(id) ?? ''}) is no rule but an error: its severity cannot be set`;
        return problem('MIG012', message, 'take the line out', range);
    }
    const near = nearest(
        word,
        known.flatMap((rule) => [rule.id, rule.name]),
    );
    const isId = /^mig\d*$/i.test(word);
    const fixes: Fix[] = near === undefined || isId ? [] : [{ title: `Change to ${near}`, edits: [{ range, newText: near }] }];
    const hint = near === undefined ? '`mig-run explain` lists them all' : `did you mean ${near}?`;
    // A rule may come with the next version, or be gone with this one: what is set for it does no harm.
    return { ...problem('MIG008', `there is no rule ${word}`, hint, range), severity: 'warning', fixes };
}

function shapeFindings(issue: z.core.$ZodIssue, place: Places): Finding[] {
    if (issue.code === 'unrecognized_keys') {
        return issue.keys.map((key) => {
            const range = place.key([...issue.path, key]);
            const keys = issue.path.length === 0 ? Object.keys(configSchema.shape) : ['severity', 'reason'];
            const near = nearest(key, keys);
            const fixes: Fix[] = near === undefined ? [] : [{ title: `Change to ${near}`, edits: [{ range, newText: near }] }];
            const hint = near === undefined ? `known here: ${keys.join(', ')}` : `did you mean ${near}?`;
            return { ...problem('MIG011', `unknown key ${key}`, hint, range), fixes };
        });
    }
    if (issue.code === 'invalid_union') {
        // A map is meant as a map, and anything else as a severity.
        const [word = [], map = []] = issue.errors;
        const meant = map.some((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys') ? map : word;
        return meant.flatMap((inner) => shapeFindings({ ...inner, path: [...issue.path, ...inner.path] }, place));
    }
    const message = `${issue.path.map(String).join('.')}: ${lowerFirst(issue.message)}`;
    return [problem('MIG012', message, undefined, place.value(issue.path))];
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

const problem = (id: string, message: string, hint: string | undefined, range: SourceRange): Finding => ({
    id,
    severity: 'error',
    message,
    hint,
    range,
    fixes: [],
});
