/** What a rule would have to know of the hosts to judge what a program asks for (MIG400). */
import type { Policy } from '@mig/language';
import { attributesIn } from '../decide/evaluate.js';
import type { HostName, HostProvisions } from '../model/inventory.js';
import { isBelow } from '../versions/compare.js';
import { type Effect, type VersionFact, versionFacts } from '../versions/matrix.js';
import { floors, partNames } from '../versions/versions-of.js';
import { type Mover, moversOf } from './movers.js';
import { provisionsOf } from './provided.js';
import { reachOf } from './reach.js';
import type { HostRuleInput } from './rule.js';
import { saysImmovable } from './taken.js';
import { askedBy, techniquesOf } from './techniques.js';
import { isAsked, usesText } from './version-rule.js';

export interface Lack {
    /** What of the program cannot be judged: "parallel streams". */
    readonly what: string;
    /** For want of this: "the version of QEMU". */
    readonly of: string;
    /** Where it is wanting; none where it is wanting everywhere. */
    readonly hosts: readonly HostName[];
}

/** Versions that are not known where they would decide over something that is asked for. Of versions too old for everything, plans speak. */
export function versionsLacking(effects: readonly Effect[], input: HostRuleInput): readonly Lack[] {
    const reach = reachOf(input);
    const real = realHosts(input);
    const unknown = (part: VersionFact['part']): readonly HostName[] =>
        reach.hosts.filter(({ host, versions }) => versions[part] === undefined && real.has(host)).map(({ host }) => host);
    const hosts = { qemu: unknown('qemu'), libvirt: unknown('libvirt') };
    const facts = versionFacts.filter((fact) => effects.includes(fact.effect) && canMatter(fact) && hosts[fact.part].length > 0);
    const met = new Map<VersionFact, Set<HostName>>();
    if (facts.length === 0) return [];
    for (const mover of moversOf(input.program)) {
        for (const technique of techniquesOf(mover)) {
            const { when, hasFallback } = technique;
            if (hasFallback) continue;
            for (const fact of facts) {
                const known = met.get(fact) ?? new Set<HostName>();
                if (known.size === hosts[fact.part].length || !isAsked(fact, askedBy(technique))) continue;
                const takePart = hosts[fact.part].filter((host) => reach.canLeave(host, mover, when) || reach.canArrive(host, mover, when));
                met.set(fact, new Set([...known, ...takePart]));
            }
        }
    }
    return [...met].flatMap(([fact, where]) =>
        where.size === 0 ? [] : [{ what: usesText(fact.uses), of: `the version of ${partNames[fact.part]}`, hosts: [...where] }],
    );
}

const canMatter = ({ part, wrong }: VersionFact): boolean => wrong.below === undefined || isBelow(floors[part], wrong.below);

/** Hosts that these movers may leave or come to, and of which it is not known whether they provide something. */
export function provisionLacking(
    what: string,
    of: string,
    key: keyof HostProvisions,
    movers: readonly Mover[],
    input: HostRuleInput,
): readonly Lack[] {
    if (movers.length === 0) return [];
    const provided = provisionsOf(input);
    const reach = reachOf(input);
    const hosts = [...realHosts(input)].filter(
        (host) =>
            provided.get(host)?.[key] === undefined && movers.some((mover) => reach.canLeave(host, mover) || reach.canArrive(host, mover)),
    );
    return hosts.length === 0 ? [] : [{ what, of, hosts }];
}

/**
 * VMs that were not looked at, where a policy takes some from real hosts and leaves open what becomes of those that cannot
 * be moved. One that reads the attribute has thought of it.
 */
export function lookLacking(what: string, attribute: string | undefined, input: HostRuleInput): readonly Lack[] {
    const real = [...realHosts(input)];
    if (input.snapshot || real.length === 0) return [];
    const reach = reachOf(input);
    const isOpen = (policy: HostRuleInput['program']['policies'][number]): boolean =>
        !saysImmovable(policy) &&
        ![...policy.selection.where, ...policy.selection.except].some((condition) =>
            attributesIn(condition).some((read) => read.entity === 'vm' && read.attribute === attribute),
        );
    const some = input.program.policies.some((policy) => isOpen(policy) && real.some((host) => reach.canLeave(host, policy)));
    return some ? [{ what, of: 'a look at the VMs', hosts: [] }] : [];
}

/** What hangs on which VMs there are and where, where none was looked at and one of these policies may take some from real hosts. */
export function placesLacking(what: string, policies: readonly Policy[], input: HostRuleInput): readonly Lack[] {
    const real = [...realHosts(input)];
    if (input.snapshot || real.length === 0) return [];
    const reach = reachOf(input);
    const some = policies.some((policy) => real.some((host) => reach.canLeave(host, policy)));
    return some ? [{ what, of: 'a look at the VMs', hosts: [] }] : [];
}

/** A simulated host is as the inventory says: there is nothing to find out about it. */
function realHosts({ inventory }: HostRuleInput): ReadonlySet<HostName> {
    return new Set(inventory?.hosts.filter(({ driver }) => driver !== 'simulated').map(({ name }) => name));
}
