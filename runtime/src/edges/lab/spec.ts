/** What a lab consists of: hosts, their addresses and identities. Pure. */
import { bytesPerSecond, type BytesPerSecond } from '@mig/language';
import { createHash } from 'node:crypto';
import type { HostName } from '../../core/index.js';
import { LabError } from './errors.js';
import { releases, type Release } from './recipe.js';

export interface LabHostSpec {
    readonly name: HostName;
    readonly release: Release;
    readonly zone: string;
    readonly rack: string;
    /** Of its link to the migration network, in each direction. */
    readonly linkRate: BytesPerSecond;
    readonly maintenance: boolean;
}

export interface LabSpec {
    readonly name: string;
    readonly hosts: readonly LabHostSpec[];
    /** What carries the guests' traffic: a link of its own that is not shaped, as unless said, or the one that migrations take. */
    readonly guestTraffic?: 'own-link' | 'migration-link';
}

/** A lab's host with everything that follows from its place in the lab. */
export interface PlacedHost extends LabHostSpec {
    readonly index: number;
    /** On the control network, where SSH is: not shaped. */
    readonly controlAddress: string;
    /** On the migration network, shaped to `linkRate`. */
    readonly migrationAddress: string;
    /** On the guests' network, from which the host reaches guests. */
    readonly guestAddress: string;
    /** libvirt's host UUID. */
    readonly uuid: string;
    readonly machineId: string;
}

/** Where a lab lives whose name was not given. */
export const defaultLabName = 'default';

/** The network that migrations take, by its name in the inventory. */
export const migrationNetwork = 'migration';

/** Bits in a byte, for rates that people and `tc` write in bits. */
export const bitsPerByte = 8;
const gigabit = bytesPerSecond(1e9 / bitsPerByte);

/** Three hosts on 1 Gbit/s links in one zone, the first in maintenance. */
export const defaultHosts: readonly LabHostSpec[] = [
    { name: 'kvm-a', release: 'trixie', zone: 'east', rack: 'r1', linkRate: gigabit, maintenance: true },
    { name: 'kvm-b', release: 'trixie', zone: 'east', rack: 'r1', linkRate: gigabit, maintenance: false },
    { name: 'kvm-c', release: 'trixie', zone: 'east', rack: 'r2', linkRate: gigabit, maintenance: false },
];

export const defaultLab: LabSpec = { name: defaultLabName, hosts: defaultHosts };

/** The addresses exist only inside a lab's namespaces; every lab uses the same. */
export const controlNetworkPrefix = '10.66.0';
export const migrationNetworkPrefix = '10.66.1';
export const guestNetworkPrefix = '10.66.2';
/** The bridge of each host that its guests are on. */
export const guestBridge = 'guests';
const firstHostNumber = 11;
const maxHosts = 32;

/**
 * Checks a lab's description and fills in addresses and identities, which depend on names and places alone.
 * @throws LabError `lab-bad-options`
 */
export function placeHosts(spec: LabSpec): readonly PlacedHost[] {
    if (!namePattern.test(spec.name)) throw bad(`'${spec.name}' cannot name a lab`);
    if (spec.hosts.length === 0) throw bad('a lab needs at least one host');
    if (spec.hosts.length > maxHosts) throw bad(`a lab has at most ${maxHosts} hosts, not ${spec.hosts.length}`);
    const seen = new Set<string>();
    return spec.hosts.map((host, index) => {
        if (!namePattern.test(host.name)) throw bad(`'${host.name}' cannot name a host`);
        if (seen.has(host.name)) throw bad(`the lab names host ${host.name} twice`);
        seen.add(host.name);
        if (!releases.includes(host.release))
            throw bad(`host ${host.name}: no image for release '${host.release}'; there are ${releases.join(', ')}`);
        if (!(host.linkRate > 0)) throw bad(`host ${host.name}: the link rate must be above zero`);
        const machineId = digest(`${spec.name}/${host.name}`).slice(0, 32);
        return {
            ...host,
            index,
            controlAddress: `${controlNetworkPrefix}.${firstHostNumber + index}`,
            migrationAddress: `${migrationNetworkPrefix}.${firstHostNumber + index}`,
            guestAddress: `${guestNetworkPrefix}.${firstHostNumber + index}`,
            machineId,
            uuid: uuidFrom(machineId),
        };
    });
}

/** Shapes 32 hex digits as a random (version 4) UUID. libvirt refuses UUIDs that are not well-formed. */
export function uuidFrom(hex: string): string {
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const namePattern = /^[a-z][a-z0-9-]{0,30}$/;
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const bad = (message: string): LabError =>
    new LabError('lab-bad-options', message, {
        hint: 'names are lower-case letters, digits and hyphens, beginning with a letter, at most 31',
    });
