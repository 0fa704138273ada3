/** Why a technique cannot run: this runtime does not carry it out, or these hosts or this VM do not allow it. */
import {
    type FeatureId,
    features,
    featuresOfOptions,
    formatQuantity,
    type Rung,
    rungFeature,
    techniqueFeature,
    type TechniqueOptions,
    type TechniqueUse,
} from '@mig/language';
import type { PlannedTechnique } from '../model/plan.js';
import type { HostState } from '../model/snapshot.js';
import { facilities, facilitiesOf, type Facility } from '../versions/facilities.js';
import { combinationFacts, type Effect, pairFacts, versionFacts } from '../versions/matrix.js';
import { spanText, within } from '../versions/span.js';
import { type Part, partNames } from '../versions/versions-of.js';
import { libvirtStep } from './bandwidth.js';
import { executable } from './executable.js';
import { moveTechnique } from './move-technique.js';
import { qmpLack } from './qmp-call.js';
import type { Situation } from './situation.js';
import { copiesDisks, whyDisksStay } from './storage.js';
import { tlsLack, type TlsEnd } from './tls.js';

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
export function whyNotHere(technique: PlannedTechnique, situation: Situation): string | undefined {
    const { world, vm, source, destination } = situation;
    const switches = technique.kind === 'postcopy' || technique.kind === 'hybrid';
    if (switches && technique.options.never?.includes('postcopy') === true) return 'it says `never postcopy`';
    if (copiesDisks(technique.options) && moveTechnique(technique).postcopy) return 'post-copy and a copy of disks do not go together';
    if (switches && vm.state !== 'running') return `${vm.name} is ${vm.state}, and only a VM that runs can be switched to post-copy`;
    if (technique.options.dirtyLimit !== undefined && vm.dirtyRing === false)
        return `${vm.name} has no dirty ring, which its dirty limit needs`;
    const undone = source.driver === 'qemu' ? qmpLack(technique) : undefined;
    if (undone !== undefined) return undone;
    const unencrypted = technique.options.tls === true ? tlsLack(tlsEnd(source), tlsEnd(destination), world.snapshot.takenAt) : undefined;
    if (unencrypted !== undefined) return `it asks for TLS, and ${unencrypted}`;
    const asked = facilitiesOf(technique.kind, technique.options, technique.ladder);
    return (
        whyDisksStay(technique, situation) ??
        thinCap(technique, source) ??
        deniedMonitor(technique, source) ??
        (asked.size === 0
            ? undefined
            : (apart(asked) ?? lackOf(asked, source, true) ?? lackOf(asked, destination, false) ?? unlike(asked, source, destination)))
    );
}

const tlsEnd = ({ name, provides, migration }: HostState): TlsEnd => ({ name, provides, address: migration?.address });

/** libvirt has no call for these: QEMU's own monitor is used at the source, if the inventory lets it be. */
function deniedMonitor({ options, ladder }: PlannedTechnique, source: HostState): string | undefined {
    if (source.driver !== 'libvirt' || source.monitor !== 'deny') return undefined;
    const need = needsMonitor(options, ladder);
    return need && `${need} goes through QEMU's monitor, which the inventory denies on ${source.name}: write monitor: allow there`;
}

/** What of a technique libvirt has no call for, in words. What `never` forbids asks for nothing. */
export function needsMonitor(options: TechniqueOptions, ladder: readonly Rung[]): string | undefined {
    if (options.never?.includes('throttle') === true) return undefined;
    if (ladder.some(({ action }) => action.kind === 'throttle')) return 'a rung that throttles';
    return options.throttle?.max === undefined ? undefined : '`throttle … up to`';
}

/** libvirt counts caps in whole MiB/s: one below that cannot be set, and is not passed either. */
function thinCap({ options, ladder }: PlannedTechnique, source: HostState): string | undefined {
    if (source.driver !== 'libvirt') return undefined;
    const caps = [
        ['postcopy bandwidth', options.postcopyBandwidth],
        ...ladder.map(({ action }) => ['a rung `bandwidth`', action.kind === 'bandwidth' ? action.rate : undefined] as const),
        ...(options.storage ?? []).map(({ cap }) => ['the cap of a copy of disks', cap] as const),
    ] as const;
    const thin = caps.find(([, cap]) => typeof cap === 'number' && cap < libvirtStep);
    if (!thin || typeof thin[1] !== 'number') return undefined;
    const least = formatQuantity(libvirtStep, 'rate');
    return `${thin[0]} is ${formatQuantity(thin[1], 'rate')}, and libvirt on ${source.name} takes no cap below ${least}`;
}

/** What cannot be had together, whatever the versions. */
function apart(asked: ReadonlySet<Facility>): string | undefined {
    const fact = combinationFacts.find(
        ({ uses, without }) => uses.every((facility) => asked.has(facility)) && (without === undefined || !asked.has(without)),
    );
    if (!fact) return undefined;
    const without = fact.without === undefined ? '' : ` without ${namesOf([fact.without])}`;
    return `${namesOf(fact.uses)}${without}: ${fact.what}; ${fact.cure}`;
}

/** Two versions that do not understand each other. */
function unlike(asked: ReadonlySet<Facility>, source: HostState, destination: HostState): string | undefined {
    for (const { uses, part, source: from, destination: to, what } of pairFacts) {
        const [here, there] = [realVersion(source, part), realVersion(destination, part)];
        if (here === undefined || there === undefined || !uses.every((facility) => asked.has(facility))) continue;
        if (!within(here, from) || !within(there, to)) continue;
        const name = partNames[part];
        return (
            `${namesOf(uses)} from ${name} ${here} on ${source.name} to ${name} ${there} on ${destination.name}: ${what}; ` +
            `${spanText(from)} at the source would do, or ${spanText(to)} at the destination`
        );
    }
    return undefined;
}

/** With these it does not run, or not to a good end, or not as it was asked for. */
const prevents: ReadonlySet<Effect> = new Set<Effect>(['missing', 'removed', 'broken', 'ignored']);

/** A simulated host has no version of its own. */
const realVersion = (host: HostState, part: Part): string | undefined => (host.driver === 'simulated' ? undefined : host.versions[part]);

const namesOf = (uses: readonly Facility[]): string => uses.map((facility) => facilities[facility].name).join(' and ');

function lackOf(asked: ReadonlySet<Facility>, host: HostState, isSource: boolean): string | undefined {
    for (const { uses, part, at, wrong, effect, what } of versionFacts) {
        const version = realVersion(host, part);
        if (version === undefined || !prevents.has(effect) || (at === 'source' && !isSource)) continue;
        if (!uses.every((facility) => asked.has(facility)) || !within(version, wrong)) continue;
        return `${host.name} has ${partNames[part]} ${version}, and ${namesOf(uses)}: ${what}; ${partNames[part]} ${spanText(wrong)} would do`;
    }
    return undefined;
}
