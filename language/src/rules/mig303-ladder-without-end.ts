import { isInside } from '../places.js';
import type { Rung, TechniqueKind } from '../program.js';
import type { TextRule } from './rule.js';
import { techniquesIn } from './written.js';

/** Techniques that send memory again as the guest writes it: they end only when they catch up with it. */
export const mayNotConverge: ReadonlySet<TechniqueKind> = new Set<TechniqueKind>(['precopy', 'rdma', 'traffic-sensitive']);

/** What brings a move to its end, one way or the other. */
export const ends: ReadonlySet<Rung['action']['kind']> = new Set<Rung['action']['kind']>(['abort', 'switch-to-postcopy', 'pause']);

export const ladderWithoutEnd: TextRule = {
    id: 'MIG303',
    name: 'ladder-without-end',
    severity: 'warning',
    summary: 'A ladder that never switches, pauses or aborts: a busy VM may be sent for ever.',
    avoid: `technique patient = precopy {
  downtime 300 ms
  when stalled for 3 iterations: downtime 450 ms
  when stalled for 5 iterations: throttle 20% step 10% up to 80%
}
policy drain { when host is in maintenance  move vms on host  to hosts  using patient }
`,
    prefer: `technique patient = precopy {
  downtime 300 ms
  when stalled for 3 iterations: downtime 450 ms
  when stalled for 5 iterations: throttle 20% step 10% up to 80%
  after 10 min: abort
}
policy drain { when host is in maintenance  move vms on host  to hosts  using patient }
`,
    rationale:
        'Pre-copy ends when what is left can be sent within the downtime limit. A guest that writes faster than the link carries never gets there: more downtime and throttling make it likelier, and neither makes it sure. Such a move holds its link, its place in the queue and memory at both ends until somebody notices, and the host that it was to leave is not empty when its maintenance begins.',
    source: 'Issues and designs of KubeVirt, Nova, oVirt and Proxmox: the first wish after safety is convergence without a person and a last step always defined. The ladders of oVirt (minimal downtime, post-copy, suspend) and of KubeVirt all end in an abort, a switch or a pause.',
    byPart: true,
    check: (input, report) => {
        for (const one of techniquesIn(input)) {
            const { technique, ladder } = one.use;
            const last = ladder.at(-1);
            if (!last || !mayNotConverge.has(technique) || ladder.some((rung) => ends.has(rung.action.kind))) continue;
            const end = { ...last.range, start: last.range.end };
            const fix = { title: 'Add after 10 min: abort', edits: [{ range: end, newText: '; after 10 min: abort' }] };
            report(
                one.use.range,
                `The ladder of '${one.name}' has no end: ${ladder.length === 1 ? 'its only rung does not switch to post-copy, pause or abort' : `none of its ${ladder.length} rungs switches to post-copy, pauses or aborts`}.`,
                {
                    hint: 'Add a last rung, such as after 10 min: abort.',
                    fixes: isInside(last.range, one.owner) ? [fix] : [],
                },
            );
        }
    },
};
