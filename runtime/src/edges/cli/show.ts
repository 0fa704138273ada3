/** What commands print: the text of core's show room, in the width and colours of this console. */
import { type Finding, formatQuantity } from '@mig/language';
import {
    ansiColours,
    errorText,
    expectedText,
    figuresOf,
    type Inventory,
    findingsText,
    type MigrationError,
    type MigrationEvent,
    noColour,
    type Palette,
    type Plan,
    type Planning,
    planText,
    provisionsText,
    reportOf,
    simulate,
    type Report,
    reportText,
    type Snapshot,
    type SourceText,
} from '../../core/index.js';
import { follow, type ProgressDisplay } from '../report/display.js';
import { JsonProgress } from '../report/json.js';
import { PipeProgress } from '../report/pipe.js';
import { TerminalProgress } from '../report/terminal.js';
import type { Console } from './console.js';
import type { FindingsOf } from './load.js';

interface Json {
    readonly json?: boolean;
}

const paletteOf = (console: Console): Palette => (console.colour ? ansiColours : noColour);

/** Findings go to stderr, so that a plan or report can be piped on without them. As JSON, one a line. */
export function showFindings({ findings, sources }: Pick<FindingsOf, 'findings' | 'sources'>, console: Console, options: Json): void {
    if (findings.length === 0) return;
    if (options.json === true) {
        for (const finding of findings) console.err(JSON.stringify(withFile(finding, sources)));
        return;
    }
    console.err(findingsText(findings, texts(sources), { width: console.width, palette: paletteOf(console) }));
}

export const withFile = (finding: Finding, sources: FindingsOf['sources']): object => ({
    ...finding,
    file: sources[finding.range.source]?.path,
});

const texts = (sources: FindingsOf['sources']): readonly SourceText[] => sources.map(({ path, text }) => ({ uri: path, text }));

/** What happened, where, and how to mend it. */
export function showError(error: MigrationError, console: Console): void {
    console.err(errorText(error, [], { width: console.width, palette: paletteOf(console) }));
}

/** Above this a simulation takes longer than a person wants to wait for a plan. */
const mostSimulated = 500;

/** What a simulation expects of a plan, in one line. */
function expectation(plan: Plan, snapshot: Snapshot, inventory: Inventory): string | undefined {
    if (plan.moves.length === 0 || plan.moves.length > mostSimulated) return undefined;
    return expectedText(reportOf(simulate(plan, snapshot, { now: snapshot.takenAt, seed: 1, guests: figuresOf(plan, inventory) })));
}

/** A plan with its reasons and what a simulation expects of it; or why there is nothing to do. */
export function showPlan(
    planning: Pick<Planning, 'plan' | 'nothing'>,
    options: { readonly actions: boolean; readonly most?: number; readonly snapshot: Snapshot; readonly inventory: Inventory },
    console: Console,
): void {
    const { plan, nothing } = planning;
    if (
        plan !== undefined &&
        (plan.moves.length > 0 ||
            plan.unplaced.length > 0 ||
            plan.shutdowns !== undefined ||
            plan.instances.some((i) => i.passedOver.length > 0))
    ) {
        const expected = expectation(plan, options.snapshot, options.inventory);
        console.out(
            planText(plan, {
                width: console.width,
                actions: options.actions,
                ...(options.most !== undefined && { most: options.most }),
                palette: paletteOf(console),
                ...(expected === undefined ? {} : { expected }),
            }),
        );
    }
    console.out(nothing === undefined ? '' : `Nothing to do: ${nothing.text}.`);
}

/** Shows events as they come, in the way that suits the output, and gives them back. */
export function showEvents(
    events: AsyncIterable<MigrationEvent> | Iterable<MigrationEvent>,
    options: Json & { /** Simulated: there is nothing to watch. */ readonly played?: boolean },
    console: Console,
): Promise<readonly MigrationEvent[]> {
    return follow(events, display(options, console));
}

function display(options: Json & { readonly played?: boolean }, console: Console): ProgressDisplay {
    if (options.json === true) return new JsonProgress(process.stdout);
    if (options.played === true) return { show: () => undefined, [Symbol.dispose]: () => undefined };
    const palette = paletteOf(console);
    return console.terminal ? new TerminalProgress(process.stdout, { palette }) : new PipeProgress(process.stdout, { palette });
}

export function showReport(report: Report, options: Json, console: Console): void {
    console.out(options.json === true ? JSON.stringify(report) : reportText(report, { width: console.width, palette: paletteOf(console) }));
}

/** Hosts and VMs of a snapshot, a line each. */
export function showSnapshot(snapshot: Snapshot, console: Console): void {
    for (const host of snapshot.hosts) {
        const free = `${formatQuantity(host.memoryFree, 'size')} of ${formatQuantity(host.memory, 'size')} free`;
        const facts = [`libvirt ${host.versions.libvirt ?? '?'}`, `QEMU ${host.versions.qemu ?? '?'}`, `${host.cpus} CPUs`, free];
        const marks = [
            ...(host.maintenance ? ['in maintenance'] : []),
            ...(host.reachedBy === undefined ? [] : [`reached by ${host.reachedBy}`]),
            ...(host.cpuUsed === undefined ? [] : [`CPU ${formatQuantity(host.cpuUsed, 'ratio')}`]),
        ];
        console.out(
            `${host.name}: ${host.unreachable === undefined ? [...facts, ...provisionsText(host.provides), ...marks].join(', ') : `does not answer: ${host.unreachable}`}`,
        );
        for (const vm of snapshot.vms.filter((v) => v.host === host.name)) {
            const rate = (name: string, value: number | undefined) =>
                value === undefined ? [] : [`${name} ${formatQuantity(value, 'rate')}`];
            const tags = Object.entries(vm.tags).map(([tag, value]) => (value === '' ? tag : `${tag}=${value}`));
            const parts = [
                vm.state,
                formatQuantity(vm.memory, 'size'),
                `${vm.vcpus} vCPUs`,
                ...rate('dirties', vm.dirtyRate),
                ...rate('sends', vm.netTx),
                ...rate('receives', vm.netRx),
                ...tags,
            ];
            console.out(`  ${vm.name}: ${parts.join(', ')}`);
        }
    }
    for (const { about, why } of snapshot.unknown) console.err(`unknown: ${about}: ${why}`);
}
