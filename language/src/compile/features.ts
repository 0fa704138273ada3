/** Which capabilities of the language a compiled program uses, and where: read off the program, so that nothing compiled is forgotten. */
import type { FeatureId } from '../catalogue/features.js';
import { featuresOfOptions, rungFeature, techniqueFeature } from '../catalogue/technique-features.js';
import type {
    Cap,
    Destination,
    Expression,
    FeatureUse,
    HostSequence,
    OnFailure,
    Policy,
    Requirement,
    Scenario,
    Selection,
    SourceRange,
    TechniqueUse,
    Trigger,
} from '../program.js';

/** What notes a capability and where it is used; nothing where the thing is not there. */
type Note = (feature: FeatureId, thing: { readonly range: SourceRange } | undefined) => void;

export function featuresOf(
    policies: readonly Policy[],
    sequences: readonly HostSequence[],
    scenarios: readonly Scenario[],
): readonly FeatureUse[] {
    const found: FeatureUse[] = [];
    for (const policy of policies) ofPolicy(policy, noting(found, policy.name));
    for (const sequence of sequences) ofSequence(sequence, noting(found, sequence.name));
    for (const scenario of scenarios) noting(found, scenario.name)('scenario', { range: scenario.nameRange });
    return found;
}

/** The same, with what is known of single policies already. */
export function featuresOfEach(
    policies: readonly Policy[],
    sequences: readonly HostSequence[],
    scenarios: readonly Scenario[],
    known: WeakMap<Policy, readonly FeatureUse[]>,
): readonly FeatureUse[] {
    const each = policies.flatMap((policy) => {
        const uses = known.get(policy) ?? featuresOf([policy], [], []);
        known.set(policy, uses);
        return uses;
    });
    return [...each, ...featuresOf([], sequences, scenarios)];
}

/** Notes each capability once for each place in one part of a program. */
function noting(found: FeatureUse[], within: string | undefined): Note {
    const first = found.length;
    return (feature, thing) => {
        if (!thing) return;
        const { range } = thing;
        for (let index = first; index < found.length; index++) {
            const other = found[index];
            if (other?.feature === feature && isSamePlace(other.range, range)) return;
        }
        found.push({ feature, range, within });
    };
}

const isSamePlace = (a: SourceRange, b: SourceRange): boolean =>
    a === b || (a.start.line === b.start.line && a.start.character === b.start.character && a.source === b.source);

function each(feature: FeatureId, things: readonly { readonly range: SourceRange }[], note: Note): void {
    for (const thing of things) note(feature, thing);
}

function ofPolicy(policy: Policy, note: Note): void {
    const { concurrency, dedup, bandwidth } = policy;
    const named = { range: policy.nameRange };
    if (policy.priority !== 0) note('priority', named);
    if (policy.preempt) note('preempt', named);
    if (policy.trigger) ofTrigger(policy.trigger, note);
    ofSelection(policy.selection, note);
    ofDestination(policy.destination, note);
    ofTechniques(policy.technique, note);
    if (dedup) note(dedup.kinds.every((kind) => kind === 'none') ? 'dedup.none' : 'dedup.pages', dedup);
    for (const cap of bandwidth?.caps ?? []) ofCap(cap, note);
    for (const window of bandwidth?.windows ?? []) {
        note('bandwidth.window', window);
        for (const cap of window.caps) ofCap(cap, note);
    }
    note('limit.per-host', concurrency.perHost);
    note('limit.in', concurrency.intoHost);
    note('limit.out', concurrency.outOfHost);
    note('limit.per-link', concurrency.perLink);
    note('limit.in-all', concurrency.inAll);
    for (const requirement of policy.requires) ofRequirement(requirement, note);
    if (policy.onFailure) ofFailure(policy.onFailure, note);
    if (policy.cooldownMs !== undefined) note('cooldown', named);
    note('deadline', policy.deadline);
    each('verify', policy.verify, note);
    each('hook', policy.hooks, note);
    each('order.exclusion', policy.exclusions, note);
    each('order.before-after', policy.ordering, note);
    each('afterwards.power-off', policy.afterwards, note);
}

function ofTrigger(trigger: Trigger, note: Note): void {
    switch (trigger.kind) {
        case 'schedule':
            note('trigger.schedule', trigger);
            if (trigger.atEnd) note('trigger.at-end', trigger);
            break;
        case 'any':
        case 'all':
            for (const one of trigger.of) ofTrigger(one, note);
            break;
        case 'not':
            ofTrigger(trigger.of, note);
            break;
        case 'condition':
            note('trigger.condition', trigger);
            ofExpression(trigger.condition, note);
            note('trigger.release', trigger.until);
            ofExpression(trigger.until, note);
    }
}

/** What conditions need of the world, wherever they stand. */
function ofExpression(of: Expression | undefined, note: Note): void {
    switch (of?.kind) {
        case undefined:
        case 'literal':
            break;
        case 'attribute':
            if (of.attribute === 'failing') note('trigger.failing', of);
            break;
        case 'metric':
            note('trigger.metric', of);
            break;
        case 'not':
        case 'negate':
            ofExpression(of.operand, note);
            break;
        case 'held':
            note('trigger.held', of);
            ofExpression(of.condition, note);
            break;
        case 'binary':
            ofExpression(of.left, note);
            ofExpression(of.right, note);
    }
}

function ofExpressions(list: readonly Expression[], note: Note): void {
    for (const one of list) ofExpression(one, note);
}

function ofSelection(selection: Selection, note: Note): void {
    const { where, except, order, until, quietWhen, together } = selection;
    const from = selection.from.kind === 'hosts' ? selection.from.where : undefined;
    each('select.filter', where, note);
    each('select.filter', except, note);
    note('select.filter', from);
    ofExpressions(where, note);
    ofExpressions(except, note);
    ofExpression(from, note);
    ofExpression(until, note);
    ofExpression(quietWhen, note);
    for (const key of order) ofExpression(key.by, note);
    each('select.order', order, note);
    note('select.limit', selection.limit);
    note('select.until', until);
    note('select.together', together);
    if (together?.allOrNone === true) note('select.all-or-none', together);
    note('select.quiet', quietWhen);
    if (selection.onlyIfEmptied) note('select.only-if-emptied', { range: selection.onlyIfEmptied });
    if (selection.immovable.action !== 'skip') note('select.immovable', selection.immovable);
    note('select.triage', selection.triage);
}

function ofDestination(destination: Destination, note: Note): void {
    const { keepFree, preferences } = destination;
    if (destination.scope === 'anywhere') note('destination.anywhere', destination);
    each('destination.where', destination.where, note);
    ofExpressions(destination.where, note);
    each('destination.keep-free', keepFree, note);
    for (const headroom of keepFree) if (headroom.hugepages) note('destination.hugepages', headroom);
    for (const headroom of keepFree) if (headroom.perNumaNode === true) note('destination.numa', headroom);
    each('destination.apart', destination.apart, note);
    each('destination.with', destination.with, note);
    each('destination.networks', destination.networks, note);
    each('destination.offers', destination.offers ?? [], note);
    each('destination.prefer', preferences, note);
    for (const preference of preferences) if (preference.gain !== undefined) note('destination.gain', preference);
    note('destination.spare', destination.spareHosts);
    note('destination.restart', destination.otherwise);
}

function ofTechniques(uses: readonly TechniqueUse[], note: Note): void {
    each('technique.otherwise', uses.slice(1), note);
    for (const use of uses) ofTechnique(use, note);
}

function ofTechnique(use: TechniqueUse, note: Note): void {
    switch (use.kind) {
        case 'choose':
            note('technique.choose', use);
            for (const branch of use.branches) {
                ofExpression(branch.when, note);
                ofTechnique(branch.use, note);
            }
            break;
        case 'goal':
            note('technique.goal', use);
            for (const bound of use.bounds) ofRequirement(bound, note);
            break;
        case 'technique':
            note(techniqueFeature[use.technique], use);
            for (const feature of featuresOfOptions(use.options)) note(feature, use);
            for (const rung of use.ladder) {
                note(rungFeature(rung), rung);
                ofExpression(rung.and, note);
            }
    }
}

const capFeatures = { total: 'bandwidth.total', link: 'bandwidth.link', host: 'bandwidth.host', vm: 'bandwidth.vm' } as const;

function ofCap(cap: Cap, note: Note): void {
    note(cap.kind === 'floor' ? 'bandwidth.floor' : cap.kind === 'reserve' ? 'bandwidth.reserve' : capFeatures[cap.scope], cap);
}

function ofRequirement(requirement: Requirement, note: Note): void {
    note(`require.${requirement.metric}`, requirement);
    if (requirement.hard) note('require.hard', requirement);
}

function ofFailure(failure: OnFailure, note: Note): void {
    if (failure.retry) note('failure.retry', failure);
    for (const step of failure.then) note(`failure.${step}`, failure);
    if (failure.budget !== undefined) note('failure.budget', failure);
}

function ofSequence(sequence: HostSequence, note: Note): void {
    note('sequence', { range: sequence.nameRange ?? sequence.range });
    ofExpression(sequence.hosts, note);
    for (const step of sequence.steps) {
        if (step.kind === 'drain') ofTechniques(step.technique, note);
        if (step.kind === 'wait-until') ofExpression(step.condition, note);
    }
}
