/** The report of a run as a person reads it at its end. */
import { formatQuantity } from '@mig/language';
import { placeText } from './place.js';
import type { PromiseReport } from './promises.js';
import type { Report } from './report.js';
import type { MoveReport, SettingReport } from './move-report.js';
import { settingText } from '../model/settings.js';
import { aroundOf, effortOf, linksOf, settingsOf } from './report-sections.js';
import { table, type Column } from './table.js';
import { clean, counted, fit, hanging, listUpTo, noColour, type Meaning, type Palette } from './text.js';
import { measureText, promiseText, techniqueText } from './words.js';

export interface ReportTextOptions {
    readonly width: number;
    readonly palette?: Palette;
}

export function reportText(report: Report, { width, palette = noColour }: ReportTextOptions): string {
    const lines = [
        ...headline(report, width, palette),
        '',
        ...movesOf(report, width, palette),
        ...promises(report, width, palette),
        ...aroundOf(report, width, palette),
        ...settingsOf(report, width, palette),
        ...effortOf(report, width, palette),
        ...linksOf(report, width, palette),
        ...troubles(report, width, palette),
    ];
    return `${lines.join('\n')}\n`;
}

/** What a simulation expects, in a line: for the head of a plan. */
export function expectedText({ durationMs, totals, moves }: Report): string {
    const longest = totals.longestDowntimeMs === undefined ? '' : `, longest downtime ${duration(totals.longestDowntimeMs)}`;
    const short = totals.moved < moves.length ? `; ${counted(moves.length - totals.moved, 'VM')} would not be moved` : '';
    const broken = totals.promises.broken === 0 ? '' : `; ${counted(totals.promises.broken, 'promise')} would be broken`;
    return `${duration(durationMs)}, ${formatQuantity(totals.transferred, 'size')} sent${longest}${short}${broken}`;
}

const outcomes: Readonly<Record<MoveReport['outcome'], Meaning>> = {
    moved: 'good',
    failed: 'bad',
    held: 'bad',
    unfinished: 'bad',
    aborted: 'warning',
    skipped: 'warning',
};

const duration = (ms: number | undefined): string => (ms === undefined ? '' : formatQuantity(ms, 'duration'));

const columns: readonly Column<MoveReport>[] = [
    { title: 'VM', priority: 0, names: true, cutTo: 12, cell: (m) => ({ text: m.vm, meaning: 'strong' }) },
    { title: 'outcome', priority: 0, cell: (m) => ({ text: m.outcome, meaning: outcomes[m.outcome] }) },
    { title: 'from', priority: 6, cutTo: 8, cell: (m) => ({ text: m.source }) },
    { title: 'to', priority: 4, cutTo: 8, cell: (m) => ({ text: m.destination }) },
    { title: 'how', priority: 7, cutTo: 12, cell: (m) => ({ text: techniqueText(m.technique) }) },
    { title: 'duration', priority: 2, align: 'right', cell: (m) => ({ text: duration(m.durationMs) }) },
    { title: 'downtime', priority: 1, align: 'right', cell: (m) => ({ text: duration(m.downtimeMs) }) },
    {
        title: 'sent',
        priority: 3,
        align: 'right',
        cell: (m) => ({ text: m.transferred === undefined ? '' : formatQuantity(m.transferred, 'size') }),
    },
    { title: 'memory', priority: 9, align: 'right', cell: (m) => ({ text: formatQuantity(m.memory, 'size') }) },
    { title: 'rounds', priority: 5, align: 'right', cell: (m) => ({ text: m.iterations === undefined ? '' : String(m.iterations) }) },
    { title: 'attempts', priority: 8, align: 'right', cell: (m) => ({ text: m.attempts > 1 ? String(m.attempts) : '' }) },
    { title: 'promises', priority: 2, cell: promisesOf },
];

/** More rows than this are for programs to read. */
const mostRows = 60;

/** Every move, or where there are very many those that a person should look at, and what is true of the others. */
function movesOf(report: Report, width: number, palette: Palette): readonly string[] {
    const { moves } = report;
    const rows = (shown: readonly MoveReport[]): readonly string[] => table(columns, shown, { width, palette, indent: 2 });
    if (moves.length <= mostRows) return rows(moves);
    const odd = moves.filter(isOdd);
    const longest = moves.filter((m) => !isOdd(m)).sort((a, b) => (b.downtimeMs ?? 0) - (a.downtimeMs ?? 0));
    const shown = [...odd.slice(0, mostRows), ...longest.slice(0, Math.max(5, 20 - odd.length))];
    const rest = moves.filter((m) => !shown.includes(m));
    const span = (figure: (move: MoveReport) => number | undefined): string => {
        const known = rest.flatMap((m) => figure(m) ?? []).sort((a, b) => a - b);
        const [least = 0, most = 0] = [known[0], known.at(-1)];
        return duration(least) === duration(most) ? duration(least) : `${duration(least)} to ${duration(most)}`;
    };
    const oddLeft = Math.max(0, odd.length - mostRows);
    const text =
        oddLeft > 0
            ? `and ${rest.length} more, ${oddLeft} of them not as asked: \`mig-run report --json\` has all of them`
            : `and ${rest.length} more that moved as asked, with shorter downtime: ${span((m) => m.downtimeMs)}; duration ${span((m) => m.durationMs)}`;
    return [...rows(shown), ...hanging('  ', text, width).map((line) => palette(line, oddLeft > 0 ? 'bad' : 'faint'))];
}

const isOdd = (move: MoveReport): boolean =>
    move.outcome !== 'moved' ||
    move.attempts > 1 ||
    move.promises.some((p) => p.verdict !== 'held') ||
    move.checks.some((c) => c.outcome === 'failed') ||
    move.hooks.some((h) => h.outcome === 'failed');

function promisesOf({ promises: all }: MoveReport): { readonly text: string; readonly meaning: Meaning } {
    const worst = all.some((p) => p.verdict === 'broken') ? 'broken' : all.some((p) => p.verdict === 'unknown') ? 'unknown' : 'held';
    return { text: all.length === 0 ? '' : worst, meaning: worst === 'held' ? 'good' : 'bad' };
}

function headline(report: Report, width: number, palette: Palette): readonly string[] {
    const { totals } = report;
    const good = report.allHeld && report.outcome === 'complete';
    const sent = formatQuantity(totals.transferred, 'size');
    const longest = totals.longestDowntimeMs === undefined ? '' : `, longest downtime ${duration(totals.longestDowntimeMs)}`;
    const what = `${totals.moved} of ${counted(totals.moves, 'VM')} moved in ${duration(report.durationMs)}, ${sent} sent${longest}`;
    const how = report.simulated ? 'Simulated: ' : '';
    return hanging('', how + what, width).map((line) => palette(line, good ? 'good' : 'bad'));
}

function promises(report: Report, width: number, palette: Palette): readonly string[] {
    const { held, broken, unknown } = report.totals.promises;
    if (held + broken + unknown === 0) return [];
    const said = [
        ...(broken > 0 ? [`${broken} broken`] : []),
        ...(unknown > 0 ? [`${unknown} not measured, which counts as not held`] : []),
        ...(held > 0 ? [`${held} held`] : []),
    ].join(', ');
    const lines = hanging('', `promises: ${said}`, width).map((line) => palette(line, broken + unknown === 0 ? 'good' : 'bad'));
    return ['', ...lines, ...brokenOnes(report, width), ...unmeasured(report, width)];
}

function brokenOnes(report: Report, width: number): readonly string[] {
    return report.moves.flatMap((move) =>
        move.promises.flatMap((promise) =>
            promise.verdict === 'broken' && promise.measured !== undefined
                ? hanging(
                      `  ${clean(move.vm)}: `,
                      `${promised(promise, report)}: was ${measureText(promise.metric, promise.measured)}`,
                      width,
                  )
                : [],
        ),
    );
}

/** What was not measured was mostly not measured of any VM: one line says it for all. */
function unmeasured(report: Report, width: number): readonly string[] {
    const vms = new Map<string, string[]>();
    for (const move of report.moves) {
        for (const promise of move.promises) {
            if (promise.verdict !== 'unknown') continue;
            const key = promised(promise, report);
            vms.set(key, [...(vms.get(key) ?? []), clean(move.vm)]);
        }
    }
    return [...vms].flatMap(([key, names]) => hanging('  ', `${key}: not measured of ${listUpTo(names, width)}`, width));
}

function promised(promise: PromiseReport, report: Report): string {
    const asked = promiseText({ metric: promise.metric, operator: promise.operator, value: promise.limit });
    const place = placeText(promise.range, report.sources);
    return place === '' ? asked : `${asked} (${place})`;
}

/** What a person may have to do something about. */
function troubles(report: Report, width: number, palette: Palette): readonly string[] {
    const block = (title: string, meaning: Meaning, lines: readonly string[]): readonly string[] =>
        lines.length === 0 ? [] : ['', palette(fit(title, width), meaning), ...lines];
    const failed = report.moves.filter((m) => m.error !== undefined);
    const settings = report.moves.flatMap((m) => m.settings.filter((s) => !s.agrees).map((s) => ({ vm: clean(m.vm), ...s })));
    const rungs = report.moves.flatMap((m) => m.rungs.map((r) => ({ vm: clean(m.vm), ...r })));
    const alarms = report.notes.filter((n) => n.level === 'alarm');
    // Why a VM did not move stands above already.
    const told = new Set(failed.map((m) => `${m.vm} did not move: ${m.error?.message ?? ''}`));
    const warnings = new Set(report.notes.flatMap((n) => (n.level === 'warning' && !told.has(n.text) ? [n.text] : [])));
    return [
        ...block(
            'not moved',
            'bad',
            failed.flatMap((m) => failureLines(m, width, palette)),
        ),
        ...block(
            'had no place',
            'bad',
            report.unplaced.flatMap(({ vm, source }) =>
                hanging('  ', `${vm} on ${source}: the plan says which constraint excludes which host`, width),
            ),
        ),
        ...block(
            'could not move, and were shut down where they were',
            'warning',
            report.shutdowns.flatMap((one) => (one.outcome === 'off' ? hanging('  ', shutdownSaid(one), width) : [])),
        ),
        ...block(
            'could not move, and are not off',
            'bad',
            report.shutdowns.flatMap((one) => (one.outcome === 'off' ? [] : hanging('  ', shutdownSaid(one), width))),
        ),
        ...block(
            'alarms',
            'bad',
            alarms.flatMap((n) => hanging('  ', n.text, width)),
        ),
        ...block(
            'what the ladders did',
            'faint',
            rungs.flatMap((r) => hanging(`  ${r.vm}: `, `${r.action}, as ${r.because}`, width)),
        ),
        ...block(
            'settings that were not taken as asked',
            'warning',
            settings.flatMap((s) => hanging(`  ${s.vm}: `, settingSaid(s), width)),
        ),
        ...block(
            'warnings',
            'warning',
            [...warnings].flatMap((text) => hanging('  ', text, width)),
        ),
    ];
}

function shutdownSaid({ vm, host, outcome, tookMs, error }: Report['shutdowns'][number]): string {
    if (outcome === 'off') return `${clean(vm)} on ${host}${tookMs === undefined ? '' : `, in ${formatQuantity(tookMs, 'duration')}`}`;
    return `${clean(vm)} on ${host}: ${error?.message ?? 'the run ended before it was asked'}${error?.hint === undefined ? '' : ` (${error.hint})`}`;
}

function failureLines(move: MoveReport, width: number, palette: Palette): readonly string[] {
    const { error } = move;
    if (!error) return [];
    const named = error.message.startsWith(`${move.vm} `);
    const where = move.vmOn === undefined ? 'nobody can say where it is now' : `it is on ${move.vmOn}`;
    return [
        ...hanging(named ? '  ' : `  ${clean(move.vm)}: `, `${error.message} (${error.code}); ${where}`, width),
        ...(error.hint === undefined ? [] : hanging('    ', error.hint, width).map((line) => palette(line, 'accent'))),
    ];
}

function settingSaid({ setting, on, asked, got }: SettingReport): string {
    const has = got === undefined ? `${on} cannot say what it is` : `${on} has ${settingText(setting, got)}`;
    return `${setting} ${settingText(setting, asked)} was asked, ${has}`;
}
