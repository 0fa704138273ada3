import { type Expression, formatQuantity, type Policy } from '@mig/language';
import type { HostName } from '../model/inventory.js';
import type { Reason } from '../model/plan.js';
import type { CpuVerdict, HostState, Snapshot, VmState, VmUuid } from '../model/snapshot.js';
import { scopeOf } from './attributes.js';
import { driversApart } from './drivers-apart.js';
import { attributesIn, evaluate, holds } from './evaluate.js';
import { hugePagesFor } from './huge-pages.js';
import { situationOf } from './situation.js';
import { techniqueFor } from './technique.js';
import { isTrue } from './truth.js';
import { valueText, verdictText, wordsOf } from './wording.js';
import { cpuShareOn, type Place, vmsOf, type World } from './world.js';

/** Whether a VM may go to a host, at one step of a plan. */
export interface Question {
    readonly policy: Policy;
    readonly vm: VmState;
    readonly destination: HostName;
    /** With every earlier move of the plan carried out, and the VM still on its host. */
    readonly world: World;
    readonly pending: Pending;
}

/** VMs that the policy takes too and has not placed yet: affinity does not bind to where they are now. */
export interface Pending {
    has(vm: VmUuid): boolean;
}

/** The first constraint that keeps the VM from the host, with the clause where one asked for it; undefined when it may go there. */
export function exclusion(question: Question): Reason | undefined {
    const { world, vm } = question;
    const destination = world.hosts.get(question.destination);
    const source = world.hosts.get(vm.host);
    if (!destination || !source) return { text: 'the host is not known' };
    const asked: Asked = { ...question, there: destination, host: destination.state, source: source.state };
    for (const constraint of constraints) {
        const against = constraint(asked);
        if (against) return against;
    }
    return undefined;
}

/** What the hypervisor of a host said of a VM's live CPU. */
export function verdictOf(snapshot: Snapshot, vm: VmUuid, host: HostName): CpuVerdict | undefined {
    let index = verdicts.get(snapshot);
    if (!index) {
        index = new Map(snapshot.compatibility.map((verdict) => [`${verdict.vm} ${verdict.host}`, verdict]));
        verdicts.set(snapshot, index);
    }
    return index.get(`${vm} ${host}`);
}

const verdicts = new WeakMap<Snapshot, ReadonlyMap<string, CpuVerdict>>();

interface Asked extends Question {
    readonly there: Place;
    readonly host: HostState;
    readonly source: HostState;
}

type Constraint = (asked: Asked) => Reason | undefined;

/** In the order in which they are asked: what holds for every VM first, then what costs little. */
const constraints: readonly Constraint[] = [
    ({ host, vm }) => (host.name === vm.host ? { text: 'the VM is there already' } : undefined),
    ({ host }) => (host.unreachable === undefined ? undefined : { text: `does not answer: ${host.unreachable}` }),
    ({ host }) => (host.maintenance ? { text: 'is in maintenance' } : undefined),
    ({ host }) => (host.failing === true ? { text: 'is failing' } : undefined),
    ({ host }) =>
        host.migration ? undefined : { text: 'has no migration address: name its network and address under `migration` in the inventory' },
    ({ host, source }) =>
        host.uuid === source.uuid && host.uuid !== ''
            ? { text: `says that it is the same machine as ${source.name} (host UUID ${host.uuid})` }
            : undefined,
    otherDriver,
    networkReachable,
    lockManagers,
    bridges,
    sameName,
    cpu,
    wheres,
    networksNamed,
    memory,
    hugePages,
    keepFree,
    apart,
    together,
    technique,
];

/** libvirt does not take over a guest from a QEMU that it has not started, nor give one away to such. */
function otherDriver({ host, source }: Asked): Reason | undefined {
    const why = driversApart(source, host);
    return why === undefined ? undefined : { text: why };
}

function networkReachable({ host, source }: Asked): Reason | undefined {
    const network = host.migration?.network;
    const reached = new Set([...source.links.map((link) => link.network), ...(source.migration ? [source.migration.network] : [])]);
    if (network === undefined || reached.size === 0 || reached.has(network)) return undefined;
    return { text: `takes migrations on the network "${network}", to which ${source.name} has no link` };
}

/** libvirt compares them when the move is prepared. What is not known may be the same. */
function lockManagers({ host, source }: Asked): Reason | undefined {
    const [theirs, ours] = [host.provides?.lockManager, source.provides?.lockManager];
    if (theirs === undefined || ours === undefined || theirs === ours) return undefined;
    const text = theirs === 'none' ? 'has no lock manager' : `has the lock manager ${theirs}`;
    return {
        text: `${text}, and ${source.name} ${ours === 'none' ? 'has none' : `has ${ours}`}: libvirt refuses moves between unlike ones`,
    };
}

function bridges({ host, vm }: Asked): Reason | undefined {
    const missing = vm.networks.find((network) => !host.networks.includes(network));
    return missing === undefined ? undefined : { text: `has no network "${missing}", which the VM is attached to` };
}

function sameName({ there, vm }: Asked): Reason | undefined {
    const twin = there.vms.find((other) => other.uuid === vm.uuid || other.name === vm.name);
    if (!twin) return undefined;
    return { text: twin.uuid === vm.uuid ? 'has a definition of the same VM' : `has another VM of the name ${vm.name}` };
}

function cpu({ host, vm, world }: Asked): Reason | undefined {
    const verdict = verdictOf(world.snapshot, vm.uuid, host.name);
    return verdict?.compatible === false ? { text: `its CPU does not suit the guest: ${verdict.detail}` } : undefined;
}

function wheres({ policy, world, vm, host }: Asked): Reason | undefined {
    const scope = scopeOf(world, { vm, host: host.name, source: vm.host });
    for (const where of policy.destination.where) {
        const truth = holds(where, scope);
        if (!isTrue(truth)) return { text: verdictText(where, truth, scope), range: where.range };
    }
    return undefined;
}

function networksNamed({ policy, host }: Asked): Reason | undefined {
    const has = new Set([...host.networks, ...host.links.map((link) => link.network)]);
    const missing = policy.destination.networks.find((network) => !has.has(network.name));
    return missing && { text: `has no network "${missing.name}"`, range: missing.range };
}

function memory({ host, vm }: Asked): Reason | undefined {
    if (vm.memory <= host.memoryFree) return undefined;
    return { text: `has ${size(host.memoryFree)} of memory free, and the VM needs ${size(vm.memory)}` };
}

function hugePages({ host, vm }: Asked): Reason | undefined {
    const pages = hugePagesFor(vm, host.provides);
    if (pages === undefined || vm.memory <= pages) return undefined;
    return { text: `has ${pages === 0 ? 'no' : `${size(pages)} in`} huge pages of the VM's size, and the VM needs ${size(vm.memory)}` };
}

function keepFree({ policy, host, vm }: Asked): Reason | undefined {
    for (const { resource, amount, hugepages, range } of policy.destination.keepFree) {
        // Set aside from other memory: no plan is made with them yet, and what is free says nothing of them.
        if (hugepages) continue;
        if (resource === 'memory') {
            const kept = amount.kind === 'share' ? amount.share * host.memory : amount.bytes;
            const left = host.memoryFree - vm.memory;
            if (left < kept) return { text: `would have ${size(left)} of memory free, and ${size(kept)} must stay free`, range };
        } else if (amount.kind === 'share') {
            const added = cpuShareOn(vm, host);
            if (host.cpuUsed === undefined || added === undefined) {
                return {
                    text: `CPU must stay free, and the CPU time of ${host.cpuUsed === undefined ? host.name : vm.name} is not known`,
                    range,
                };
            }
            const left = 1 - host.cpuUsed - added;
            if (left < amount.share)
                return { text: `would have ${share(left)} of its CPU free, and ${share(amount.share)} must stay free`, range };
        }
    }
    return undefined;
}

/** Anti-affinity: a VM for which the value is unknown (it has no such tag) is apart from all. */
function apart({ policy, world, vm, there }: Asked): Reason | undefined {
    for (const { by, range } of policy.destination.apart) {
        const own = keyOf(by, vm, world);
        if (own === undefined) continue;
        const other = there.vms.find((neighbour) => keyOf(by, neighbour, world) === own);
        if (other) return { text: `has ${other.name}, and ${wordsOf(by)} is ${own} for both`, range };
    }
    return undefined;
}

/** Affinity: the VM goes where its like are, unless these are still to be placed themselves. */
function together({ policy, world, vm, host, pending }: Asked): Reason | undefined {
    for (const { by, range } of policy.destination.with) {
        const own = keyOf(by, vm, world);
        if (own === undefined) continue;
        const elsewhere = vmsOf(world).find(
            (other) => other.host !== host.name && other.uuid !== vm.uuid && !pending.has(other.uuid) && keyOf(by, other, world) === own,
        );
        if (elsewhere) return { text: `${elsewhere.name} is on ${elsewhere.host}, and ${wordsOf(by)} is ${own} for both`, range };
    }
    return undefined;
}

function technique({ policy, world, vm, host }: Asked): Reason | undefined {
    const choice = techniqueFor(policy.technique, situationOf(world, vm, host.name));
    return choice.technique ? undefined : { text: `no technique can run to ${host.name}: ${choice.because.map((r) => r.text).join('; ')}` };
}

/** The value by which VMs are kept apart or together, in words; undefined where it is unknown. */
function keyOf(by: Expression, vm: VmState, world: World): string | undefined {
    let cache = keys.get(by);
    if (!cache) {
        // What reads nothing but the VM is the same in every World, and is asked for again and again.
        cache = attributesIn(by).every((name) => name.entity === 'vm') ? new WeakMap() : 'depends on hosts';
        keys.set(by, cache);
    }
    if (cache === 'depends on hosts') return freshKeyOf(by, vm, world);
    const known = cache.get(vm);
    if (known) return known.key;
    const key = freshKeyOf(by, vm, world);
    cache.set(vm, { key });
    return key;
}

const keys = new WeakMap<Expression, WeakMap<VmState, { readonly key: string | undefined }> | 'depends on hosts'>();

function freshKeyOf(by: Expression, vm: VmState, world: World): string | undefined {
    const key = evaluate(by, scopeOf(world, { vm }));
    return key.known ? valueText(key.value, by.type) : undefined;
}

const size = (bytes: number): string => formatQuantity(bytes, 'size');
const share = (n: number): string => formatQuantity(n, 'ratio');
