/**
 * Which hosts a policy can take VMs from and bring them to, by what lasts: names, places, tags and versions of hosts.
 * Load, maintenance and VMs come and go: what depends on them is unknown here, and counts as possible.
 */
import { type Expression, epochMs } from '@mig/language';
import { scopeOf } from '../decide/attributes.js';
import { attributesIn, holds } from '../decide/evaluate.js';
import { isFalse, type Value } from '../decide/truth.js';
import { worldOf } from '../decide/world.js';
import type { Tags } from '../model/inventory.js';
import { type Snapshot, snapshotVersion } from '../model/snapshot.js';
import { type HostVersions, versionsOf } from '../versions/versions-of.js';
import type { Mover } from './movers.js';
import type { HostRuleInput } from './rule.js';

interface LastingHost extends HostVersions {
    readonly zone: string | undefined;
    readonly rack: string | undefined;
    readonly tags: Tags;
}

/** One for the same hosts: what one rule found out the next one need not. */
export function reachOf(input: HostRuleInput): Reach {
    const { inventory = nothing, snapshot = nothing } = input;
    let beside = reaches.get(inventory);
    if (!beside) reaches.set(inventory, (beside = new WeakMap<object, Reach>()));
    let reach = beside.get(snapshot);
    if (!reach) beside.set(snapshot, (reach = new Reach(input)));
    return reach;
}

const nothing = {};
const reaches = new WeakMap<object, WeakMap<object, Reach>>();

const mostConditions = 20_000;

export class Reach {
    readonly #hosts: ReadonlyMap<string, LastingHost>;
    readonly #snapshot: Snapshot | undefined;
    readonly #leaves = new WeakMap<Mover, Map<string, boolean>>();
    /** By what a condition says, and then by the two hosts: a thousand policies say the same of the same hosts. */
    readonly #ruledOut = new Map<string, Map<string, boolean>>();

    constructor({ inventory, snapshot }: HostRuleInput) {
        const places = new Map([...(inventory?.hosts ?? []), ...(snapshot?.hosts ?? [])].map((host) => [host.name, host]));
        this.#snapshot = snapshot;
        this.#hosts = new Map(
            versionsOf(inventory, snapshot).flatMap(({ host, versions }) => {
                const place = places.get(host);
                return place ? [[host, { host, versions, zone: place.zone, rack: place.rack, tags: place.tags }] as const] : [];
            }),
        );
    }

    get hosts(): readonly LastingHost[] {
        return [...this.#hosts.values()];
    }

    /** Whether VMs of this host may be taken, under these further conditions. */
    canLeave(host: string, mover: Mover, conditions: readonly Expression[] = []): boolean {
        let known = this.#leaves.get(mover);
        if (!known) this.#leaves.set(mover, (known = new Map<string, boolean>()));
        let leaves = known.get(host);
        if (leaves === undefined) known.set(host, (leaves = this.#isChosen(host, mover)));
        return leaves && !conditions.some((condition) => this.#isRuledOut(condition, host, host));
    }

    /** Whether VMs of some other host may come here. */
    canArrive(host: string, mover: Mover, conditions: readonly Expression[] = []): boolean {
        return this.hosts.some((source) => this.canGo(source.host, host, mover, conditions));
    }

    /** Whether VMs may go from one host to the other. */
    canGo(source: string, destination: string, mover: Mover, conditions: readonly Expression[] = []): boolean {
        if (source === destination) return false;
        if (mover.destination.where.some((condition) => this.#isRuledOut(condition, destination, source))) return false;
        return this.canLeave(source, mover, conditions);
    }

    #isChosen(host: string, { selection }: Mover): boolean {
        const { from, where } = selection;
        const all = from.kind === 'hosts' && from.where ? [...where, from.where] : where;
        return this.#isPlaceOf(host, selection) && !all.some((condition) => this.#isRuledOut(condition, host, host));
    }

    #isPlaceOf(host: string, { from }: Mover['selection']): boolean {
        if (from.kind === 'named-host') return from.host === host;
        if (from.kind !== 'named-vms' || !this.#snapshot) return true;
        return this.#snapshot.vms.some((vm) => vm.host === host && from.vms.includes(vm.name));
    }

    #isRuledOut(condition: Expression, host: string, source: string): boolean {
        if (!isAboutLasting(condition)) return false;
        const said = saidBy(condition);
        let known = this.#ruledOut.get(said);
        if (!known) {
            // In an editor a condition is said in many ways before it is finished.
            if (this.#ruledOut.size >= mostConditions) this.#ruledOut.clear();
            this.#ruledOut.set(said, (known = new Map<string, boolean>()));
        }
        const pair = host === source ? host : `${host} ${source}`;
        let out = known.get(pair);
        if (out === undefined) known.set(pair, (out = this.#isFalse(condition, host, source)));
        return out;
    }

    #isFalse(condition: Expression, host: string, source: string): boolean {
        const value = (expression: Expression): Expression =>
            withLasting(expression, (entity, attribute, key) => {
                if (entity === 'vm') return attribute === 'host' ? source : undefined;
                const of = this.#hosts.get(entity === 'host' ? host : source);
                return of && (entity === 'host' || entity === 'source') ? lasting(of, attribute, key) : undefined;
            });
        return isFalse(holds(value(condition), nowhere));
    }
}

/** Conditions on what comes and goes rule nothing out, and most conditions are such. */
function isAboutLasting(condition: Expression): boolean {
    const judged = aboutLasting.get(condition);
    if (judged !== undefined) return judged;
    const is = attributesIn(condition).some(({ entity, attribute }) =>
        entity === 'vm' ? attribute === 'host' : (entity === 'host' || entity === 'source') && lastingNames.has(attribute),
    );
    aboutLasting.set(condition, is);
    return is;
}

const aboutLasting = new WeakMap<Expression, boolean>();

/** The same for two conditions that say the same in different places. */
function saidBy(condition: Expression): string {
    let said = sayings.get(condition);
    if (said === undefined) {
        said = JSON.stringify(condition, (key, value: unknown) => (key === 'range' || key === 'textRanges' ? undefined : value));
        sayings.set(condition, said);
    }
    return said;
}

const sayings = new WeakMap<Expression, string>();

const lastingNames: ReadonlySet<string> = new Set(['name', 'zone', 'rack', 'tags', 'tag', 'libvirt', 'qemu']);

function lasting({ host, zone, rack, tags, versions }: LastingHost, attribute: string, key: string | undefined): Value | undefined {
    switch (attribute) {
        case 'name':
            return host;
        case 'zone':
            return zone;
        case 'rack':
            return rack;
        case 'tags':
            return Object.entries(tags).flatMap(([name, value]) => (value === '' ? [name] : [name, `${name}=${value}`]));
        case 'tag':
            return tags[key ?? ''];
        case 'libvirt':
            return versions.libvirt;
        case 'qemu':
            return versions.qemu;
        default:
            return undefined;
    }
}

/** The expression with what lasts put in, and the rest unknown. */
function withLasting(
    expression: Expression,
    value: (entity: string, attribute: string, key: string | undefined) => Value | undefined,
): Expression {
    switch (expression.kind) {
        case 'literal':
        case 'metric':
            return expression;
        case 'attribute': {
            const { type, entity, attribute, key, range } = expression;
            const known = value(entity, attribute, key);
            return known === undefined
                ? { kind: 'metric', type: 'number', query: `${entity}.${attribute}`, range }
                : { kind: 'literal', type, value: known, range };
        }
        case 'not':
        case 'negate':
            return { ...expression, operand: withLasting(expression.operand, value) };
        case 'binary':
            return { ...expression, left: withLasting(expression.left, value), right: withLasting(expression.right, value) };
        case 'held':
            return { ...expression, condition: withLasting(expression.condition, value) };
    }
}

/** Everything that lasts stands in the expression itself: there is nothing to look up. */
const nowhere = scopeOf(
    worldOf({
        kind: 'mig-snapshot',
        version: snapshotVersion,
        takenAt: epochMs(0),
        timeZone: 'UTC',
        hosts: [],
        vms: [],
        compatibility: [],
        history: {},
        policies: [],
        unknown: [],
    }),
);
