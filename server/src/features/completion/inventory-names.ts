/** Which names of the inventory fit into a string, by the code that leads to it. */
import { findAttribute } from '@mig/language';
import type { Inventory, Tags } from '@mig/runtime/core';

export interface NameOffer {
    readonly name: string;
    /** What it is, shown beside it. */
    readonly detail: string;
}

interface Rule {
    /** Matched against the end of the code before the string. */
    readonly after: RegExp;
    readonly offer: (inventory: Inventory, match: readonly string[]) => readonly NameOffer[];
}

const comparison = String.raw`\s*(?:==|!=|in)\s*$`;

const rules: readonly Rule[] = [
    { after: new RegExp(String.raw`\b(?:host|source)\.zone${comparison}`), offer: (i) => counted(i, 'zone') },
    { after: new RegExp(String.raw`\b(?:host|source)\.rack${comparison}`), offer: (i) => counted(i, 'rack') },
    { after: new RegExp(String.raw`\b(?:host|source)\.name${comparison}|\bvm\.host${comparison}|\bhost\s*$`), offer: hosts },
    { after: new RegExp(String.raw`\bvm\.name${comparison}|\bvm\s*$`), offer: vms },
    { after: /\bvm\.tags\s+contains\s*$/, offer: (i) => tagPairs(vmTags(i)) },
    { after: /\b(?:host|source)\.tags\s+contains\s*$/, offer: (i) => tagPairs(i.hosts.map((h) => h.tags)) },
    { after: new RegExp(String.raw`\bvm\.tag\.(\w+)${comparison}`), offer: (i, [, tag = '']) => tagValues(vmTags(i), tag) },
    {
        after: new RegExp(String.raw`\b(?:host|source)\.tag\.(\w+)${comparison}`),
        offer: (i, [, tag = '']) =>
            tagValues(
                i.hosts.map((h) => h.tags),
                tag,
            ),
    },
    { after: /\bnetworks?\s*$/, offer: (i) => i.networks.map((n) => ({ name: n.name, detail: 'network' })) },
];

/** Names for the string that follows `before`. */
export function inventoryNames(inventory: Inventory, before: string): readonly NameOffer[] {
    for (const rule of rules) {
        const match = rule.after.exec(before);
        if (match) return unique(rule.offer(inventory, match));
    }
    return [];
}

/** Values of an attribute with a closed set of them: `vm.state == "`. */
export function attributeValues(before: string): readonly NameOffer[] {
    const [, entity, name] = new RegExp(String.raw`\b(vm|host|source)\.([\w.]+)${comparison}`).exec(before) ?? [];
    const attribute = entity === 'vm' || entity === 'host' || entity === 'source' ? findAttribute(entity, name ?? '') : undefined;
    return (attribute?.values ?? []).map((value) => ({ name: value, detail: `${entity}.${name}` }));
}

/** Tags that stand in the inventory, by name: what may follow `vm.tag.`. */
export function tagNames(inventory: Inventory, of: 'vm' | 'host'): readonly NameOffer[] {
    const sets = of === 'vm' ? vmTags(inventory) : inventory.hosts.map((host) => host.tags);
    return unique(sets.flatMap((tags) => Object.keys(tags).map((name) => ({ name, detail: `tag of a ${of === 'vm' ? 'VM' : 'host'}` }))));
}

function hosts(inventory: Inventory): readonly NameOffer[] {
    return inventory.hosts.map((host) => ({
        name: host.name,
        detail: ['host', host.zone && `in zone ${host.zone}`, host.maintenance && 'in maintenance'].filter(Boolean).join(' '),
    }));
}

function vms(inventory: Inventory): readonly NameOffer[] {
    const simulated = inventory.hosts.flatMap((host) =>
        (host.simulated?.vms ?? []).map((vm) => ({ name: vm.name, detail: `VM on ${host.name}` })),
    );
    return [...simulated, ...Object.keys(inventory.vmTags).map((name) => ({ name, detail: 'VM' }))];
}

function counted(inventory: Inventory, what: 'zone' | 'rack'): readonly NameOffer[] {
    const counts = new Map<string, number>();
    for (const host of inventory.hosts) {
        const name = host[what];
        if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return [...counts].map(([name, n]) => ({ name, detail: `${what} of ${n} ${n === 1 ? 'host' : 'hosts'}` }));
}

const vmTags = (inventory: Inventory): readonly Tags[] => [
    ...Object.values(inventory.vmTags),
    ...inventory.hosts.flatMap((host) => (host.simulated?.vms ?? []).map((vm) => vm.tags)),
];

const tagPairs = (sets: readonly Tags[]): readonly NameOffer[] =>
    sets
        .flatMap((tags) => Object.entries(tags).flatMap(([name, value]) => (value === '' ? [name] : [name, `${name}=${value}`])))
        .map((name) => ({ name, detail: 'tag' }));

const tagValues = (sets: readonly Tags[], tag: string): readonly NameOffer[] =>
    sets.flatMap((tags) => (tags[tag] ? [{ name: tags[tag], detail: `value of the tag ${tag}` }] : []));

/** By name, the first of each. */
function unique(offers: readonly NameOffer[]): readonly NameOffer[] {
    return [...new Map(offers.toReversed().map((offer) => [offer.name, offer])).values()].toSorted((a, b) =>
        a.name.localeCompare(b.name, 'en', { numeric: true }),
    );
}
