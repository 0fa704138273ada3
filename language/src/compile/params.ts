import type { LangiumDocument } from 'langium';
import type { MigFile, Param } from '../generated/ast.js';
import { isParam } from '../generated/ast.js';
import { nearest } from '../nearest.js';
import type { CompiledParam, ParamBounds, SourceRange, ValueType } from '../program.js';
import { parseQuantity } from '../units.js';
import { nothing } from './amount.js';
import { type Context, meant, type ParamValue, replaceBy, textOf } from './context.js';
import { docOf } from './doc.js';
import { expression } from './expression.js';
import { constant } from './values.js';
import { examples, isDimension, typeNames, typeWritten, writtenTypes } from './types.js';
import { asType } from './unlike.js';
import { boundsHint, boundsOf, outOfBounds } from './param-bounds.js';

/** What was set from outside: by `--set name=value`, which wins, or by the environment as `MIG_NAME`. */
export interface Settings {
    readonly set: Readonly<Record<string, string>>;
    readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The name of the variable that sets a param. */
export const variableOf = (param: string): string => `MIG_${param.toUpperCase()}`;

/**
 * Works out what every param is worth, the imported ones first, and fills `values`.
 * A param may be reckoned from others that stand before it.
 */
export function evaluateParams(
    documents: readonly LangiumDocument<MigFile>[],
    settings: Settings,
    values: Map<Param, ParamValue>,
    context: Context,
): readonly CompiledParam[] {
    const declared = documents.toReversed().flatMap((document) => document.parseResult.value.declarations.filter(isParam));
    const compiled: CompiledParam[] = [];
    for (const param of declared) {
        const usable = !context.isBroken(param);
        const found: Found = usable ? paramValue(param, settings, context) : { type: undefined, value: undefined };
        values.set(param, found);
        if (found.type === undefined || found.value === undefined) continue;
        compiled.push({
            name: param.name,
            type: found.type,
            value: found.value,
            doc: docOf(param),
            ...(found.bounds && { bounds: found.bounds }),
            range: context.range(param),
        });
    }
    reportUnknown(Object.keys(settings.set), declared, context);
    return compiled;
}

interface Found extends ParamValue {
    readonly bounds?: ParamBounds | undefined;
}

function paramValue(param: Param, settings: Settings, context: Context): Found {
    const written = param.valueType === undefined ? undefined : typeNamed(param.valueType, context.range(param, 'valueType'), context);
    const usual = param.value && expression(param.value, nothing, context);
    const type = written ?? (param.valueType === undefined ? usual?.type : undefined);
    if (usual && written && usual.type !== written && param.value) {
        const better = isDimension(written) && !/^0/.test(textOf(param.value)) ? asType(textOf(param.value), written) : undefined;
        const message = `The param '${param.name}' is ${typeNames[written]}, and ${textOf(param.value)} is ${typeNames[usual.type]}.`;
        context.report('MIG203', context.range(param.value), message, {
            hint: better === undefined ? undefined : `Did you mean ${better}?`,
            fixes: better === undefined ? [] : [replaceBy(context.range(param.value), better)],
        });
        return { type: written, value: undefined };
    }
    if (param.valueType === undefined && !param.value) {
        context.report('MIG209', context.range(param, 'name'), `The param '${param.name}' has neither a type nor a value.`, {
            hint: `Write param ${param.name}: rate = 1 Gbit/s, say.`,
        });
    }
    const bounds = param.bounds && type ? boundsOf(param, param.bounds, type, context) : undefined;
    const outside = settings.set[param.name] ?? settings.environment[variableOf(param.name)];
    const usualValue = usual && constant(usual);
    const isFixed = usualValue !== undefined;
    const usualProblem = isFixed ? outOfBounds(usualValue, bounds, type) : undefined;
    if (usualProblem !== undefined && param.value) {
        const message = `The param '${param.name}' is ${textOf(param.value)}: ${usualProblem}.`;
        context.report('MIG206', context.range(param.value), message, { hint: boundsHint(param) });
    }
    if (outside !== undefined && type) {
        const how = settings.set[param.name] === undefined ? variableOf(param.name) : `--set ${param.name}`;
        const value = fromOutside(outside, type, how, context.range(param), context);
        const problem = outOfBounds(value, bounds, type);
        if (problem === undefined) return { type, value, bounds };
        context.report('MIG206', context.range(param), `${how}=${outside}: ${problem}.`, { hint: boundsHint(param) });
        return { type, value: undefined, bounds };
    }
    if (!usual) {
        if (!param.value && type) {
            const hint = `Give it one here, or set it: --set ${param.name}=${isDimension(type) ? examples[type].replace(' ', '') : '…'}.`;
            context.report('MIG209', context.range(param, 'name'), `The param '${param.name}' has no value.`, { hint });
        }
        return { type, value: undefined };
    }
    if (isFixed) return { type, value: usualValue, bounds };
    context.report('MIG207', context.range(param.value ?? param), `The value of the param '${param.name}' must be known before the run.`);
    return { type, value: undefined };
}

function fromOutside(text: string, type: ValueType, how: string, range: SourceRange, context: Context): ParamValue['value'] {
    const wrong = (problem: string, hint?: string): undefined => {
        context.report('MIG203', range, `${how}=${text}: ${problem}.`, { hint });
        return undefined;
    };
    if (type === 'string') return text;
    if (type === 'strings') return textsFrom(text) ?? wrong('it is a set of texts, with commas between them', `Write ${how}=a,b, say.`);
    if (type === 'boolean') return text === 'true' || text === 'false' ? text === 'true' : wrong('it is true or false');
    if (type === 'number') return /^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : wrong('it is a number');
    if (isDimension(type)) {
        const parsed = parseQuantity(text);
        const hint = `Write ${how}=${examples[type].replace(' ', '')}, say.`;
        if (!parsed.ok) return wrong(parsed.problem.replace(/\?$/, ''), hint);
        return parsed.dimension === type
            ? parsed.value
            : wrong(`the param is ${typeNames[type]}, and this is ${typeNames[parsed.dimension]}`, hint);
    }
    const time = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text.trim());
    return time ? Number(time[1]) * 60 + Number(time[2]) : wrong('it is a time of day such as 08:00');
}

/** `a,b`, or as in a policy, `["a", "b"]`; nothing at all is the empty set. Undefined where it is neither. */
function textsFrom(text: string): readonly string[] | undefined {
    const bare = text.trim();
    if (!bare.startsWith('[')) {
        const texts = bare === '' ? [] : bare.split(',').map((one) => one.trim());
        return texts.includes('') ? undefined : [...new Set(texts)];
    }
    try {
        const read: unknown = JSON.parse(bare);
        return Array.isArray(read) && read.every((one) => typeof one === 'string') ? [...new Set(read)] : undefined;
    } catch {
        return undefined;
    }
}

/** The type that a word after `name:` names. */
export function typeNamed(word: string, range: SourceRange, context: Context): ValueType | undefined {
    const found = typeWritten(word);
    if (!found) {
        const known = [...writtenTypes.keys()];
        const written = word.replace(/^setof/, 'set of ');
        const near = nearest(written, known);
        const hint = near === undefined ? `Types are ${known.join(', ')}.` : `Did you mean '${near}'?`;
        context.report('MIG101', range, `'${written}' is not a type.`, { ...meant(near, range), hint });
    }
    return found;
}

function reportUnknown(names: readonly string[], declared: readonly Param[], context: Context): void {
    const known = declared.map((param) => param.name);
    for (const name of names.filter((one) => !known.includes(one))) {
        const near = nearest(name, known);
        const hint =
            near === undefined
                ? known.length === 0
                    ? 'The program declares no params.'
                    : `It has ${known.join(', ')}.`
                : `Did you mean '${near}'?`;
        const start = { line: 0, character: 0 };
        context.report('MIG111', { source: 0, start, end: start }, `--set ${name}: the program has no param '${name}'.`, { hint });
    }
}
