/** Errors and findings as a person reads them: what, where, the line itself, and how to mend it. */
import type { Finding, SourceRange } from '@mig/language';
import type { MigrationError } from '../errors.js';
import { exactPlace, pathOf } from './place.js';
import { clean, fit, hanging, noColour, widthOf, type Meaning, type Palette } from './text.js';

/** A file that a place may point into; without its text the line is not shown. */
export interface SourceText {
    readonly uri: string;
    readonly text?: string | undefined;
}

export interface ProblemOptions {
    readonly width: number;
    readonly palette?: Palette;
}

/** An error with its place and its cure. */
export function errorText(error: MigrationError, sources: readonly SourceText[], options: ProblemOptions): string {
    const { file, line, column, range, host, vm } = error.where ?? {};
    const spot = range === undefined ? spotOf(file, line, column, sources) : spotOfRange(range, sources);
    const about = [...(vm === undefined ? [] : [`VM ${vm}`]), ...(host === undefined ? [] : [`host ${host}`])].filter(
        (name) => !error.message.includes(name.split(' ')[1] ?? name),
    );
    const message = about.length === 0 ? error.message : `${error.message} (${about.join(', ')})`;
    return problem({ label: 'error', code: error.code, message, hint: error.hint, spot }, options);
}

/** Findings of a check, in the order of the text, errors and warnings with their line. */
export function findingsText(findings: readonly Finding[], sources: readonly SourceText[], options: ProblemOptions): string {
    const inOrder = [...findings].sort(
        (a, b) =>
            a.range.source - b.range.source || a.range.start.line - b.range.start.line || a.range.start.character - b.range.start.character,
    );
    return inOrder
        .map(({ severity, id, message, hint, range }) =>
            problem({ label: severity, code: id, message, hint, spot: spotOfRange(range, sources) }, options),
        )
        .join('\n');
}

interface Problem {
    readonly label: 'error' | 'warning' | 'info';
    readonly code: string;
    readonly message: string;
    readonly hint: string | undefined;
    readonly spot: Spot | undefined;
}

/** A place with the line that stands there. */
interface Spot {
    readonly place: string;
    readonly number: number;
    readonly line: string | undefined;
    /** Zero-based columns of the marked part. */
    readonly from: number;
    readonly to: number;
}

const labels: Readonly<Record<Problem['label'], Meaning>> = { error: 'bad', warning: 'warning', info: 'accent' };

function problem({ label, code, message, hint, spot }: Problem, { width, palette = noColour }: ProblemOptions): string {
    const meaning = labels[label];
    const heading = hanging(`${label}: `, `${message} [${code}]`, width).map((line) => palette(line, meaning));
    const where = spot === undefined ? [] : [fit(`  ${spot.place}`, width), ...excerpt(spot, width, palette, meaning)];
    const cure = hint === undefined ? [] : hanging('  hint: ', hint, width).map((line) => palette(line, 'accent'));
    return `${[...heading, ...where, ...cure].join('\n')}\n`;
}

/** The line and a mark below it; a long line is shown around the mark. */
function excerpt(spot: Spot, width: number, palette: Palette, meaning: Meaning): readonly string[] {
    if (spot.line === undefined || spot.line.trim() === '') return [];
    const gutter = `  ${spot.number} | `;
    const room = width - gutter.length;
    if (room < 8) return [];
    const line = spot.line.replaceAll('\t', ' ').replaceAll(/\p{Cc}/gu, ' ');
    const skipped = spot.to <= room ? 0 : Math.max(0, Math.min(spot.from - Math.floor(room / 3), line.length - room));
    const shown = fit(skipped === 0 ? line : `…${line.slice(skipped + 1)}`, room);
    const before = Math.min(widthOf(line.slice(skipped, spot.from)), room - 1);
    const marked = Math.max(1, Math.min(widthOf(line.slice(spot.from, spot.to)), room - before));
    const margin = `${' '.repeat(gutter.length - 2)}| `;
    return [
        palette(gutter, 'faint') + shown.trimEnd(),
        palette(margin, 'faint') + ' '.repeat(before) + palette('^'.repeat(marked), meaning),
    ];
}

function spotOfRange(range: SourceRange, sources: readonly SourceText[]): Spot | undefined {
    const source = sources[range.source];
    if (!source) return undefined;
    const line = source.text?.split(/\r\n|\n|\r/)[range.start.line];
    const to = range.end.line === range.start.line ? range.end.character : (line?.length ?? range.start.character);
    return {
        place: exactPlace(range, sources),
        number: range.start.line + 1,
        line,
        from: range.start.character,
        to: Math.max(to, range.start.character + 1),
    };
}

function spotOf(
    file: string | undefined,
    line: number | undefined,
    column: number | undefined,
    sources: readonly SourceText[],
): Spot | undefined {
    if (file === undefined) return undefined;
    const place = [clean(pathOf(file)), ...(line === undefined ? [] : [line, ...(column === undefined ? [] : [column])])].join(':');
    const source = sources.find((s) => s.uri === file || pathOf(s.uri) === pathOf(file));
    const text = line === undefined ? undefined : source?.text?.split(/\r\n|\n|\r/)[line - 1];
    return { place, number: line ?? 1, line: text, from: (column ?? 1) - 1, to: column ?? 1 };
}
