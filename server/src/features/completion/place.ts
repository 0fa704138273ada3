/**
 * Where in a policy the cursor stands, told from the text before it alone: a policy that is being written does not
 * parse, and completion has to work in just that moment.
 */
import { attributes, type Entity } from '@mig/language';

export type Place =
    /** Nothing is offered. */
    | { readonly kind: 'comment' }
    /** In a string that is open: `before` is the code that leads to it, white space folded. */
    | { readonly kind: 'string'; readonly before: string; readonly typed: string }
    /** After `vm.` or `host.memory.`: `path` is what stands between the entity and what is being typed. */
    | { readonly kind: 'attribute'; readonly entity: Entity; readonly path: readonly string[]; readonly typed: string }
    /** After a number. `spaced`: a blank stands between them. `before` is the code before the number. */
    | { readonly kind: 'unit'; readonly spaced: boolean; readonly before: string; readonly typed: string }
    /** Where a condition or a value begins, or goes on after an operator. `lead`: the word or sign before it. */
    | { readonly kind: 'expression'; readonly lead: string; readonly within: Declaration; readonly typed: string }
    /** Anywhere else. */
    | { readonly kind: 'word'; readonly typed: string };

/** What is being declared around the cursor. */
export type Declaration = 'policy' | 'technique' | 'other';

const entities = [...new Set<Entity>([...attributes.map((attribute) => attribute.entity), 'source'])];
const attributePattern = new RegExp(`(?:^|[^\\w.])(${entities.join('|')})\\.((?:\\w+\\.)*)(\\w*)$`);
const unitPattern = /(?:^|[^\w.:])\d+(?:\.\d+)?(\s*)([A-Za-z%]*(?:\/[a-z]*)?)$/;
const expressionPattern = /(?:^|[^\w.])(when|until|where|except|and|or|not|by|same|lowest|highest|==|!=|<=|>=|<|>|\(|\+|\*)\s*(\w*)$/;
/** `and` parts other things than conditions here: steps, clock times; and calendars follow `except`. */
const noExpression = /\b(?:on\s+failure|between)\b[^\n;]*\band\s+\w*$|\b(?:at|every|between|cron)\b[^\n;]*\bexcept\s+\w*$/;
const declarationPattern = /\b(policy|technique|scenario|sequence|param|let|group|for\s+each\s+host)\b/g;
const context = 200;

/** The place of the cursor at the end of `text`. */
export function placeAt(text: string): Place {
    const scanned = scan(text);
    if (scanned.kind !== 'code') return scanned;
    const before = scanned.code.slice(-context);
    const attribute = attributePattern.exec(before);
    if (attribute) {
        const [, entity = '', path = '', typed = ''] = attribute;
        return { kind: 'attribute', entity: entities.find((e) => e === entity) ?? 'vm', path: path.split('.').slice(0, -1), typed };
    }
    const unit = unitPattern.exec(before);
    // A number at the end of a line before is whole: the next line begins a clause.
    if (unit && !unit[1]?.includes('\n')) {
        const [found, gap = '', typed = ''] = unit;
        const leading = fold(before.slice(0, before.length - found.length + (/^\d/.test(found) ? 0 : 1)));
        return { kind: 'unit', spaced: gap !== '', before: leading, typed };
    }
    const expression = expressionPattern.exec(before);
    if (expression && !noExpression.test(before)) {
        const [, lead = '', typed = ''] = expression;
        return { kind: 'expression', lead, within: declarationAround(scanned.code), typed };
    }
    return { kind: 'word', typed: /[\w-]*$/.exec(before)?.[0] ?? '' };
}

function declarationAround(code: string): Declaration {
    const last = [...code.matchAll(declarationPattern)].at(-1)?.[1];
    return last === 'policy' || last === 'technique' ? last : 'other';
}

type Scanned = Extract<Place, { kind: 'comment' | 'string' }> | { readonly kind: 'code'; readonly code: string };

/** Walks over comments and strings; comments are left out of the code, strings stay in it. */
function scan(text: string): Scanned {
    let code = '';
    let at = 0;
    while (at < text.length) {
        if (text.startsWith('//', at)) {
            const end = text.indexOf('\n', at);
            if (end < 0) return { kind: 'comment' };
            at = end;
        } else if (text.startsWith('/*', at)) {
            const end = text.indexOf('*/', at + 2);
            if (end < 0) return { kind: 'comment' };
            at = end + 2;
        } else if (text[at] === '"') {
            const end = stringEnd(text, at + 1);
            if (end === undefined) return { kind: 'string', before: fold(code.slice(-context)), typed: text.slice(at + 1) };
            code += text.slice(at, end);
            at = end;
        } else {
            code += text[at] ?? '';
            at += 1;
        }
    }
    return { kind: 'code', code };
}

/** Just after the closing quote; a line break ends a string too; undefined where the text ends first. */
function stringEnd(text: string, from: number): number | undefined {
    for (let at = from; at < text.length; at += 1) {
        if (text[at] === '\\') at += 1;
        else if (text[at] === '"') return at + 1;
        else if (text[at] === '\n') return at;
    }
    return undefined;
}

const fold = (code: string): string => code.replace(/\s+/g, ' ').trimStart();
