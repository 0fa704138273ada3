/**
 * Which technique a move uses: `using a otherwise b` by what can run for this VM between these hosts, `choose { }` by its
 * conditions, `traffic-sensitive` by the VM's traffic, a goal by prediction. Every choice comes with its reason.
 */
import { formatQuantity, type TechniqueUse } from '@mig/language';
import type { PlannedTechnique, Reason } from '../model/plan.js';
import { scopeOf } from './attributes.js';
import { holds } from './evaluate.js';
import { bestFor } from './goal.js';
import type { Situation } from './situation.js';
import { whyNotHere, whyNotYet } from './technique-lack.js';
import { isTrue } from './truth.js';
import { verdictText } from './wording.js';

/** The technique that a move will use, and why the ones before it were not; or why none can run. */
export interface TechniqueChoice {
    readonly technique: PlannedTechnique | undefined;
    readonly because: readonly Reason[];
}

/** `using a otherwise b`: the first that can run. Without a situation, the first that can be carried out at all. */
export function techniqueFor(uses: readonly TechniqueUse[], situation?: Situation): TechniqueChoice {
    const because: Reason[] = [];
    for (const use of uses) {
        const choice = resolve(use, situation);
        if (choice.technique) {
            const so = because.length > 0 ? [{ text: `so ${nameOf(use)} is used`, range: use.range }] : [];
            return { technique: choice.technique, because: [...because, ...so, ...choice.because] };
        }
        because.push(...choice.because);
    }
    return { technique: undefined, because };
}

function resolve(use: TechniqueUse, situation: Situation | undefined): TechniqueChoice {
    const missing = whyNotYet(use);
    if (missing !== undefined) return refused(use, `${nameOf(use)} needs ${missing}`);
    switch (use.kind) {
        case 'technique': {
            const { technique: kind, name, options, ladder } = use;
            const planned = { kind, name, options, ladder };
            if (kind === 'traffic-sensitive') return byTraffic(planned, use, situation);
            const lack = situation && whyNotHere(planned, situation);
            return lack === undefined ? { technique: planned, because: [] } : refused(use, `${nameOf(use)} cannot run: ${lack}`);
        }
        case 'choose':
            return situation ? byCondition(use, situation) : anyBranch(use);
        case 'goal': {
            if (!situation) return { technique: { kind: 'precopy', name: use.name, options: {}, ladder: [] }, because: [] };
            const best = bestFor(use, { name: use.name, options: {}, ladder: [] }, situation);
            const because = best.because.map((text) => ({ text, range: use.range }));
            return { technique: best.technique, because };
        }
    }
}

type Choose = Extract<TechniqueUse, { kind: 'choose' }>;

/** The first branch whose condition holds; a condition that is unknown decides nothing, and is told. */
function byCondition(use: Choose, situation: Situation): TechniqueChoice {
    const { world, vm, source, destination } = situation;
    const scope = scopeOf(world, { vm, host: destination.name, source: source.name });
    const because: Reason[] = [];
    for (const { when, use: branch, range } of use.branches) {
        const truth = when && holds(when, scope);
        if (when && truth && !truth.known) {
            because.push({ text: `${verdictText(when, truth, scope)}; it does not decide for ${nameOf(branch)}`, range: when.range });
            continue;
        }
        if (when && truth && !isTrue(truth)) continue;
        const why = when && truth ? verdictText(when, truth, scope) : 'no branch before it holds';
        const choice = resolve(branch, situation);
        const chosen = { text: `${nameOf(branch)} is chosen: ${why}`, range: when?.range ?? range };
        return { ...choice, because: [...because, chosen, ...choice.because] };
    }
    return { technique: undefined, because: [...because, { text: `no branch of ${nameOf(use)} holds`, range: use.range }] };
}

/** Before it is known who moves where: whether any branch can be carried out. */
function anyBranch(use: Choose): TechniqueChoice {
    const choices = use.branches.map((branch) => resolve(branch.use, undefined));
    return choices.find((choice) => choice.technique) ?? choices[0] ?? { technique: undefined, because: [] };
}

/** How much more a VM must send than receive, or the other way, for its traffic to decide. */
const lopsided = 2;
/** Where neither way decides: the least duration with no more downtime than this. */
const evenDowntimeMs = 200;

/**
 * What mostly sends leaves its host's uplink free as soon as it runs elsewhere: post-copy. What mostly receives keeps the
 * destination's downlink free as long as it does not: pre-copy. Source: Deshpande and Keahey, Traffic-Sensitive Live
 * Migration, CCGrid 2015.
 */
function byTraffic(planned: PlannedTechnique, use: TechniqueUse, situation: Situation | undefined): TechniqueChoice {
    if (!situation) return { technique: { ...planned, kind: 'precopy' }, because: [] };
    const { netTx: tx, netRx: rx, name } = situation.vm;
    const because = (text: string): Reason => ({ text, range: use.range });
    const as = (kind: 'postcopy' | 'precopy', byTraffic: 'sends' | 'receives'): TechniqueChoice => {
        const technique = { ...planned, kind, byTraffic };
        const lack = whyNotHere(technique, situation);
        const chosen = because(`${kind} is chosen: ${name} mostly ${byTraffic} (${traffic(tx, rx)})`);
        return lack === undefined
            ? { technique, because: [chosen] }
            : { technique: undefined, because: [chosen, because(`${kind} cannot run: ${lack}`)] };
    };
    if (tx !== undefined && rx !== undefined) {
        if (tx > lopsided * rx) return as('postcopy', 'sends');
        if (rx > lopsided * tx) return as('precopy', 'receives');
    }
    const even = tx === undefined || rx === undefined ? `the traffic of ${name} is not known` : `${name} sends about what it receives`;
    const goal = { goal: 'duration' as const, bounds: [{ metric: 'downtime' as const, operator: '<=' as const, value: evenDowntimeMs }] };
    const best = bestFor(goal, planned, situation);
    return { technique: best.technique, because: [because(`${even}, which does not decide`), ...best.because.map(because)] };
}

function traffic(tx: number | undefined, rx: number | undefined): string {
    const words = (rate: number | undefined): string => (rate === undefined ? 'unknown' : formatQuantity(rate, 'rate'));
    return `${words(tx)} out, ${words(rx)} in`;
}

const refused = (use: TechniqueUse, text: string): TechniqueChoice => ({ technique: undefined, because: [{ text, range: use.range }] });

function nameOf(use: TechniqueUse): string {
    if (use.name !== undefined) return use.name;
    if (use.kind === 'technique') return use.technique;
    return use.kind === 'choose' ? 'choose' : `least ${use.goal}`;
}
