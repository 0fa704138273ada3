import type { BinaryOperator, ValueType } from '../program.js';
import type { Dimension } from '../units.js';

/** What each type of value is called in messages. */
export const typeNames: Readonly<Record<ValueType, string>> = {
    boolean: 'a condition',
    string: 'a text',
    strings: 'a set of texts',
    number: 'a bare number',
    duration: 'a duration',
    size: 'a size',
    rate: 'a rate',
    ratio: 'a share in percent',
    power: 'a power',
    energy: 'an energy',
    'time-of-day': 'a time of day',
};

/** How a type is written after `param name:`. */
export const writtenTypes: ReadonlyMap<string, ValueType> = new Map<string, ValueType>([
    ['boolean', 'boolean'],
    ['string', 'string'],
    ['set of string', 'strings'],
    ['number', 'number'],
    ['duration', 'duration'],
    ['size', 'size'],
    ['rate', 'rate'],
    ['share', 'ratio'],
    ['ratio', 'ratio'],
    ['power', 'power'],
    ['energy', 'energy'],
    ['time', 'time-of-day'],
]);

/** The type that a word of a file names: the parser leaves out what stands between `set`, `of` and `string`. */
export const typeWritten = (word: string): ValueType | undefined => writtenTypes.get(word.replace(/^setof/, 'set of '));

/** An example of each kind of quantity. */
export const examples: Readonly<Record<Dimension, string>> = {
    duration: '300 ms',
    size: '4 GiB',
    rate: '200 Mbit/s',
    ratio: '60%',
    power: '300 W',
    energy: '5 kJ',
};

/** The unit that a bare number most likely lacks. */
export const likelyUnits: Readonly<Record<Dimension, string>> = {
    duration: 's',
    size: 'GiB',
    rate: 'Mbit/s',
    ratio: '%',
    power: 'W',
    energy: 'J',
};

const quantities: ReadonlySet<ValueType> = new Set<ValueType>(['duration', 'size', 'rate', 'ratio', 'power', 'energy']);

export function isDimension(type: ValueType): type is Dimension {
    return quantities.has(type);
}

/**
 * What an operation gives, and what its plain result in base units must be multiplied with:
 * rates and powers count in seconds, durations in milliseconds.
 */
export interface Outcome {
    readonly type: ValueType;
    readonly factor: number;
}

const plain = (type: ValueType): Outcome => ({ type, factor: 1 });

const products: readonly (readonly [ValueType, ValueType, Outcome])[] = [
    ['rate', 'duration', { type: 'size', factor: 1 / 1000 }],
    ['power', 'duration', { type: 'energy', factor: 1 / 1000 }],
];

const quotients: readonly (readonly [ValueType, ValueType, Outcome])[] = [
    ['size', 'rate', { type: 'duration', factor: 1000 }],
    ['size', 'duration', { type: 'rate', factor: 1000 }],
    ['energy', 'power', { type: 'duration', factor: 1000 }],
    ['energy', 'duration', { type: 'power', factor: 1000 }],
];

/** What `left operator right` gives; undefined where it has no meaning. */
export function arithmetic(operator: '+' | '-' | '*' | '/', left: ValueType, right: ValueType): Outcome | undefined {
    const numeric = (type: ValueType): boolean => type === 'number' || isDimension(type);
    if (!numeric(left) || !numeric(right)) return undefined;
    switch (operator) {
        case '+':
        case '-':
            return left === right ? plain(left) : undefined;
        case '*':
            if (isScale(right)) return plain(left);
            if (isScale(left)) return plain(right);
            return products.find(([a, b]) => (a === left && b === right) || (a === right && b === left))?.[2];
        case '/':
            if (left === right) return plain('number');
            if (isScale(right)) return plain(left);
            return quotients.find(([a, b]) => a === left && b === right)?.[2];
    }
}

/** A number or a share scales anything. */
const isScale = (type: ValueType): boolean => type === 'number' || type === 'ratio';

const orders: ReadonlySet<BinaryOperator> = new Set<BinaryOperator>(['<', '<=', '>', '>=']);

/** Whether two types can be compared so. Texts have an order too: that of versions. */
export function comparable(operator: BinaryOperator, left: ValueType, right: ValueType): boolean {
    if (left !== right) return false;
    return !orders.has(operator) || (left !== 'boolean' && left !== 'strings');
}
