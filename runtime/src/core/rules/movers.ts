import type { Dedup, HostSequence, Policy, Program, SourceRange, TechniqueUse } from '@mig/language';

/** What moves VMs: a policy, or a sequence that drains hosts. */
export interface Mover {
    readonly name: string;
    readonly selection: Pick<Policy['selection'], 'from' | 'where'>;
    readonly destination: Pick<Policy['destination'], 'where'> & Partial<Pick<Policy['destination'], 'range'>>;
    readonly technique: readonly TechniqueUse[];
    readonly dedup?: Dedup | undefined;
    readonly range: SourceRange;
}

/** The same objects each time: rules keep what they know of each. */
export function moversOf(program: Program): readonly Mover[] {
    let found = movers.get(program);
    if (!found) movers.set(program, (found = [...program.policies, ...program.sequences.flatMap(drainsOf)]));
    return found;
}

const movers = new WeakMap<Program, readonly Mover[]>();

/** A sequence drains its hosts, and may bring the VMs back to them in the same way. */
function drainsOf({ name, hosts, steps, range }: HostSequence): readonly Mover[] {
    const technique = steps.flatMap((step) => (step.kind === 'drain' ? step.technique : []));
    if (technique.length === 0) return [];
    const there = { name: name ?? 'the sequence', technique, range };
    const away: Mover = { ...there, selection: { from: { kind: 'hosts', where: hosts, range }, where: [] }, destination: { where: [] } };
    const back: Mover = {
        ...there,
        selection: { from: { kind: 'all', range }, where: [] },
        destination: { where: hosts ? [hosts] : [] },
    };
    return steps.some(({ kind }) => kind === 'return-moved-vms') ? [away, back] : [away];
}
