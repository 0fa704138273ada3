import * as ast from '../generated/ast.js';
import type { Finding } from '../finding.js';
import type { Entity, Expression, Goal, Requirement, TechniqueOptions, TechniqueUse, ValueType } from '../program.js';
import { nearest } from '../nearest.js';
import { count, nothing } from './amount.js';
import { type Context, meant, replaceBy, type ReportOptions, textOf } from './context.js';
import { condition, expression } from './expression.js';
import { isSound, isTooMuch, type Names } from './names.js';
import { once } from './once.js';
import { literal } from './values.js';
import { checkIdle } from './idle-options.js';
import { rung } from './ladder.js';
import { options } from './options.js';
import { requirement } from './promise.js';
import { isDimension, typeNames, typeWritten } from './types.js';
import { asType } from './unlike.js';

/** What the branches of `choose` may speak of. */
const speaksOf: ReadonlySet<Entity> = new Set<Entity>(['vm', 'host', 'source', 'cluster']);

type Parameters = Names['parameters'];

/** By the words of the grammar, written together. */
const goals: Readonly<Record<string, Goal>> = {
    duration: 'duration',
    downtime: 'downtime',
    traffic: 'traffic',
    evictiontime: 'eviction time',
    impact: 'impact',
};

/** How VMs are moved, with declared techniques put in their place. `outer`: the techniques that this one is part of. */
export function techniqueUse(
    node: ast.TechniqueUse,
    context: Context,
    parameters: Parameters = new Map(),
    outer: readonly ast.Technique[] = [],
): TechniqueUse {
    const range = context.range(node);
    const names: Names = { ...nothing, parameters };
    switch (node.$type) {
        case ast.GoalUse.$type:
            return {
                kind: 'goal',
                goal: goals[node.goal] ?? 'duration',
                bounds: node.bounds.map((bound): Requirement => requirement(bound, names, context)),
                name: undefined,
                range,
            };
        case ast.ChooseUse.$type:
            return {
                kind: 'choose',
                branches: node.branches.map((branch) => ({
                    when:
                        branch.when &&
                        condition(branch.when, { entities: speaksOf, place: 'in a choice of technique', parameters }, context),
                    use: techniqueUse(branch.use, context, parameters, outer),
                    range: context.range(branch),
                })),
                name: undefined,
                range,
            };
        case ast.NamedUse.$type:
            return node.kind === undefined ? declared(node, context, parameters, outer) : builtIn(node, node.kind, names, context);
    }
}

/** Checks a technique where it is declared, with stand-ins for the parameters that have no default. */
export function checkTechnique(node: ast.Technique, context: Context): void {
    if (!isSound(node, context)) return;
    const values = new Map<ast.Parameter, Expression | undefined>();
    for (const parameter of node.parameters) values.set(parameter, defaultOf(parameter, context) ?? standIn(parameter, context));
    techniqueUse(node.use, context, values, [node]);
}

function builtIn(node: ast.NamedUse, kind: ast.TechniqueKindName, names: Names, context: Context): TechniqueUse {
    const [argument] = node.arguments;
    if (argument)
        context.report('MIG006', context.range(argument), `${kind} takes no parameters: what it is to do differently stands in braces.`);
    const use = {
        kind: 'technique',
        technique: kind,
        options: { ...options(node.items, names, context), ...viaOf(node.via, kind, names, context) },
        ladder: node.items.filter(ast.isRung).map((item) => rung(item, names, context)),
        name: undefined,
        range: context.range(node),
    } as const;
    checkIdle(node.items, use, context);
    return use;
}

/** A declared technique, with what is said here in place of what is said there. */
function declared(node: ast.NamedUse, context: Context, parameters: Parameters, outer: readonly ast.Technique[]): TechniqueUse {
    const range = context.range(node);
    const target = node.technique?.ref;
    const names: Names = { ...nothing, parameters };
    const nowhere: TechniqueUse = { kind: 'technique', technique: 'precopy', options: {}, ladder: [], name: target?.name, range };
    // Of one that cannot be read nothing is known, and what it takes is not either.
    if (!target || context.isBroken(target)) return nowhere;
    const values = argumentsOf(node, target, names, context);
    // A technique that cannot be spelled out is reported where it is declared.
    if (outer.includes(target) || isTooMuch(target, context)) return nowhere;
    const isPlain = node.arguments.length === 0 && outer.length === 0;
    const inner = isPlain
        ? plainly(target, context)
        : outer.length === 0
          ? given(target, values, context)
          : inside(target, values, outer, context);
    // What is wrong with the technique itself is reported where it is declared; what is wrong only with these arguments, here.
    const own = node.arguments.length === 0 ? [] : ownFindings(target, context);
    for (const finding of inner.findings) {
        const isOwn = own.some((other) => other.id === finding.id && other.range.start.line === finding.range.start.line);
        if (node.arguments.length > 0 && !isOwn)
            context.report('MIG206', range, `With these values '${target.name}' cannot be: ${finding.message}`);
    }
    const base: TechniqueUse = { ...inner.result, name: target.name, range };
    return node.items.length === 0 && !node.via ? base : changed(base, node, names, context);
}

/** A declared technique as it is where nothing is said of it: with the values that its parameters usually have. */
const plainly = once((target: ast.Technique, context) =>
    context.collect(() => techniqueUse(target.use, context, valuesFor(target, context), [target])),
);

interface Instance {
    readonly result: TechniqueUse;
    readonly findings: readonly Finding[];
}

const inside = (target: ast.Technique, values: Parameters, outer: readonly ast.Technique[], context: Context): Instance =>
    context.collect(() => techniqueUse(target.use, context, values, [...outer, target]));

/** Instances of a technique that consist of figures alone, by what its parameters are worth: a thousand policies give it the same. */
const instances = once(() => new Map<string, Instance>());

function given(target: ast.Technique, values: Parameters, context: Context): Instance {
    const key = JSON.stringify([...values.values()].map((value) => (value?.kind === 'literal' ? [value.type, value.value] : null)));
    const known = instances(target, context).get(key);
    if (known) return known;
    const made = inside(target, values, [], context);
    const isWhole = [...values.values()].every((value) => value?.kind === 'literal') && made.findings.length === 0;
    // What has a condition in it has the place of an argument in it, too.
    if (isWhole && made.result.kind === 'technique' && made.result.ladder.every((one) => one.and === undefined)) {
        instances(target, context).set(key, made);
    }
    return made;
}

const ownFindings = once((target: ast.Technique, context) => context.collect(() => checkTechnique(target, context)).findings);

/** What the parameters of a technique are worth where no arguments are given; a stand-in for those without a default. */
const valuesFor = once((node: ast.Technique, context): Parameters => {
    const values = new Map<ast.Parameter, Expression | undefined>();
    for (const parameter of node.parameters) values.set(parameter, defaultOf(parameter, context) ?? standIn(parameter, context));
    return values;
});

function changed(base: TechniqueUse, node: ast.NamedUse, names: Names, context: Context): TechniqueUse {
    if (base.kind !== 'technique') {
        const what = base.kind === 'choose' ? 'a choice between techniques' : 'a goal';
        context.report('MIG006', context.range(node), `'${base.name ?? ''}' is ${what}: it has no options to change.`);
        return base;
    }
    const rungs = node.items.filter(ast.isRung).map((item) => rung(item, names, context));
    const changes: TechniqueOptions = { ...options(node.items, names, context), ...viaOf(node.via, base.technique, names, context) };
    const use = { ...base, options: { ...base.options, ...changes }, ladder: rungs.length > 0 ? rungs : base.ladder };
    checkIdle(node.items, use, context);
    return use;
}

function viaOf(node: ast.Via | undefined, kind: string, names: Names, context: Context): Pick<TechniqueOptions, 'via'> {
    if (!node) return {};
    if (kind !== 'scatter-gather') context.report('MIG006', context.range(node), `Only scatter-gather goes via other hosts, not ${kind}.`);
    if (node.count) return { via: { count: count(node.count, { what: 'The number of hosts' }, names, context) } };
    return { via: { hosts: node.hosts, hostRanges: node.hosts.map((_, i) => context.range(node, 'hosts', i)) } };
}

function argumentsOf(node: ast.NamedUse, target: ast.Technique, names: Names, context: Context): Parameters {
    const values = new Map<ast.Parameter, Expression | undefined>();
    for (const parameter of target.parameters) {
        const argument = node.arguments.find((one) => one.name === parameter.name);
        if (argument) values.set(parameter, argumentValue(argument, parameter, names, context));
        else {
            const usual = context.collect(() => defaultOf(parameter, context)).result;
            if (!usual)
                context.report('MIG209', context.range(node), `The technique '${target.name}' needs a value for '${parameter.name}'.`, {
                    hint: `Write ${target.name}(${parameter.name}: …).`,
                });
            values.set(parameter, usual ?? standIn(parameter, context));
        }
    }
    for (const [i, argument] of node.arguments.entries()) {
        if (node.arguments.findIndex((other) => other.name === argument.name) < i) {
            const range = context.range(argument, 'name');
            context.report('MIG004', range, `'${argument.name}' is given twice here.`, { hint: 'Keep one of the two.' });
        }
        if (target.parameters.some((parameter) => parameter.name === argument.name)) continue;
        const range = context.range(argument, 'name');
        const near = nearest(
            argument.name,
            target.parameters.map((parameter) => parameter.name),
        );
        context.report('MIG101', range, `The technique '${target.name}' has no parameter '${argument.name}'.`, meant(near, range));
    }
    return values;
}

function argumentValue(argument: ast.Argument, parameter: ast.Parameter, names: Names, context: Context): Expression | undefined {
    const value = expression(argument.value, names, context);
    const type = typeWritten(parameter.valueType);
    if (!value || !type || value.type === type) return value;
    const message = `'${parameter.name}' is ${typeNames[type]}, and ${textOf(argument.value)} is ${typeNames[value.type]}.`;
    context.report('MIG203', context.range(argument.value), message, cureOf(argument.value, type, context));
    return undefined;
}

function defaultOf(parameter: ast.Parameter, context: Context): Expression | undefined {
    if (!parameter.value) return undefined;
    const value = expression(parameter.value, nothing, context);
    const type = typeWritten(parameter.valueType);
    if (value && type && value.type !== type) {
        const message = `'${parameter.name}' is ${typeNames[type]}, and ${textOf(parameter.value)} is ${typeNames[value.type]}.`;
        context.report('MIG203', context.range(parameter.value), message, cureOf(parameter.value, type, context));
    }
    return value;
}

/** What was meant, where the same figure could be one of this type. */
function cureOf(value: ast.Expression, type: ValueType, context: Context): ReportOptions {
    const better = isDimension(type) && !/^0/.test(textOf(value)) ? asType(textOf(value), type) : undefined;
    return better === undefined
        ? {}
        : { hint: `Did you mean ${better}?`, fixes: [{ ...replaceBy(context.range(value), better), asks: true }] };
}

/** A value of the right type, to check a technique with that has not been given one. */
function standIn(parameter: ast.Parameter, context: Context): Expression | undefined {
    const type = typeWritten(parameter.valueType);
    if (!type) return undefined;
    const value = type === 'string' ? '' : type === 'strings' ? [] : type === 'boolean' ? true : 1;
    return literal(type, value, context.range(parameter));
}
