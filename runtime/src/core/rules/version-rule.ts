/** What the rules that read the version matrix have in common. */
import { facilities, type Facility } from '../versions/facilities.js';
import { type Effect, type VersionFact, versionFacts } from '../versions/matrix.js';
import { spanText, within } from '../versions/span.js';
import { type HostVersions, partNames } from '../versions/versions-of.js';
import { type Mover, moversOf } from './movers.js';
import { type Reach, reachOf } from './reach.js';
import type { HostReport, HostRuleInput } from './rule.js';
import { askedBy, type MeantTechnique, techniquesOf } from './techniques.js';
import { some } from './words.js';

/** Reports what techniques ask for of hosts whose versions have one of these effects on it. */
export function checkVersions(effects: readonly Effect[], input: HostRuleInput, report: HostReport): void {
    const reach = reachOf(input);
    const suspects = suspectsAmong(
        reach.hosts,
        versionFacts.filter((fact) => effects.includes(fact.effect)),
    );
    if (suspects.length === 0) return;
    for (const mover of moversOf(input.program)) {
        for (const technique of techniquesOf(mover)) {
            // Where a host cannot do it as it is asked for, the next technique is used (decide/technique-lack.ts).
            if (technique.hasFallback) continue;
            const asked = askedBy(technique);
            for (const { fact, hosts } of suspects) {
                if (!isAsked(fact, asked)) continue;
                const met = hosts.filter(({ host }) => takesPart(host, fact, mover, technique, reach));
                if (met.length === 0) continue;
                report(technique.range, versionMessage(fact, met), { hint: versionHint(fact) });
            }
        }
    }
}

/** A row, and the hosts with the versions that it speaks of. */
export interface Suspect {
    readonly fact: VersionFact;
    /** At least one. */
    readonly hosts: readonly { readonly host: string; readonly version: string }[];
}

export function suspectsAmong(hosts: readonly HostVersions[], facts: readonly VersionFact[]): readonly Suspect[] {
    return facts.flatMap((fact) => {
        const met = hosts.flatMap(({ host, versions }) => {
            const version = versions[fact.part];
            return version !== undefined && within(version, fact.wrong) ? [{ host, version }] : [];
        });
        return met.length === 0 ? [] : [{ fact, hosts: met }];
    });
}

export const isAsked = ({ uses }: Pick<VersionFact, 'uses'>, asked: ReadonlySet<Facility>): boolean =>
    uses.every((facility) => asked.has(facility));

function takesPart(host: string, { at }: VersionFact, mover: Mover, { when }: MeantTechnique, reach: Reach): boolean {
    return reach.canLeave(host, mover, when) || (at !== 'source' && reach.canArrive(host, mover, when));
}

export function versionMessage({ uses, part, what }: VersionFact, hosts: Suspect['hosts']): string {
    const versions = [...new Set(hosts.map(({ version }) => version))];
    const where = versions.map((version) => {
        const names = hosts.filter((each) => each.version === version).map(({ host }) => host);
        return `${some(names)} (${partNames[part]} ${version})`;
    });
    return `${usesText(uses)} on ${where.join(' and ')}: ${what}`;
}

export const versionHint = ({ part, wrong, uses }: VersionFact): string =>
    `${partNames[part]} ${spanText(wrong)} would do; else leave out ${uses.map((facility) => facilities[facility].name).join(' or ')}, or keep these hosts out of the policy`;

export const usesText = (uses: readonly Facility[]): string => uses.map((facility) => facilities[facility].name).join(' and ');
