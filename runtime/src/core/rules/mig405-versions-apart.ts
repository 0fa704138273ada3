import { type PairFact, pairFacts } from '../versions/matrix.js';
import { spanText, within } from '../versions/span.js';
import { partNames } from '../versions/versions-of.js';
import { moversOf } from './movers.js';
import { type Reach, reachOf } from './reach.js';
import { evacuate, hostsFile } from './example.js';
import type { HostRule } from './rule.js';
import { askedBy, techniquesOf } from './techniques.js';
import { usesText } from './version-rule.js';
import { some } from './words.js';

export const versionsApart: HostRule = {
    id: 'MIG405',
    name: 'versions-apart',
    severity: 'error',
    needs: 'inventory',
    summary: 'A technique is used between two versions of QEMU that do not understand each other in it.',
    avoid: evacuate({ using: 'precopy { streams 4  after 5 min: abort }' }),
    prefer: evacuate(),
    files: {
        'hosts.yaml': hostsFile({
            old: { says: ['versions: { libvirt: 9.4.0, qemu: 7.2.22 }'] },
            new: { says: ['versions: { libvirt: 11.3.0, qemu: 9.2.0 }'] },
        }),
    },
    rationale:
        'Each host does well by itself, and every move between them in that direction fails: a rolling upgrade meets this half-way, ' +
        'when the first hosts are new and the rest are not.',
    source: 'https://gitlab.com/qemu-project/qemu/-/issues/2720',
    byPart: true,
    check: (input, report) => {
        const reach = reachOf(input);
        const suspects = pairFacts.flatMap((fact) => {
            const pairs = pairsOf(fact, reach);
            return pairs.length === 0 ? [] : [{ fact, pairs }];
        });
        if (suspects.length === 0) return;
        for (const mover of moversOf(input.program)) {
            for (const technique of techniquesOf(mover)) {
                if (technique.hasFallback) continue;
                const asked = askedBy(technique);
                for (const { fact, pairs } of suspects) {
                    if (!fact.uses.every((facility) => asked.has(facility))) continue;
                    const met = pairs.filter(([source, destination]) => reach.canGo(source, destination, mover, technique.when));
                    if (met.length === 0) continue;
                    const ways = some(met.map(([source, destination]) => `${source} to ${destination}`));
                    report(technique.range, `${usesText(fact.uses)} from ${ways}: ${fact.what}`, { hint: hintOf(fact) });
                }
            }
        }
    },
};

function pairsOf({ part, source, destination }: PairFact, reach: Reach): readonly (readonly [string, string])[] {
    const running = (span: PairFact['source']): readonly string[] =>
        reach.hosts.flatMap(({ host, versions }) => {
            const version = versions[part];
            return version !== undefined && within(version, span) ? [host] : [];
        });
    return running(source).flatMap((from) => running(destination).map((to) => [from, to] as const));
}

const hintOf = ({ part, source, destination }: PairFact): string =>
    `${partNames[part]} ${spanText(source)} at the source would do, or ${spanText(destination)} at the destination; else leave the option out`;
