import { clean, fit, fitName, pad, widthOf, wrap, type Meaning, type Palette, type Piece } from './text.js';

/** A column of a table that gives way when the terminal is narrow. */
export interface Column<Row> {
    readonly title: string;
    /** Columns with a higher number are left out first; 0 always stays. */
    readonly priority: number;
    readonly align?: 'left' | 'right';
    /** At least this wide: keeps the columns of a live display from jumping. */
    readonly least?: number;
    /** It holds names: they are cut in the middle. */
    readonly names?: boolean;
    /** May be cut down to this width before any column is left out. */
    readonly cutTo?: number;
    readonly cell: (row: Row) => Piece;
    /** Where it is left out, what it says below the row instead: its cell in words, or nothing. */
    readonly below?: (text: string, row: Row) => string;
}

export interface TableOptions {
    readonly width: number;
    readonly palette: Palette;
    readonly indent?: number;
    readonly titles?: boolean;
    /** So many lines there may be below rows, for what was left out of them: of the first rows that need them. */
    readonly below?: number;
}

const gap = '  ';

/** Rows as aligned lines, none wider than `width`. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], options: TableOptions): readonly string[] {
    const { palette, indent = 0, titles = true, below = 0 } = options;
    const room = options.width - indent;
    const measured = columns.map((column) => measure(column, rows));
    const shown = narrowed(
        measured.filter((m) => m.filled),
        room,
    );
    const lineOf = (pieces: readonly Piece[]): string => {
        const last = pieces.findLastIndex((piece) => piece.text !== '');
        const parts = pieces.slice(0, last + 1).map((piece, i) => {
            const { width, column } = shown[i] ?? { width: 0, column: undefined };
            const text = pad((column?.names === true ? fitName : fit)(piece.text, width), width, column?.align);
            const bare = i === last && column?.align !== 'right' ? text.trimEnd() : text;
            return palette(bare, piece.meaning ?? 'plain');
        });
        return ' '.repeat(indent) + parts.join(gap);
    };
    const heading: Meaning = 'faint';
    const leftOut = measured.filter((m) => !shown.some(({ column }) => column === m.column));
    let allowed = below;
    return [
        ...(titles ? [lineOf(shown.map((m) => ({ text: m.column.title, meaning: heading })))] : []),
        ...rows.flatMap((row, i) => {
            const line = lineOf(shown.map((m) => m.cells[i] ?? { text: '' }));
            const words = wordsBelow(leftOut, row, i);
            const more = allowed > 0 && words !== '' ? wrap(words, room - gap.length) : [];
            const kept = more.slice(0, allowed);
            allowed -= kept.length;
            return [line, ...kept.map((text) => ' '.repeat(indent) + palette(fit(gap + text, room), 'faint'))];
        }),
    ];
}

function wordsBelow<Row>(leftOut: readonly Measured<Row>[], row: Row, i: number): string {
    return leftOut
        .map(({ column, cells }) => (cells[i]?.text ? (column.below?.(cells[i].text, row) ?? '') : ''))
        .filter((words) => words !== '')
        .join(', ');
}

interface Measured<Row> {
    readonly column: Column<Row>;
    readonly cells: readonly Piece[];
    readonly width: number;
    /** A column that has neither content nor a width to keep says nothing and is not shown. */
    readonly filled: boolean;
}

function measure<Row>(column: Column<Row>, rows: readonly Row[]): Measured<Row> {
    const cells = rows.map((row) => {
        const piece = column.cell(row);
        return { ...piece, text: clean(piece.text) };
    });
    const widest = cells.reduce((most, cell) => Math.max(most, widthOf(cell.text)), 0);
    return {
        column,
        cells,
        width: Math.max(widest, widthOf(column.title), column.least ?? 0),
        filled: widest > 0 || column.least !== undefined,
    };
}

/** First the columns that may be cut give way, then the least important are left out, then what is left is cut. */
function narrowed<Row>(columns: readonly Measured<Row>[], room: number): readonly Measured<Row>[] {
    const total = (all: readonly Measured<Row>[]): number =>
        all.reduce((sum, m) => sum + m.width, 0) + gap.length * Math.max(0, all.length - 1);
    const cut = (all: readonly Measured<Row>[]): readonly Measured<Row>[] => {
        let over = total(all) - room;
        return all.map((m) => {
            const spare = Math.max(0, m.width - (m.column.cutTo ?? m.width));
            const less = Math.max(0, Math.min(over, spare));
            over -= less;
            return { ...m, width: m.width - less };
        });
    };
    let shown = columns;
    for (;;) {
        const tried = cut(shown);
        if (total(tried) <= room) return tried;
        const worst = shown.reduce((most, m) => Math.max(most, m.column.priority), 0);
        if (worst === 0) break;
        shown = shown.filter((m, i) => m.column.priority !== worst || shown.findIndex((o) => o.column.priority === worst) !== i);
    }
    return squeezed(shown, room);
}

/** Nothing may be left out any more: every column gets an even part, and those that do not fit at all are dropped. */
function squeezed<Row>(columns: readonly Measured<Row>[], room: number): readonly Measured<Row>[] {
    const each = Math.floor((room - gap.length * (columns.length - 1)) / Math.max(1, columns.length));
    if (each < 1 && columns.length > 1) return squeezed(columns.slice(0, -1), room);
    return columns.map((m) => ({ ...m, width: Math.max(0, Math.min(m.width, each)) }));
}
