import type * as ast from '../generated/ast.js';
import type { Bandwidth, Cap, CapScope } from '../program.js';
import { nothing, rateOrShare } from './amount.js';
import { calendarDays } from './calendar.js';
import { daysOf, zoneOf } from './clock.js';
import { timeOfDay } from './time-of-day.js';
import type { Context } from './context.js';

/** Caps that all hold, and the windows in which others take their place. */
export function bandwidth(node: ast.BandwidthClause, context: Context): Bandwidth {
    return {
        range: context.range(node),
        caps: caps(node.caps, context),
        windows: node.windows.map((window) => {
            const calendar = calendarDays(window, context);
            return {
                range: context.range(window),
                from: timeOfDay(window.from, context),
                to: timeOfDay(window.to, context),
                days: daysOf(window.days),
                ...(calendar && { calendar }),
                timeZone: zoneOf(window.zone, context.range(window, 'zone'), context),
                caps: caps(window.caps, context),
                atEnd: window.atEnd ?? 'finish',
            };
        }),
    };
}

const words: Readonly<Record<CapScope, string>> = { total: 'total', link: 'per link', host: 'per host', vm: 'per vm' };

function caps(nodes: readonly ast.Cap[], context: Context): readonly Cap[] {
    const found = nodes.map((node) => cap(node, context));
    for (const [index, one] of found.entries()) {
        if (!found.slice(0, index).some((other) => other.scope === one.scope && other.kind === one.kind)) continue;
        const what = one.kind === 'cap' ? 'A cap' : one.kind === 'floor' ? 'A floor' : 'A reserve';
        context.report('MIG004', one.range, `${what} '${words[one.scope]}' is given twice here.`, { hint: 'Keep one of the two.' });
    }
    return found;
}

function cap(node: ast.Cap, context: Context): Cap {
    const kind = node.reserve ? 'reserve' : node.floor ? 'floor' : 'cap';
    const scope: CapScope = node.total ? 'total' : (node.scope ?? 'link');
    const what = kind === 'cap' ? 'A cap' : kind === 'floor' ? 'A floor' : 'A reserve';
    const limit = rateOrShare(node.value, { what, unlimited: kind === 'cap' }, nothing, context);
    const range = context.range(node);
    if (kind !== 'cap' && limit.kind === 'unlimited') {
        context.report('MIG208', context.range(node.value), `${what} cannot be unlimited.`, { hint: 'Leave it out, or give a rate.' });
    }
    if (limit.kind === 'share' && scope === 'total') {
        context.report(
            'MIG203',
            context.range(node.value),
            "A total in percent is a share of nothing in particular: 'total' needs a rate.",
            {
                hint: "Write a rate such as 8 Gbit/s, or 'per link' with the share.",
            },
        );
    }
    return { scope, kind, limit, range };
}
