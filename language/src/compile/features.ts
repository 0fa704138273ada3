/** Which capabilities of the language a compiled program uses, and where: read off the program, so that nothing compiled is forgotten. */
import type { FeatureId } from '../catalogue/features.js';
import { optionFeatures, rungFeature, techniqueFeature } from '../catalogue/technique-features.js';
import type {
    Cap,
    Destination,
    Expression,
    FeatureUse,
    HostSequence,
    OnFailure,
    Policy,
    Requirement,
    Rung,
    Scenario,
    Selection,
    SourceRange,
    TechniqueOptions,
    TechniqueUse,
    Trigger,
} from '../program.js';

type Use = readonly [FeatureId, SourceRange];

export function featuresOf(
    policies: readonly Policy[],
    sequences: readonly HostSequence[],
    scenarios: readonly Scenario[],
): readonly FeatureUse[] {
    const within = (name: string | undefined, uses: readonly Use[]): readonly FeatureUse[] =>
        uses.map(([feature, range]) => ({ feature, range, within: name }));
    return [
        ...policies.flatMap((policy) => within(policy.name, unique(ofPolicy(policy)))),
        ...sequences.flatMap((sequence) => within(sequence.name, unique(ofSequence(sequence)))),
        ...scenarios.flatMap((scenario) => within(scenario.name, [['scenario', scenario.range]])),
    ];
}

/** Each capability once for each place. */
function unique(uses: readonly Use[]): readonly Use[] {
    const seen = new Set<string>();
    return uses.filter(([feature, range]) => {
        const key = `${feature} ${range.source}:${range.start.line}:${range.start.character}`;
        if (seen.has(key)) return false;
        seen.add(key);
        return true;
    });
}

/** A capability where the thing is there. */
const where = (feature: FeatureId, thing: { readonly range: SourceRange } | undefined): readonly Use[] =>
    thing ? [[feature, thing.range]] : [];
const each = (feature: FeatureId, things: readonly { readonly range: SourceRange }[]): readonly Use[] =>
    things.map((thing) => [feature, thing.range]);

function ofPolicy(policy: Policy): readonly Use[] {
    const { nameRange, concurrency } = policy;
    return [
        ...(policy.priority === 0 ? [] : [['priority', nameRange] as const]),
        ...(policy.preempt ? [['preempt', nameRange] as const] : []),
        ...(policy.trigger ? ofTrigger(policy.trigger) : []),
        ...ofSelection(policy.selection),
        ...ofDestination(policy.destination),
        ...ofTechniques(policy.technique),
        ...(policy.dedup
            ? [[policy.dedup.kinds.every((kind) => kind === 'none') ? 'dedup.none' : 'dedup.pages', policy.dedup.range] as const]
            : []),
        ...(policy.bandwidth?.caps ?? []).map(ofCap),
        ...(policy.bandwidth?.windows ?? []).flatMap((window): readonly Use[] => [
            ['bandwidth.window', window.range],
            ...window.caps.map(ofCap),
        ]),
        ...where('limit.per-host', concurrency.perHost),
        ...where('limit.in', concurrency.intoHost),
        ...where('limit.out', concurrency.outOfHost),
        ...where('limit.per-link', concurrency.perLink),
        ...where('limit.in-all', concurrency.inAll),
        ...policy.requires.flatMap(ofRequirement),
        ...(policy.onFailure ? ofFailure(policy.onFailure) : []),
        ...(policy.cooldownMs === undefined ? [] : [['cooldown', nameRange] as const]),
        ...where('deadline', policy.deadline),
        ...each('verify', policy.verify),
        ...each('hook', policy.hooks),
        ...each('order.exclusion', policy.exclusions),
        ...each('order.before-after', policy.ordering),
        ...each('afterwards.power-off', policy.afterwards),
    ];
}

function ofTrigger(trigger: Trigger): readonly Use[] {
    switch (trigger.kind) {
        case 'schedule':
            return [['trigger.schedule', trigger.range], ...where('trigger.at-end', trigger.atEnd ? trigger : undefined)];
        case 'any':
        case 'all':
            return trigger.of.flatMap(ofTrigger);
        case 'not':
            return ofTrigger(trigger.of);
        case 'condition':
            return [
                ['trigger.condition', trigger.range],
                ...ofExpression(trigger.condition),
                ...(trigger.until ? [['trigger.release', trigger.until.range] as const, ...ofExpression(trigger.until)] : []),
            ];
    }
}

/** What conditions need of the world, wherever they stand. */
function ofExpression(of: Expression): readonly Use[] {
    switch (of.kind) {
        case 'literal':
            return [];
        case 'attribute':
            return of.attribute === 'failing' ? [['trigger.failing', of.range]] : [];
        case 'metric':
            return [['trigger.metric', of.range]];
        case 'not':
        case 'negate':
            return ofExpression(of.operand);
        case 'held':
            return [['trigger.held', of.range], ...ofExpression(of.condition)];
        case 'binary':
            return [...ofExpression(of.left), ...ofExpression(of.right)];
    }
}

const ofExpressions = (list: readonly (Expression | undefined)[]): readonly Use[] => list.flatMap((one) => (one ? ofExpression(one) : []));

function ofSelection(selection: Selection): readonly Use[] {
    const filters = [...selection.where, ...selection.except];
    const from = selection.from.kind === 'hosts' && selection.from.where ? [selection.from.where] : [];
    return [
        ...each('select.filter', [...filters, ...from]),
        ...ofExpressions([...filters, ...from, selection.until, selection.quietWhen, ...selection.order.map((key) => key.by)]),
        ...each('select.order', selection.order),
        ...where('select.limit', selection.limit),
        ...where('select.until', selection.until),
        ...where('select.together', selection.together),
        ...where('select.all-or-none', selection.together?.allOrNone ? selection.together : undefined),
        ...where('select.quiet', selection.quietWhen),
        ...(selection.onlyIfEmptied ? [['select.only-if-emptied', selection.onlyIfEmptied] as const] : []),
        ...where('select.immovable', selection.immovable.action === 'skip' ? undefined : selection.immovable),
        ...where('select.triage', selection.triage),
    ];
}

function ofDestination(destination: Destination): readonly Use[] {
    return [
        ...(destination.scope === 'anywhere' ? [['destination.anywhere', destination.range] as const] : []),
        ...each('destination.where', destination.where),
        ...ofExpressions(destination.where),
        ...each('destination.keep-free', destination.keepFree),
        ...each(
            'destination.hugepages',
            destination.keepFree.filter((headroom) => headroom.hugepages),
        ),
        ...each(
            'destination.numa',
            destination.keepFree.filter((headroom) => headroom.perNumaNode),
        ),
        ...each('destination.apart', destination.apart),
        ...each('destination.with', destination.with),
        ...each('destination.networks', destination.networks),
        ...each('destination.offers', destination.offers ?? []),
        ...each('destination.prefer', destination.preferences),
        ...each(
            'destination.gain',
            destination.preferences.filter((preference) => preference.gain !== undefined),
        ),
        ...where('destination.spare', destination.spareHosts),
        ...where('destination.restart', destination.otherwise),
    ];
}

function ofTechniques(uses: readonly TechniqueUse[]): readonly Use[] {
    return [...each('technique.otherwise', uses.slice(1)), ...uses.flatMap(ofTechnique)];
}

function ofTechnique(use: TechniqueUse): readonly Use[] {
    switch (use.kind) {
        case 'choose':
            return [
                ['technique.choose', use.range],
                ...use.branches.flatMap((branch) => [...ofExpressions([branch.when]), ...ofTechnique(branch.use)]),
            ];
        case 'goal':
            return [['technique.goal', use.range], ...use.bounds.flatMap(ofRequirement)];
        case 'technique': {
            const written = Object.keys(use.options) as (keyof TechniqueOptions)[];
            return [
                [techniqueFeature[use.technique], use.range],
                ...written.map((option): Use => [optionFeatures[option], use.range]),
                ...use.ladder.flatMap(ofRung),
            ];
        }
    }
}

function ofRung(rung: Rung): readonly Use[] {
    return [[rungFeature(rung), rung.range], ...ofExpressions([rung.and])];
}

const capFeatures = { total: 'bandwidth.total', link: 'bandwidth.link', host: 'bandwidth.host', vm: 'bandwidth.vm' } as const;

function ofCap(cap: Cap): Use {
    const feature = cap.kind === 'floor' ? 'bandwidth.floor' : cap.kind === 'reserve' ? 'bandwidth.reserve' : capFeatures[cap.scope];
    return [feature, cap.range];
}

function ofRequirement(requirement: Requirement): readonly Use[] {
    return [[`require.${requirement.metric}`, requirement.range], ...where('require.hard', requirement.hard ? requirement : undefined)];
}

function ofFailure(failure: OnFailure): readonly Use[] {
    return [
        ...(failure.retry ? [['failure.retry', failure.range] as const] : []),
        ...failure.then.map((step): Use => [`failure.${step}`, failure.range]),
        ...(failure.budget === undefined ? [] : [['failure.budget', failure.range] as const]),
    ];
}

function ofSequence(sequence: HostSequence): readonly Use[] {
    const steps = sequence.steps.flatMap((step): readonly Use[] => {
        if (step.kind === 'drain') return ofTechniques(step.technique);
        return step.kind === 'wait-until' ? ofExpression(step.condition) : [];
    });
    return [['sequence', sequence.range], ...ofExpressions([sequence.hosts]), ...steps];
}
