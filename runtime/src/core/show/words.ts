/** The words for techniques, caps, limits, promises and outcomes that plan, progress and report share. */
import { formatQuantity, type Promised, type Requirement, type TechniqueKind } from '@mig/language';
import type { PlanCap, PlanLimits, PlannedTechnique, PlanWindow } from '../model/plan.js';
import { counted } from './text.js';

const techniqueNames: Readonly<Record<TechniqueKind, string>> = {
    precopy: 'pre-copy',
    postcopy: 'post-copy',
    hybrid: 'hybrid',
    'stop-and-copy': 'stop-and-copy',
    'scatter-gather': 'scatter-gather',
    agile: 'agile',
    rdma: 'RDMA',
    'traffic-sensitive': 'traffic-sensitive',
};

/** `patient (pre-copy)`. */
export function techniqueText({ kind, name }: Pick<PlannedTechnique, 'kind' | 'name'>): string {
    const word = techniqueNames[kind];
    return name === undefined || name === word ? word : `${name} (${word})`;
}

/** `1 Gbit/s in all, 800 Mbit/s per VM`. */
export function capsText(caps: readonly PlanCap[]): string {
    const scopes = { total: 'in all', link: 'per link', host: 'per host', vm: 'per VM' } as const;
    return caps
        .map(({ scope, of, rate, kind, eachWay }) => {
            const where = of === undefined ? scopes[scope] : `for ${scope === 'vm' ? 'VM' : scope} ${of}`;
            return `${kind === 'floor' ? 'at least ' : ''}${formatQuantity(rate, 'rate')} ${where}${eachWay ? ' in each direction' : ''}`;
        })
        .join(', ');
}

const ends: Readonly<Record<Exclude<PlanWindow['atEnd']['kind'], 'cap' | 'finish'>, string>> = {
    abort: 'moves that are sending when it closes are stopped',
    'keep-caps': 'moves that are sending when it closes keep to its caps',
};

/** `between 08:00 and 18:00 (Europe/Berlin) 2 Gbit/s in all`. */
export function windowText({ because, caps, atEnd }: PlanWindow): string {
    const end =
        atEnd.kind === 'finish'
            ? ''
            : `; ${atEnd.kind === 'cap' ? `moves that are sending when it closes go on under ${formatQuantity(atEnd.rate, 'rate')} in all` : ends[atEnd.kind]}`;
    return `${because.text}${caps.length === 0 ? '' : ` ${capsText(caps)}`}${end}`;
}

/** `2 at once per host, 8 in all`. Limits of the daemons are named only where nothing else limits. */
export function limitsText(limits: PlanLimits): string {
    const rows: readonly (readonly [number | undefined, string])[] = [
        [limits.perHost, 'at once per host'],
        [limits.intoHost, 'at once into a host'],
        [limits.outOfHost, 'at once out of a host'],
        [limits.perLink, 'at once on a link'],
        [limits.inAll, 'at once in all'],
    ];
    const said = rows.flatMap(([count, words]) => (count === undefined ? [] : [`${count} ${words}`]));
    const workers = Object.values(limits.workers);
    if (said.length > 0 || workers.length === 0) return said.join(', ');
    return `none in the policy; the daemons allow ${Math.min(...workers)} at once per host`;
}

/** The metrics of promises that are measured in something else than time. */
const dimensions: Readonly<Record<Promised, 'duration' | 'size' | 'energy'>> = {
    downtime: 'duration',
    blackout: 'duration',
    brownout: 'duration',
    eviction: 'duration',
    duration: 'duration',
    traffic: 'size',
    energy: 'energy',
};

export const measureText = (metric: Promised, value: number): string => formatQuantity(value, dimensions[metric]);

/** `downtime at most 500 ms`. */
export function promiseText({ metric, operator, value }: Pick<Requirement, 'metric' | 'operator' | 'value'>): string {
    return `${metric} ${operator === '<=' ? 'at most' : 'below'} ${measureText(metric, value)}`;
}

/** `5 moved, 1 failed`. */
export function outcomesText(counts: ReadonlyMap<string, number>): string {
    return [...counts].flatMap(([word, n]) => (n === 0 ? [] : [`${n} ${word}`])).join(', ');
}

export const vms = (n: number): string => counted(n, 'VM');
