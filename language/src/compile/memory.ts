import type { AstNode } from 'langium';
import { AstUtils } from 'langium';
import type { Finding } from '../finding.js';
import { type Declaration, isDeclaration } from '../generated/ast.js';
import { referencesIn } from '../link/references.js';
import type { FeatureUse, HostSequence, Policy } from '../program.js';
import type { Context } from './context.js';
import { docOf } from './doc.js';
import type { Observed } from './observed.js';

/**
 * Stands for a declaration as it is: the same object as long as the declaration and everything that it names, directly or
 * not, stand unchanged in their places.
 */
interface Stamp {
    /** Where it stands, and the comment before it, which belongs to it and is no part of its node. */
    readonly place: string;
    /** What its names stand for, in the order of the text. */
    readonly targets: readonly (AstNode | undefined)[];
    /** The stamps of the declarations that these are or stand in. */
    readonly stamps: readonly Stamp[];
}

/** What is done with a declaration, or taken over from the last time where nothing that it follows from has changed. */
export interface Recall {
    /** Checks one that others use. */
    readonly checked: Work;
    /** Compiles one that runs something. */
    readonly compiled: Work;
    /** Judges one by rules; undefined where nothing is taken over. */
    readonly judged: ((declaration: Declaration, judge: () => readonly Finding[]) => readonly Finding[]) | undefined;
}

/** What the work reports is reported again. */
type Work = <T>(declaration: Declaration, work: () => T) => T;

/** Does all work anew. */
export const anew: Recall = { checked: (_, work) => work(), compiled: (_, work) => work(), judged: undefined };

interface Done {
    readonly result: unknown;
    readonly findings: readonly Finding[];
}

/**
 * What earlier compilations of a file made of its declarations. What is made of a declaration follows from its text, from its
 * place, and from what it names: where these are as they were, so is the result. Params are to have the same values each time.
 */
export class CompileMemory {
    /** What is read off compiled parts. */
    readonly observed = new WeakMap<Policy | HostSequence, Observed>();
    readonly uses = new WeakMap<Policy, readonly FeatureUse[]>();
    private readonly stamps = new WeakMap<Declaration, Stamp>();
    private readonly checked = new WeakMap<Stamp, Done>();
    private readonly compiled = new WeakMap<Stamp, Done>();
    private readonly judged = new WeakMap<Stamp, readonly Finding[]>();

    /** For one compilation. */
    recalling(context: Context): Recall {
        const stamps = new CurrentStamps(this.stamps, context);
        const known = <T>(results: WeakMap<Stamp, T>, declaration: Declaration, make: () => T): T => {
            const stamp = stamps.of(declaration);
            const result = results.get(stamp) ?? make();
            results.set(stamp, result);
            return result;
        };
        const into =
            (results: WeakMap<Stamp, Done>): Work =>
            (declaration, work) => {
                const { result, findings } = known(results, declaration, () => context.collect(work));
                context.add(findings);
                return result as ReturnType<typeof work>;
            };
        return {
            checked: into(this.checked),
            compiled: into(this.compiled),
            judged: (declaration, judge) => known(this.judged, declaration, judge),
        };
    }
}

class CurrentStamps {
    private readonly earlier: WeakMap<Declaration, Stamp>;
    private readonly context: Context;
    private readonly known = new Map<Declaration, Stamp>();
    /** Those whose targets are being stamped. */
    private readonly begun = new Map<Declaration, Needs>();

    constructor(earlier: WeakMap<Declaration, Stamp>, context: Context) {
        this.earlier = earlier;
        this.context = context;
    }

    of(declaration: Declaration): Stamp {
        // A line of declarations that name each other may be longer than the stack is deep.
        const waiting: Declaration[] = [declaration];
        for (let next = waiting.at(-1); next; next = waiting.at(-1)) {
            const needs = this.begun.get(next) ?? needsOf(next);
            const missing = this.begun.has(next) ? [] : needs.declarations.filter((one) => !this.known.has(one) && !this.begun.has(one));
            this.begun.set(next, needs);
            if (missing.length === 0) {
                waiting.pop();
                if (!this.known.has(next)) this.known.set(next, this.stamp(next, needs));
            } else waiting.push(...missing);
        }
        const found = this.known.get(declaration);
        if (!found) throw new Error(`${declaration.name} has no stamp`);
        return found;
    }

    private stamp(declaration: Declaration, { targets, declarations }: Needs): Stamp {
        const { source, start } = this.context.range(declaration);
        const place = `${source}:${start.line}:${start.character} ${docOf(declaration) ?? ''}`;
        // One that needs itself, directly or not, is made anew each time.
        const stamps = declarations.map((one) => this.known.get(one) ?? { place: '', targets: [], stamps: [] });
        const before = this.earlier.get(declaration);
        if (before?.place === place && isSame(before.targets, targets) && isSame(before.stamps, stamps)) return before;
        const made: Stamp = { place, targets, stamps };
        this.earlier.set(declaration, made);
        return made;
    }
}

interface Needs {
    readonly targets: readonly (AstNode | undefined)[];
    readonly declarations: readonly Declaration[];
}

function needsOf(declaration: Declaration): Needs {
    const targets = referencesIn(declaration).map(({ reference }) => ('ref' in reference ? reference.ref : undefined));
    const needed = new Set<Declaration>();
    for (const target of targets) {
        const other = target && AstUtils.getContainerOfType(target, isDeclaration);
        if (other && other !== declaration) needed.add(other);
    }
    return { targets, declarations: [...needed] };
}

const isSame = (a: readonly unknown[], b: readonly unknown[]): boolean =>
    a.length === b.length && a.every((one, index) => one === b[index]);
