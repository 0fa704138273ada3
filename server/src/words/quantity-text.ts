import { type Dimension, formatQuantity, parseQuantity, type Unit, units } from '@mig/language';

/** The units in which a quantity is worth seeing a second time, by dimension. */
const others: Readonly<Record<Dimension, readonly string[]>> = {
    duration: ['ms', 's', 'min', 'h'],
    size: ['MiB', 'GiB', 'MB', 'GB'],
    rate: ['Mbit/s', 'Gbit/s', 'MiB/s', 'MB/s'],
    ratio: [],
    power: ['W', 'kW'],
    energy: ['kJ', 'Wh', 'kWh'],
};
/** Beyond these a figure in that unit says nothing to a reader. */
const legible = { least: 0.01, most: 100_000 };
const digits = 4;

/** A quantity as written, with the same quantity in other units; undefined where the text is no quantity. */
export function describeQuantity(text: string): string | undefined {
    const read = parseQuantity(text);
    if (!read.ok) return undefined;
    const same = others[read.dimension]
        .map((symbol) => units.find((unit) => unit.symbol === symbol))
        .filter((unit): unit is Unit => unit !== undefined && unit.symbol !== read.unit.symbol)
        .map((unit) => ({ unit, figure: read.value / unit.factor }))
        .filter(({ figure }) => figure >= legible.least && figure <= legible.most)
        .map(({ unit, figure }) => `${Number(figure.toPrecision(digits))} ${unit.symbol}`);
    const title = `**${text.trim()}**: a ${read.dimension === 'ratio' ? 'share' : read.dimension}`;
    return same.length === 0 ? title : `${title}\n\n= ${same.join(' = ')}`;
}

/** A value of a known dimension in the unit that reads best; other values as they are. */
export function describeValue(value: number | string | boolean, type: string): string {
    if (typeof value === 'number' && isDimension(type)) return formatQuantity(value, type);
    return typeof value === 'string' ? `"${value}"` : String(value);
}

const isDimension = (type: string): type is Dimension => type in others;
