/** Why a technique cannot run: this runtime does not carry it out, or these hosts or this VM do not allow it. */
import { type FeatureId, features, featuresOfOptions, rungFeature, techniqueFeature, type TechniqueUse } from '@mig/language';
import type { PlannedTechnique } from '../model/plan.js';
import type { HostState } from '../model/snapshot.js';
import { facilities, facilitiesOf, type Facility } from '../versions/facilities.js';
import { type Effect, versionFacts } from '../versions/matrix.js';
import { within } from '../versions/span.js';
import { partNames } from '../versions/versions-of.js';
import { executable } from './executable.js';
import { moveTechnique } from './move-technique.js';
import type { Situation } from './situation.js';

/** What this runtime lacks for it, in words; undefined where it lacks nothing. */
export function whyNotYet(use: TechniqueUse): string | undefined {
    const needed: readonly FeatureId[] =
        use.kind === 'choose'
            ? ['technique.choose']
            : use.kind === 'goal'
              ? ['technique.goal']
              : [techniqueFeature[use.technique], ...featuresOfOptions(use.options), ...use.ladder.map(rungFeature)];
    const missing = [...new Set(needed)].filter((feature) => !executable.has(feature));
    if (missing.length === 0) return undefined;
    return `${missing.map((feature) => `${features[feature]} (${feature})`).join(', ')}, which cannot be carried out yet`;
}

/** What stands against it for this VM between these hosts; undefined where nothing does. */
export function whyNotHere(technique: PlannedTechnique, { vm, source, destination }: Situation): string | undefined {
    const switches = technique.kind === 'postcopy' || technique.kind === 'hybrid';
    if (switches && technique.options.never?.includes('postcopy') === true) return 'it says `never postcopy`';
    const copies = technique.options.storage?.some(({ mode }) => mode !== 'shared') === true;
    if (copies && moveTechnique(technique).postcopy) return 'post-copy and a copy of disks do not go together';
    if (switches && vm.state !== 'running') return `${vm.name} is ${vm.state}, and only a VM that runs can be switched to post-copy`;
    if (technique.options.dirtyLimit !== undefined && vm.dirtyRing === false)
        return `${vm.name} has no dirty ring, which its dirty limit needs`;
    const asked = facilitiesOf(technique.kind, technique.options, technique.ladder);
    return asked.size === 0 ? undefined : (lackOf(asked, source, true) ?? lackOf(asked, destination, false));
}

/** With these it does not run, or not to a good end; what is merely ignored is a finding of the checker. */
const prevents: ReadonlySet<Effect> = new Set<Effect>(['missing', 'removed', 'broken']);

/** A simulated host has no version of its own. */
function lackOf(asked: ReadonlySet<Facility>, host: HostState, isSource: boolean): string | undefined {
    if (host.driver === 'simulated') return undefined;
    for (const { uses, part, at, wrong, effect, what } of versionFacts) {
        const version = host.versions[part];
        if (version === undefined || !prevents.has(effect) || (at === 'source' && !isSource)) continue;
        if (!uses.every((facility) => asked.has(facility)) || !within(version, wrong)) continue;
        const names = uses.map((facility) => facilities[facility].name).join(' and ');
        return `${host.name} has ${partNames[part]} ${version}, and ${names}: ${what}`;
    }
    return undefined;
}
