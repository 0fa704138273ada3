/** The live display as lines: one a move, running ones first, with a summary for what does not fit. */
import { bytesPerSecond, formatQuantity, type EpochMs } from '@mig/language';
import { downtimeSoFar, type MoveStatus, type MoveView, type RunView } from './progress.js';
import { table, type Column } from './table.js';
import { clean, fit, listUpTo, noColour, widthOf, type Meaning, type Palette, type Piece } from './text.js';
import { outcomesText } from './words.js';

export interface ProgressOptions {
    readonly width: number;
    readonly height: number;
    readonly palette?: Palette;
    /** False where notes are shown elsewhere. */
    readonly notes?: boolean;
    /** Lets clocks tick between events. */
    readonly now?: EpochMs | undefined;
}

/**
 * At most `height` lines of at most `width` columns. Every move is on a line of its own or counted in a summary; what has
 * no column where it is narrow stands on a line below, as far as there is room.
 */
export function progressLines(view: RunView, options: ProgressOptions): readonly string[] {
    const { width, height, palette = noColour } = options;
    const now = options.now ?? view.now;
    const lines = [
        headline(view, width, palette, now),
        ...notices(options.notes === false ? { ...view, note: undefined } : view, width, palette).slice(0, Math.floor(height / 6)),
    ];
    const room = height - lines.length;
    const shown = choose([...view.moves.values()], room - 1, width);
    const rows =
        shown.rows.length === 0
            ? []
            : table(columns(now), shown.rows, { width, palette, below: room - 1 - shown.rows.length - shown.summaries.length });
    const summaries = shown.summaries.map((line) => palette(line, 'faint'));
    return [...lines, ...rows, ...summaries].slice(0, Math.max(1, height));
}

/** In the order in which they are shown. */
const order: readonly MoveStatus[] = ['running', 'held', 'failed', 'aborted', 'skipped', 'waiting', 'moved'];
/** In the order in which they are summarised when there are too many. */
const expendable: readonly MoveStatus[] = ['moved', 'waiting', 'skipped', 'aborted', 'failed', 'held', 'running'];
const words: Readonly<Record<MoveStatus, string>> = {
    running: 'moving',
    held: 'held',
    failed: 'failed',
    aborted: 'aborted',
    skipped: 'skipped',
    waiting: 'waiting',
    moved: 'moved',
};

/** `3 of 6 moved, 2 moving, 1 waiting   12 s   412 Mbit/s`. */
function headline(view: RunView, width: number, palette: Palette, now: EpochMs | undefined): string {
    const moves = [...view.moves.values()];
    const counts = new Map<string, number>(order.map((status) => [words[status], 0]));
    for (const { status } of moves) counts.set(words[status], (counts.get(words[status]) ?? 0) + 1);
    counts.delete('moved');
    const moved = moves.filter((m) => m.status === 'moved').length;
    const others = outcomesText(counts);
    const rate = moves.reduce((sum, m) => sum + (m.rate ?? 0), 0);
    const parts = [
        `${moved} of ${moves.length} moved${others === '' ? '' : `, ${others}`}`,
        ...(view.startedAt === undefined || now === undefined ? [] : [coarse(now - view.startedAt)]),
        ...(rate > 0 ? [formatQuantity(rate, 'rate')] : []),
        ...(view.simulated ? ['simulated'] : []),
    ];
    return palette(fit(parts.join('   '), width), 'strong');
}

function notices(view: RunView, width: number, palette: Palette): readonly string[] {
    const lost = view.lostHosts.map((host): Piece => ({ text: `${host} is lost: trying to reach it`, meaning: 'bad' }));
    const stopping: readonly Piece[] =
        view.stopping === undefined ? [] : [{ text: `no further move is started: ${view.stopping}`, meaning: 'warning' }];
    const note: readonly Piece[] =
        view.note === undefined ? [] : [{ text: view.note.text, meaning: view.note.level === 'alarm' ? 'bad' : 'warning' }];
    return [...lost, ...stopping, ...note].map(({ text, meaning }) => palette(fit(clean(text), width), meaning ?? 'plain'));
}

/** With fewer lines than this, those that only wait or have moved are named nowhere but counted in the headline. */
const roomForSummaries = 6;

interface Chosen {
    readonly rows: readonly MoveView[];
    readonly summaries: readonly string[];
}

/** As many rows as there is room for; whole groups become one line each, the least important first, then the rest of a group. */
function choose(moves: readonly MoveView[], room: number, width: number): Chosen {
    const groups = new Map(order.map((status) => [status, moves.filter((m) => m.status === status)]));
    const summaries: string[] = [];
    let rows = order.flatMap((status) => groups.get(status) ?? []);
    for (const status of expendable) {
        if (rows.length + summaries.length <= room) break;
        const group = groups.get(status) ?? [];
        if (group.length === 0) continue;
        const free = room - summaries.length - 1 - (rows.length - group.length);
        const kept = free > 0 && status !== 'moved' && status !== 'waiting' ? group.slice(0, free) : [];
        rows = rows.filter((m) => m.status !== status || kept.includes(m));
        if (room < roomForSummaries && (status === 'moved' || status === 'waiting')) continue; // the headline counts them
        summaries.unshift(summary(words[status], group.slice(kept.length), kept.length > 0, width));
    }
    return { rows, summaries };
}

function summary(word: string, moves: readonly MoveView[], more: boolean, width: number): string {
    const label = `${moves.length}${more ? ' more' : ''} ${word}: `;
    return fit(
        label +
            listUpTo(
                moves.map((m) => clean(m.vm)),
                Math.max(8, width - widthOf(label)),
            ),
        width,
    );
}

const columns = (now: EpochMs | undefined): readonly Column<MoveView>[] => [
    { title: 'VM', priority: 0, names: true, least: 8, cutTo: 8, cell: (m) => ({ text: m.vm, meaning: 'strong' }) },
    { title: 'phase', priority: 0, least: 8, cell: phase },
    { title: 'done', priority: 1, align: 'right', least: 4, cell: (m) => ({ text: percent(m) }), below: (text) => `${text} done` },
    {
        title: 'rate',
        priority: 2,
        align: 'right',
        least: 10,
        cell: (m) => ({ text: m.rate === undefined || m.rate <= 0 ? '' : formatQuantity(m.rate, 'rate') }),
        below: (text) => text,
    },
    {
        title: 'dirty',
        priority: 7,
        align: 'right',
        least: 10,
        cell: (m) => ({
            text: m.dirtyRate === undefined ? '' : formatQuantity(m.dirtyRate, 'rate'),
            meaning: isLosing(m) ? 'warning' : 'plain',
        }),
        below: (text) => `dirties ${text}`,
    },
    {
        title: 'left',
        priority: 5,
        align: 'right',
        least: 8,
        cell: (m) => ({
            text: m.status === 'running' && m.remaining !== undefined && m.phase === 'perform' ? formatQuantity(m.remaining, 'size') : '',
        }),
        below: (text) => `${text} left`,
    },
    {
        title: 'ETA',
        priority: 3,
        align: 'right',
        least: 8,
        cell: (m) => ({ text: m.eta === undefined ? '' : coarse(m.eta) }),
        below: (text) => `ends in ${text}`,
    },
    {
        title: 'downtime',
        priority: 4,
        align: 'right',
        least: 8,
        cell: (m) => downtime(m, now),
        below: (text) => `downtime ${text}`,
    },
    {
        title: 'throttle',
        priority: 6,
        align: 'right',
        cell: (m) => ({
            text: m.status === 'running' && (m.throttle ?? 0) > 0 ? formatQuantity(m.throttle ?? 0, 'ratio') : '',
            meaning: 'warning',
        }),
        below: (text) => `throttled ${text}`,
    },
    {
        title: 'rung',
        priority: 7,
        cutTo: 8,
        cell: (m) => ({ text: m.status === 'running' ? (m.rung ?? '') : '', meaning: 'warning' }),
        below: (text) => text,
    },
    { title: 'round', priority: 8, align: 'right', least: 5, cell: (m) => ({ text: m.iteration === 0 ? '' : String(m.iteration) }) },
    {
        title: 'cap',
        priority: 10,
        align: 'right',
        least: 10,
        cell: (m) => ({ text: m.cap === undefined || m.status !== 'running' ? '' : formatQuantity(m.cap, 'rate') }),
    },
    { title: 'from', priority: 9, cutTo: 8, cell: (m) => ({ text: m.source }) },
    { title: 'to', priority: 6, cutTo: 8, cell: (m) => ({ text: m.destination }) },
    {
        title: '',
        priority: 7,
        cutTo: 16,
        cell: (m) => ({ text: remark(m), meaning: 'faint' }),
        below: (text, m) => (m.status === 'waiting' ? '' : text),
    },
];

const meanings: Readonly<Record<MoveStatus, Meaning>> = {
    running: 'accent',
    held: 'bad',
    failed: 'bad',
    aborted: 'warning',
    skipped: 'warning',
    waiting: 'faint',
    moved: 'good',
};

function phase(move: MoveView): Piece {
    const meaning = meanings[move.status];
    if (move.status === 'waiting' && move.phase !== undefined) return { text: beforeItsTurn(move), meaning };
    if (move.status !== 'running') return { text: words[move.status], meaning };
    if (move.stoppedSince !== undefined) return { text: 'stopped', meaning: 'warning' };
    return { text: move.doing ?? disksFirst(move) ?? (move.postcopy ? 'post-copy' : undefined) ?? move.phase ?? 'starting', meaning };
}

/** Its disks are on their way, and its memory has not begun to be. */
function disksFirst({ phase: now, iteration, disksDone }: MoveView): string | undefined {
    return now === 'perform' && iteration === 0 && disksDone !== undefined ? `disks ${Math.floor(disksDone * 100)}%` : undefined;
}

/** A waiting move is made ready while others come to their end, and undone when its turn does not come. */
function beforeItsTurn({ ready, phase = 'begin' }: MoveView): string {
    if (ready) return 'ready';
    return phase === 'begin' ? 'prepare' : phase;
}

function percent(move: MoveView): string {
    if (move.status === 'moved') return '100%';
    if (move.status !== 'running' || move.phase === undefined || move.phase === 'begin' || move.phase === 'prepare') return '';
    return `${Math.min(99, Math.floor(move.done * 100))}%`;
}

function downtime(move: MoveView, now: EpochMs | undefined): Piece {
    const so = downtimeSoFar(move, now);
    return so === undefined
        ? { text: '' }
        : { text: formatQuantity(so, 'duration'), meaning: move.stoppedSince === undefined ? 'plain' : 'warning' };
}

/** It is dirtied faster than it is sent. */
const isLosing = (move: MoveView): boolean =>
    move.rate !== undefined && move.dirtyRate !== undefined && move.dirtyRate >= move.rate && bytesPerSecond(0) < move.rate;

function remark(move: MoveView): string {
    const again = move.attempt > 1 && move.status === 'running' ? `attempt ${move.attempt}` : '';
    return [again, move.error?.message ?? move.because ?? ''].filter((text) => text !== '').join('; ');
}

/** Durations of a clock that ticks: whole seconds. */
const coarse = (ms: number): string =>
    ms < 1000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : formatQuantity(Math.round(ms / 1000) * 1000, 'duration');
