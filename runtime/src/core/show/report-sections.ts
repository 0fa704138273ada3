/** Parts of a report that stand below its table: what was run around the moves, what was set, and what it cost. */
import { formatQuantity } from '@mig/language';
import { checkText, commandText, hereText, placeOfCheck, placeOfHook } from './around.js';
import { settingText, type SettingValue } from '../model/settings.js';
import type { Report } from './report.js';
import { clean, counted, fit, hanging, type Palette } from './text.js';

/** Checks and hooks: how many, and those that failed with what they said. */
export function aroundOf({ moves, totals }: Report, width: number, palette: Palette): readonly string[] {
    const { checks, hooks } = totals;
    const said = (label: string, counts: readonly (readonly [number, string])[], bad: boolean): readonly string[] => {
        const text = counts.flatMap(([n, word]) => (n === 0 ? [] : [`${n} ${word}`])).join(', ');
        return text === '' ? [] : ['', ...hanging('', `${label}: ${text}`, width).map((line) => palette(line, bad ? 'bad' : 'good'))];
    };
    const failedChecks = moves.flatMap((m) =>
        m.checks.flatMap((c) =>
            c.outcome !== 'failed'
                ? []
                : hanging(`  ${clean(m.vm)}: `, `${checkText(c)} from ${placeOfCheck(c, m.destination)}: ${c.detail ?? 'failed'}`, width),
        ),
    );
    const failedHooks = moves.flatMap((m) =>
        failedOf(m.hooks).flatMap(({ text, times, output }) => [
            ...hanging(`  ${clean(m.vm)}: `, times === 1 ? text : `${text} (${times} times)`, width),
            ...output
                .split('\n')
                .slice(-3)
                .flatMap((line) => (line.trim() === '' ? [] : hanging('    | ', line, width).map((l) => palette(l, 'faint')))),
        ]),
    );
    return [
        ...said(
            'checks',
            [
                [checks.failed, 'failed'],
                [checks.ok, 'answered'],
                [checks.notRun, 'not run'],
            ],
            checks.failed > 0,
        ),
        ...failedChecks,
        ...said(
            'hooks',
            [
                [hooks.failed, 'failed'],
                [hooks.ok, 'ran'],
            ],
            hooks.failed > 0,
        ),
        ...failedHooks,
    ];
}

/** Each attempt runs its hooks again: what failed in the same way each time is told once, with what it said last. */
function failedOf(hooks: Report['moves'][number]['hooks']) {
    const failed = hooks.flatMap((h) =>
        h.outcome === 'failed'
            ? [{ text: `${commandText(h.command)} on ${placeOfHook(h)} ${h.detail ?? 'failed'}`, output: h.output ?? '' }]
            : [],
    );
    return [...Map.groupBy(failed, (h) => h.text)].map(([text, same]) => ({ text, times: same.length, output: same.at(-1)?.output ?? '' }));
}

/** What was asked of the hypervisors, and whether they say the same: one line for each kind of setting. */
export function settingsOf({ moves }: Report, width: number, palette: Palette): readonly string[] {
    const kinds = new Map<string, { vms: number; asked: SettingValue[]; apart: number; silent: number }>();
    for (const move of moves) {
        for (const [kind, own] of Map.groupBy(move.settings, (s) => s.setting)) {
            const sum = kinds.get(kind) ?? { vms: 0, asked: [], apart: 0, silent: 0 };
            sum.vms += 1;
            sum.asked.push(...own.map((s) => s.asked));
            sum.apart += own.filter((s) => !s.agrees).length;
            sum.silent += own.filter((s) => s.got === undefined).length;
            kinds.set(kind, sum);
        }
    }
    const lines = [...kinds].map(([kind, { vms, asked, apart, silent }]) => {
        const figures = asked.filter((value) => typeof value === 'number');
        const [least, most] = [settingText(kind, Math.min(...figures)), settingText(kind, Math.max(...figures))];
        const values = figures.length === 0 ? [...new Set(asked)].join(', ') : least === most ? least : `${least} to ${most}`;
        const read = [
            ...(apart > 0 ? [`${apart} not taken as asked`] : []),
            ...(silent > 0 ? [`${silent} not read back`] : []),
            ...(apart + silent === 0 ? ['all read back as asked'] : []),
        ].join(', ');
        return hanging(`  ${kind}: `, `${values}, set ${counted(asked.length, 'time')} for ${counted(vms, 'VM')}; ${read}`, width);
    });
    return lines.length === 0 ? [] : ['', palette('settings', 'faint'), ...lines.flat()];
}

/** What the moves cost: of the guests, and of the hosts. */
export function effortOf({ moves }: Report, width: number, palette: Palette): readonly string[] {
    const seconds = (figures: readonly (number | undefined)[]): readonly number[] => figures.flatMap((n) => n ?? []);
    const throttled = seconds(moves.map((m) => m.brownout.throttledMs)).filter((n) => n > 0);
    const faulting = seconds(moves.map((m) => m.brownout.postcopyMs)).filter((n) => n > 0);
    const slowed = [
        ...(throttled.length > 0 ? [`${counted(throttled.length, 'VM')} throttled, for ${duration(Math.max(...throttled))} at most`] : []),
        ...(faulting.length > 0 ? [`${counted(faulting.length, 'VM')} in post-copy, for ${duration(Math.max(...faulting))} at most`] : []),
    ];
    const cpu = (['source', 'destination'] as const).flatMap((side) => {
        const known = seconds(moves.map((m) => m.cpuSecondsPerGib[side]));
        if (known.length === 0) return [];
        return [`${(known.reduce((sum, n) => sum + n, 0) / known.length).toFixed(2)} s at the ${side}`];
    });
    const lines = [
        ...blackoutLines(moves, width),
        ...(slowed.length > 0 ? hanging('  ran slowed: ', slowed.join('; '), width) : []),
        ...(cpu.length > 0 ? hanging('  CPU for each GiB sent: ', cpu.join(', '), width) : []),
    ];
    return lines.length === 0 ? [] : ['', palette('what it cost', 'faint'), ...lines];
}

/** The longest with the VM that had it, and those that no probe could see. */
function blackoutLines(moves: Report['moves'], width: number): readonly string[] {
    const seen = moves.flatMap(({ vm, blackout }) =>
        blackout?.blackoutMs === undefined ? [] : [{ vm, ...blackout, ms: blackout.blackoutMs }],
    );
    const longest = seen.toSorted((a, b) => b.ms - a.ms)[0];
    const unseen = moves.flatMap(({ vm, blackout }) =>
        blackout && blackout.blackoutMs === undefined ? [{ vm, why: blackout.detail ?? 'not seen' }] : [],
    );
    const how = (one: NonNullable<typeof longest>): string =>
        one.modelled ? 'as simulated' : `as a probe on ${one.from ?? hereText} saw it${one.goesOn ? ', and it goes on' : ''}`;
    return [
        ...(longest
            ? hanging('  did not answer: ', `for ${duration(longest.ms)} at most (${clean(longest.vm)}), ${how(longest)}`, width)
            : []),
        ...unseen.flatMap(({ vm, why }) => hanging('  blackout not known: ', `${clean(vm)} ${clean(why)}`, width)),
    ];
}

/** Links that are named one by one; a person asks for the others with --json. */
const linksShown = 8;

/** What the links of the hosts carried, beside what the moves sent over them: the rest is headers, disks, and other traffic. */
export function linksOf({ links }: Report, width: number, palette: Palette): readonly string[] {
    if (links.length === 0) return [];
    const busiest = [...links].sort((a, b) => b.sent + b.received - (a.sent + a.received)).slice(0, linksShown);
    const said = (word: string, counted: number, moved: number): string =>
        `${size(counted)} ${word}${moved > 0 ? ` (its moves ${size(moved)})` : ''}`;
    const lines = busiest.flatMap(({ host, network, sent, received, movedOut, movedIn }) =>
        hanging(`  ${clean(host)}/${clean(network)}: `, `${said('out', sent, movedOut)}, ${said('in', received, movedIn)}`, width),
    );
    const rest = links.length - busiest.length;
    return [
        '',
        palette('on the wire, by the counters of the links', 'faint'),
        ...lines,
        ...(rest > 0 ? [fit(`  and ${counted(rest, 'link')} that carried less`, width)] : []),
    ];
}

const size = (n: number): string => formatQuantity(n, 'size');
const duration = (ms: number): string => formatQuantity(ms, 'duration');
