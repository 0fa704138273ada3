/** Whether the versions of a host can do what a technique asks for: refused before anything is touched. */
import {
    combinationFacts,
    facilities,
    facilitiesOf,
    type Facility,
    type MigrateSide,
    type MoveTechnique,
    partNames,
    spanText,
    type VersionFact,
    versionFacts,
    within,
} from '../../core/index.js';
import { HypervisorError } from './errors.js';

/** An option that is taken and has no effect is no refusal: the checker warns of it, and reading it back shows it. */
const refused: ReadonlySet<VersionFact['effect']> = new Set<VersionFact['effect']>(['missing', 'removed', 'broken']);

/** Errors: `feature-missing`, with the option, the host and what would do instead. A part that the host does not have is not asked. */
export function refuseByVersion(
    host: string,
    versions: { readonly libvirt?: string; readonly qemu: string },
    technique: MoveTechnique,
    side: MigrateSide,
): void {
    const uses = askedOf(technique);
    const asked = (all: readonly Facility[]): boolean => all.every((one) => uses.has(one));
    for (const { uses: needed, without, what, cure } of combinationFacts) {
        if (!asked(needed) || (without !== undefined && uses.has(without))) continue;
        throw unsuited(host, `${named(needed)} cannot be used on ${host}: ${what}`, cure);
    }
    for (const { uses: needed, part, at, wrong, effect, what } of versionFacts) {
        if (!refused.has(effect) || !asked(needed) || (at === 'source' && side === 'destination')) continue;
        const version = versions[part];
        if (version === undefined || !within(version, wrong)) continue;
        const runs = `${host} runs ${partNames[part]} ${version}`;
        throw unsuited(
            host,
            `${named(needed)} cannot be used on ${host}: ${runs}; ${what}`,
            `use ${partNames[part]} ${spanText(wrong)} on ${host}, or take ${named(needed)} out of the technique`,
        );
    }
}

export const askedOf = ({ live, postcopy, options }: MoveTechnique): ReadonlySet<Facility> =>
    facilitiesOf(postcopy ? 'postcopy' : live ? 'precopy' : 'stop-and-copy', options, []);

export const named = (uses: readonly Facility[]): string => uses.map((one) => facilities[one].name).join(' and ');

export const unsuited = (host: string, message: string, hint: string): HypervisorError =>
    new HypervisorError('feature-missing', host, message, { hint });
