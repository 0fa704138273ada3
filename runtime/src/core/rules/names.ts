import { type Finding, type Mention, nearest, type Program } from '@mig/language';
import { unknownPlaces } from '../decide/around.js';
import type { Inventory, Tags } from '../model/inventory.js';
import type { Snapshot } from '../model/snapshot.js';

/**
 * MIG121 to MIG126: names in the program that the inventory (and what was observed) does not have.
 * Without a Snapshot nothing is said of VMs, and of tags only where no VM could bear them.
 */
export function unknownNames(program: Program, inventory: Inventory, snapshot: Snapshot | undefined): readonly Finding[] {
    const known = namesKnown(inventory, snapshot);
    const scenarios = program.scenarios.map((scenario) => scenario.range);
    const excepted = program.policies.flatMap(({ selection }) => selection.except.map(({ range }) => range));
    const mentioned = program.mentions.flatMap((mention) => {
        // A scenario may make up hosts and VMs of its own.
        if (scenarios.some((range) => within(mention.range, range))) return [];
        const names = known[mention.of];
        if (names === undefined || names.has(mention.name)) return [];
        const found = finding(mention, names, snapshot);
        // An exception is for those that will bear the tag one day.
        return found.severity === 'info' && excepted.some((range) => within(mention.range, range)) ? [] : [found];
    });
    return [...mentioned, ...unknownPlaces(program, inventory)];
}

const rows: Readonly<Record<Mention['of'], { readonly id: string; readonly severity: Finding['severity']; readonly where: string }>> = {
    host: { id: 'MIG121', severity: 'error', where: 'the inventory has no host' },
    vm: { id: 'MIG122', severity: 'error', where: 'no host runs a VM' },
    zone: { id: 'MIG123', severity: 'error', where: 'no host of the inventory is in a zone' },
    rack: { id: 'MIG124', severity: 'error', where: 'no host of the inventory is in a rack' },
    tag: { id: 'MIG125', severity: 'warning', where: 'no VM and no host has a tag' },
    network: { id: 'MIG126', severity: 'error', where: 'no host has a network' },
};

function finding(mention: Mention, known: ReadonlySet<string>, snapshot: Snapshot | undefined): Finding {
    const { id, severity, where } = rows[mention.of];
    const near = nearestIn(known, mention.name);
    const silent = (snapshot?.hosts ?? []).filter((host) => host.unreachable !== undefined).map((host) => host.name);
    const mayBeThere = mention.of === 'vm' && silent.length > 0;
    const hint =
        near !== undefined
            ? `did you mean "${near}"?`
            : known.size > 0 && known.size <= 12
              ? `known: ${[...known].sort().join(', ')}`
              : undefined;
    // Policies speak of tags that no VM bears at present; only one that looks like a slip of the pen is worth a warning.
    const likely = mention.of !== 'tag' || near !== undefined;
    return {
        id,
        severity: mayBeThere ? 'warning' : likely ? severity : 'info',
        message: `${where} "${mention.name}"${mayBeThere ? ` (but ${silent.join(', ')} does not answer)` : ''}`,
        hint,
        range: mention.range,
        fixes:
            near === undefined || !isQuotedName(mention)
                ? []
                : // Another host or VM than was meant would be moved: a person has to see it.
                  [{ title: `Change to "${near}"`, edits: [{ range: mention.range, newText: `"${near}"` }], asks: true }],
    };
}

/** Looked for once: hundreds of policies may speak of one tag that none of a thousand VMs bears. */
function nearestIn(known: ReadonlySet<string>, name: string): string | undefined {
    let found = nearby.get(known);
    if (!found) nearby.set(known, (found = new Map<string, string | undefined>()));
    // In an editor a name is written in many ways before it is finished.
    if (found.size > 10_000) found.clear();
    if (!found.has(name)) found.set(name, nearest(name, [...known]));
    return found.get(name);
}

const nearby = new WeakMap<ReadonlySet<string>, Map<string, string | undefined>>();

/** Whether the range is that of the name in quotes and nothing else: only then can the name be put in its place. */
function isQuotedName({ name, range: { start, end } }: Mention): boolean {
    return start.line === end.line && end.character - start.character === name.length + 2;
}

type Known = Readonly<Record<Mention['of'], ReadonlySet<string> | undefined>>;

/** Read together once for the same hosts and VMs. */
function namesKnown(inventory: Inventory, snapshot: Snapshot | undefined): ReturnType<typeof namesOf> {
    const of = namesSeen.get(inventory);
    if (of && of.snapshot === snapshot) return of.names;
    const names = namesOf(inventory, snapshot);
    namesSeen.set(inventory, { snapshot, names });
    return names;
}

const namesSeen = new WeakMap<Inventory, { readonly snapshot: Snapshot | undefined; readonly names: ReturnType<typeof namesOf> }>();

function namesOf(inventory: Inventory, snapshot: Snapshot | undefined): Known {
    const { hosts, networks } = inventory;
    const tagSets = [...hosts.map((host) => host.tags), ...Object.values(inventory.vmTags), ...(snapshot?.vms ?? []).map((vm) => vm.tags)];
    const named = [
        ...networks.map((network) => network.name),
        ...hosts.flatMap((host) => [...host.links.map((link) => link.network), ...(host.migration ? [host.migration.network] : [])]),
        ...(snapshot?.hosts ?? []).flatMap((host) => host.networks),
    ];
    return {
        host: new Set(hosts.map((host) => host.name)),
        vm: snapshot && new Set(snapshot.vms.map((vm) => vm.name)),
        zone: present(hosts.map((host) => host.zone)),
        rack: present(hosts.map((host) => host.rack)),
        tag: snapshot && new Set(tagSets.flatMap(spellings)),
        network: snapshot || named.length > 0 ? new Set(named) : undefined,
    };
}

const present = (names: readonly (string | undefined)[]): ReadonlySet<string> => new Set(names.filter((name) => name !== undefined));

const spellings = (tags: Tags): readonly string[] =>
    Object.entries(tags).flatMap(([name, value]) => (value === '' ? [name] : [name, `${name}=${value}`]));

function within(inner: Mention['range'], outer: Mention['range']): boolean {
    if (inner.source !== outer.source) return false;
    const before = (a: Mention['range']['start'], b: Mention['range']['start']): boolean =>
        a.line < b.line || (a.line === b.line && a.character <= b.character);
    return before(outer.start, inner.start) && before(inner.end, outer.end);
}
