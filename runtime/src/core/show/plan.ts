/** A plan as a person reads it: what moves, where to, under which limits, and why. */
import { formatQuantity, type Requirement } from '@mig/language';
import type { Plan, PlannedMove, PolicyInstance, Reason } from '../model/plan.js';
import { aroundLines } from './around.js';
import { actionsText } from './actions.js';
import { placesText, placeText } from './place.js';
import { table, type Column } from './table.js';
import { clean, counted, fit, hanging, listUpTo, noColour, pad, widthOf, type Palette } from './text.js';
import { capsText, limitsText, promiseText, techniqueText, windowText } from './words.js';

export interface PlanTextOptions {
    readonly width: number;
    /** The exact calls of each move, too. */
    readonly actions?: boolean;
    readonly palette?: Palette;
    /** Of each policy, no more moves than this are shown one by one. */
    readonly most?: number;
    /** What a simulation expects, in one line. */
    readonly expected?: string;
}

export function planText(plan: Plan, options: PlanTextOptions): string {
    const page = new Page(plan, options.width, options.palette ?? noColour);
    page.headline(options.expected);
    for (const [index, instance] of plan.instances.entries()) page.instance(instance, index, options);
    page.warnings();
    return `${page.lines.join('\n')}\n`;
}

class Page {
    readonly lines: string[] = [];
    readonly #plan: Plan;
    readonly #width: number;
    readonly #palette: Palette;

    constructor(plan: Plan, width: number, palette: Palette) {
        this.#plan = plan;
        this.#width = width;
        this.#palette = palette;
    }

    headline(expected: string | undefined): void {
        const { moves, unplaced, shutdowns = [], id } = this.#plan;
        const memory = moves.reduce((sum, m) => sum + m.memory, 0);
        const what = moves.length === 0 ? 'no VM is moved' : `${counted(moves.length, 'VM')}, ${formatQuantity(memory, 'size')}`;
        const left = unplaced.length === 0 ? '' : `; ${counted(unplaced.length, 'VM')} cannot be placed`;
        const off =
            shutdowns.length === 0
                ? ''
                : `; ${counted(shutdowns.length, 'VM')} that cannot move ${shutdowns.length === 1 ? 'is' : 'are'} shut down`;
        const [first = '', ...more] = hanging(`Plan ${shortId(id)}  `, `${what}${off}${left}`, this.#width);
        this.lines.push(this.#palette(first, 'strong'), ...more);
        this.#fact(
            'from',
            flows(moves, (m) => m.source),
        );
        this.#fact(
            'to',
            flows(moves, (m) => m.destination),
        );
        this.#fact('caps', capsText(this.#plan.caps));
        for (const window of this.#plan.windows ?? []) this.#fact('window', windowText(window));
        this.#fact('limits', limitsText(this.#plan.limits));
        this.#fact(
            'gangs',
            (this.#plan.gangs ?? []).map((g) => `${g.name} (${g.moves.length}${g.allOrNone ? ', all or none' : ''})`).join('; '),
        );
        this.#fact('expected', expected ?? '');
    }

    instance(instance: PolicyInstance, index: number, options: PlanTextOptions): void {
        const moves = this.#plan.moves.filter((m) => m.instance === index);
        const bound = instance.bound ? ` for ${instance.bound.kind} ${instance.bound.name}` : '';
        this.lines.push('', this.#palette(fit(`${instance.policy}${bound}`, this.#width), 'strong'));
        for (const because of instance.because) this.#reason(because);
        this.#promises(instance.requires);
        if (instance.deadlineMs !== undefined)
            this.#reason({ text: `nothing of it starts after ${formatQuantity(instance.deadlineMs, 'duration')}` }, 'deadline: ');
        for (const { label, text } of aroundLines(moves)) this.#reason({ text }, label);
        const shared = sharedReasons(moves);
        if (moves.length > 1) for (const reason of shared) this.#reason(reason, 'all: ');
        if (moves.length > 0) this.#moves(moves, moves.length > 1 ? shared : [], options);
        this.#shutdowns(index, options);
        this.#unplaced(index);
        this.#passedOver(instance);
    }

    warnings(): void {
        if (this.#plan.warnings.length === 0) return;
        this.lines.push('');
        for (const { text, range } of this.#plan.warnings) {
            const place = placeText(range, this.#plan.sources);
            const lines = hanging('warning: ', place === '' ? text : `${text} (${place})`, this.#width);
            this.lines.push(...lines.map((line) => this.#palette(line, 'warning')));
        }
    }

    #moves(all: readonly PlannedMove[], shared: readonly Reason[], { actions = false, most = Infinity }: PlanTextOptions): void {
        const moves = all.length <= most ? all : all.slice(0, most);
        this.lines.push('');
        const [titles = '', ...rows] = table(columnsOf(this.#plan), moves, { width: this.#width, palette: this.#palette, indent: 2 });
        this.lines.push(titles);
        for (const [i, move] of moves.entries()) {
            this.lines.push(rows[i] ?? '');
            const own = move.because.filter((reason) => !shared.some((s) => sameReason(s, reason)));
            if (own.length > 0)
                this.#said(
                    own.map((r) => r.text).join('; '),
                    placesText(
                        own.map((r) => r.range),
                        this.#plan.sources,
                    ),
                    '',
                    7,
                );
            if (actions) this.lines.push(...actionsText(move, this.#width, 7).map((line) => this.#palette(line, 'accent')));
        }
        const rest = all.slice(moves.length);
        if (rest.length === 0) return;
        const where = `${flows(rest, (m) => m.source)} to ${flows(rest, (m) => m.destination)}`;
        const text = `and ${counted(rest.length, 'more VM')}, from ${where}: \`mig-run plan\` shows each of them`;
        this.lines.push(...hanging('       ', text, this.#width).map((line) => this.#palette(line, 'faint')));
    }

    #promises(requires: readonly Requirement[]): void {
        for (const promise of requires) this.#reason({ text: promiseText(promise), range: promise.range }, 'promise: ');
    }

    #shutdowns(index: number, { actions = false }: PlanTextOptions): void {
        const shutdowns = (this.#plan.shutdowns ?? []).filter((one) => one.instance === index);
        if (shutdowns.length === 0) return;
        this.lines.push('', this.#palette(fit('  cannot move, and is shut down when the moves have ended', this.#width), 'warning'));
        for (const { vm, host, withinMs, because, actions: calls } of shutdowns) {
            const limit = `within ${formatQuantity(withinMs, 'duration')}, else it runs on`;
            this.lines.push(...hanging('  ', `${clean(vm.name)} (on ${host}), ${limit}`, this.#width));
            for (const reason of because) this.#reason(reason, '', 4, 'plain');
            if (actions) this.lines.push(...actionsText({ actions: calls }, this.#width, 7).map((line) => this.#palette(line, 'accent')));
        }
    }

    #unplaced(index: number): void {
        const unplaced = this.#plan.unplaced.filter((u) => u.instance === index);
        if (unplaced.length === 0) return;
        this.lines.push('', this.#palette(fit('  cannot be placed', this.#width), 'bad'));
        for (const { vm, source, excluded } of unplaced) {
            this.lines.push(fit(`  ${clean(vm)} (on ${source})`, this.#width));
            const widest = Math.min(
                24,
                excluded.reduce((most, e) => Math.max(most, widthOf(e.host)), 0),
            );
            for (const { host, because } of excluded) this.#reason(because, host === '' ? '' : `${pad(clean(host), widest)}  `, 4, 'plain');
        }
    }

    #passedOver(instance: PolicyInstance): void {
        if (instance.passedOver.length === 0) return;
        this.lines.push('', this.#palette('  passed over', 'faint'));
        const groups = new Map<string, { readonly because: Reason; readonly vms: string[] }>();
        for (const { vm, because } of instance.passedOver) {
            const key = `${because.text}\n${placeText(because.range, this.#plan.sources)}`;
            const group = groups.get(key) ?? { because, vms: [] };
            group.vms.push(clean(vm));
            groups.set(key, group);
        }
        for (const { because, vms } of groups.values())
            this.#reason(because, `${listUpTo(vms, Math.floor(this.#width / 3))}: `, 2, 'plain');
    }

    #reason({ text, range }: Reason, label = '', indent = 2, meaning: 'faint' | 'plain' = 'faint'): void {
        this.#said(text, placeText(range, this.#plan.sources), label, indent, meaning);
    }

    /** A text with its place at the right-hand edge, or behind the text where the line is too short for that. */
    #said(text: string, place: string, label: string, indent: number, meaning: 'faint' | 'plain' = 'faint'): void {
        const edge = Math.min(this.#width, furthestEdge);
        const aside = this.#width >= 80 && place !== '' && widthOf(place) < edge / 3;
        const room = aside ? edge - widthOf(place) - 2 : edge;
        const lines = hanging(' '.repeat(indent) + label, aside || place === '' ? text : `${text} (${place})`, room);
        for (const [i, line] of lines.entries()) {
            const filler = ' '.repeat(Math.max(0, room - widthOf(line) + 2));
            this.lines.push(this.#palette(line, meaning) + (aside && i === 0 ? filler + this.#palette(place, 'faint') : ''));
        }
    }

    #fact(name: string, text: string): void {
        if (text === '') return;
        const lines = hanging(`  ${pad(name, 10)}`, text, this.#width);
        this.lines.push(...lines);
    }
}

function columnsOf(plan: Plan): readonly Column<PlannedMove>[] {
    const order = new Map(plan.moves.map((m, i) => [m.id, i + 1]));
    const after = (move: PlannedMove): string => move.after.map((id) => order.get(id) ?? id).join(', ');
    return [
        { title: '#', priority: 4, align: 'right', least: 3, cell: (m) => ({ text: String(order.get(m.id) ?? ''), meaning: 'faint' }) },
        { title: 'VM', priority: 0, names: true, cutTo: 12, cell: (m) => ({ text: m.vm.name, meaning: 'strong' }) },
        { title: 'memory', priority: 2, align: 'right', cell: (m) => ({ text: formatQuantity(m.memory, 'size') }) },
        { title: 'from', priority: 3, cutTo: 8, cell: (m) => ({ text: m.source }) },
        { title: 'to', priority: 0, cutTo: 8, cell: (m) => ({ text: m.destination }) },
        { title: 'how', priority: 1, cutTo: 14, cell: (m) => ({ text: techniqueText(m.technique) }) },
        { title: 'after', priority: 2, cell: (m) => ({ text: after(m) }) },
        { title: 'gang', priority: 5, cutTo: 8, cell: (m) => ({ text: m.gang ?? '' }) },
    ];
}

/** Columns: further to the right a place is no longer seen together with its text. */
const furthestEdge = 120;

/** What is a reason of every move need not be said of each. */
function sharedReasons(moves: readonly PlannedMove[]): readonly Reason[] {
    const [first, ...others] = moves;
    return first?.because.filter((reason) => others.every((m) => m.because.some((r) => sameReason(r, reason)))) ?? [];
}

const sameReason = (a: Reason, b: Reason): boolean => a.text === b.text && JSON.stringify(a.range) === JSON.stringify(b.range);

/** `kvm-a (6)`, in the order in which they are first named. */
function flows(moves: readonly PlannedMove[], host: (move: PlannedMove) => string): string {
    const counts = new Map<string, number>();
    for (const move of moves) counts.set(host(move), (counts.get(host(move)) ?? 0) + 1);
    return [...counts].map(([name, n]) => `${name} (${n})`).join(', ');
}

/** Enough of the digest to tell plans apart. */
const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 8);
