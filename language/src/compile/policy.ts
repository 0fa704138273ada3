import * as ast from '../generated/ast.js';
import type { Concurrency, Destination, Policy, Selection } from '../program.js';
import { count, duration, nothing } from './amount.js';
import { exclusion, hook, ordering, verify } from './around.js';
import { bandwidth } from './bandwidth.js';
import { all as allOf, first, only } from './clauses.js';
import type { Context } from './context.js';
import { destination } from './destination.js';
import { docOf } from './doc.js';
import { concurrency, deadline, dedup, onFailure } from './limits.js';
import { perContext } from './once.js';
import { requirement } from './promise.js';
import { selection } from './selection.js';
import { techniqueUse } from './technique.js';
import { trigger } from './trigger.js';

/** A policy, with what it takes from the one that it is like. */
export function policy(node: ast.Policy, context: Context): Policy {
    const range = context.range(node);
    const template = templateOf(node, context);
    const clauses = node.clauses;
    const one = <Type extends ast.Clause['$type']>(type: Type): Extract<ast.Clause, { readonly $type: Type }> | undefined =>
        only(clauses, type, context);
    const all = <Type extends ast.Clause['$type']>(type: Type): readonly Extract<ast.Clause, { readonly $type: Type }>[] | undefined => {
        const found = allOf(clauses, type);
        return found.length === 0 ? undefined : found;
    };
    const move = one(ast.MoveClause.$type);
    const to = one(ast.ToClause.$type);
    const using = one(ast.UsingClause.$type);
    const missing = [
        ...((move ?? template) ? [] : ["'move'"]),
        ...((to ?? template) ? [] : ["'to'"]),
        ...((using ?? template) ? [] : ["'using'"]),
    ];
    if (missing.length > 0 && !(node.template && !template)) reportMissing(node, missing, context);

    const when = first(clauses.filter(isTrigger), context);
    const dedupClause = one(ast.DedupClause.$type);
    const bandwidthClause = one(ast.BandwidthClause.$type);
    const failure = one(ast.FailureClause.$type);
    const cooldown = one(ast.CooldownClause.$type);
    const deadlineClause = one(ast.DeadlineClause.$type);
    const limits = all(ast.AtMostClause.$type);
    return {
        range,
        name: node.name,
        nameRange: context.range(node, 'name'),
        doc: docOf(node) ?? template?.doc,
        priority: node.priority ? count(node.priority, { what: 'A priority', zero: true }, nothing, context) : (template?.priority ?? 0),
        preempt: node.preempt || (template?.preempt ?? false),
        trigger: when ? (ast.isTriggerClause(when) ? trigger(when, context) : undefined) : template?.trigger,
        selection: move ? selection(move, context) : (template?.selection ?? nobody(node, context)),
        destination: to ? destination(to, context) : (template?.destination ?? nowhere(node, context)),
        technique: using ? using.uses.map((use) => techniqueUse(use, context)) : (template?.technique ?? []),
        dedup: dedupClause ? dedup(dedupClause, context) : template?.dedup,
        bandwidth: bandwidthClause ? bandwidth(bandwidthClause, context) : template?.bandwidth,
        concurrency: limits ? concurrency(limits, context) : (template?.concurrency ?? unlimited),
        requires:
            all(ast.RequireClause.$type)?.flatMap((clause) => clause.promises.map((one) => requirement(one, nothing, context))) ??
            template?.requires ??
            [],
        onFailure: failure ? onFailure(failure, context) : template?.onFailure,
        cooldownMs: cooldown ? duration(cooldown.value, { what: 'A cooldown' }, nothing, context) : template?.cooldownMs,
        deadline: deadlineClause ? deadline(deadlineClause, context) : template?.deadline,
        verify: all(ast.VerifyClause.$type)?.map((clause) => verify(clause, context)) ?? template?.verify ?? [],
        hooks: all(ast.HookClause.$type)?.map((clause) => hook(clause, context)) ?? template?.hooks ?? [],
        exclusions: all(ast.ExclusionClause.$type)?.map((clause) => exclusion(clause, context)) ?? template?.exclusions ?? [],
        ordering: all(ast.OrderingClause.$type)?.map((clause) => ordering(clause, context)) ?? template?.ordering ?? [],
        afterwards:
            all(ast.AfterwardsClause.$type)?.map((clause) => ({ kind: 'power-off-emptied-hosts', range: context.range(clause) })) ??
            template?.afterwards ??
            [],
    };
}

const unlimited: Concurrency = { perHost: undefined, intoHost: undefined, outOfHost: undefined, perLink: undefined, inAll: undefined };

const isTrigger = (clause: ast.Clause): clause is ast.TriggerClause | ast.OnDemandClause =>
    ast.isTriggerClause(clause) || ast.isOnDemandClause(clause);

/** Policies that others are like, compiled once; undefined where one is like itself, directly or not. */
const templates = perContext(() => new Map<ast.Policy, Policy | undefined>());

/** The policy that this one is like, compiled. What is wrong with it is reported where it is declared. */
function templateOf(node: ast.Policy, context: Context): Policy | undefined {
    const target = node.template?.ref;
    if (!target || context.isBroken(target)) return undefined;
    const known = templates(context);
    const line = new Set<ast.Policy>();
    let next: ast.Policy | undefined = target;
    for (; next && !known.has(next) && !line.has(next); next = next.template?.ref) line.add(next);
    const isLoop = next !== undefined && (line.has(next) || known.get(next) === undefined);
    // The last of the line first: however long it is, none has to wait for another.
    for (const one of [...line].reverse()) known.set(one, isLoop ? undefined : context.collect(() => policy(one, context)).result);
    if (known.get(target) === undefined)
        context.report('MIG108', context.range(node, 'template'), `The policy '${node.name}' is like itself.`);
    return known.get(target);
}

function reportMissing(node: ast.Policy, missing: readonly string[], context: Context): void {
    const list = missing.length > 1 ? `${missing.slice(0, -1).join(', ')} and ${missing.at(-1) ?? ''}` : (missing[0] ?? '');
    context.report('MIG005', context.range(node, 'name'), `The policy '${node.name}' does not say ${list}.`, {
        hint: "A policy says which VMs it moves ('move vms on host'), where to ('to hosts') and how ('using precopy').",
    });
}

function nobody(node: ast.Policy, context: Context): Selection {
    const range = context.range(node);
    return {
        range,
        from: { kind: 'all', range },
        where: [],
        except: [],
        order: [],
        limit: undefined,
        until: undefined,
        together: undefined,
        quietWhen: undefined,
        onlyIfEmptied: undefined,
        immovable: { action: 'skip', range },
        triage: undefined,
    };
}

function nowhere(node: ast.Policy, context: Context): Destination {
    return {
        range: context.range(node),
        scope: 'hosts',
        where: [],
        keepFree: [],
        apart: [],
        with: [],
        networks: [],
        preferences: [],
        spareHosts: undefined,
        otherwise: undefined,
    };
}
