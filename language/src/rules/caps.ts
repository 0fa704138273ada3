/** How caps of different scopes stand to each other. A move loads its VM's share, two hosts, two links and the total. */
import { isInside } from '../places.js';
import * as ast from '../generated/ast.js';
import type { Cap, CapScope, Policy } from '../program.js';
import { formatQuantity } from '../units.js';
import type { RuleInput } from './rule.js';
import { nodeOf } from './written.js';

/** Caps that hold together: those that always hold, or those of a window with the others that it leaves in force. */
export interface CapSet {
    readonly caps: readonly Cap[];
    /** `between 08:00 and 18:00`; undefined: outside all windows. */
    readonly during: string | undefined;
}

/** The scopes that a narrower one is part of, itself first: what a VM sends also counts for its host, its link and in all. */
export const around: Readonly<Record<CapScope, readonly CapScope[]>> = {
    vm: ['vm', 'link', 'host', 'total'],
    link: ['link', 'host', 'total'],
    host: ['host', 'total'],
    total: ['total'],
};

/** What holds at one time or another, where the policy says it itself. */
export function capSetsOf(policy: Policy): readonly CapSet[] {
    const { bandwidth } = policy;
    if (!bandwidth || !isInside(bandwidth.range, policy.range)) return [];
    return [
        { caps: bandwidth.caps, during: undefined },
        ...bandwidth.windows.map((window) => ({
            caps: [
                ...window.caps,
                ...bandwidth.caps.filter((cap) => !window.caps.some((other) => other.scope === cap.scope && other.kind === cap.kind)),
            ],
            during: `between ${clock(window.from)} and ${clock(window.to)}`,
        })),
    ];
}

/** A cap as it is written, `per vm at least 200 Mbit/s`, with its figure where it names a param. */
export function capText(cap: Cap, { document, context }: RuleInput): string {
    const isHere = cap.range.source === context.range(document.parseResult.value).source;
    const written = isHere ? document.textDocument.getText(cap.range).replaceAll(/\s+/g, ' ') : '';
    return /\d/.test(written) ? written : reckonedText(cap);
}

function reckonedText({ scope, kind, limit }: Cap): string {
    const where =
        kind === 'reserve' ? (scope === 'link' ? 'reserve' : `reserve per ${scope}`) : scope === 'total' ? 'total' : `per ${scope}`;
    const value =
        limit.kind === 'rate'
            ? formatQuantity(limit.rate, 'rate')
            : limit.kind === 'share'
              ? formatQuantity(limit.share, 'ratio')
              : 'unlimited';
    return `${where}${kind === 'floor' ? ' at least' : ''} ${value}`;
}

/** Whether the first allows less than the second demands or allows: only rates, or shares of one thing, can be compared. */
export function isLess(a: Cap, b: Cap): boolean {
    if (a.limit.kind === 'rate' && b.limit.kind === 'rate') return a.limit.rate < b.limit.rate;
    return a.limit.kind === 'share' && b.limit.kind === 'share' && a.scope === b.scope && a.limit.share < b.limit.share;
}

/** Caps whose figures are reckoned from params: another value may be set from outside, and make them sensible again. */
export function setFromOutside(policy: Policy, input: RuleInput): ReadonlySet<string> {
    const clause = nodeOf(policy, input)?.clauses.find(ast.isBandwidthClause);
    const nodes = clause ? [...clause.caps, ...clause.windows.flatMap((window) => window.caps)] : [];
    return new Set(nodes.filter((node) => !isWrittenOut(node.value)).map((node) => keyOf(input.context.range(node))));
}

export const keyOf = ({ start }: Cap['range']): string => `${start.line}:${start.character}`;

function isWrittenOut(node: ast.Expression): boolean {
    return ast.isQuantityLiteral(node) || ast.isNumberLiteral(node) || ast.isUnlimitedLiteral(node);
}

const clock = (minutes: number): string => `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
