/** What a domain's XML says that matters to a move. */
import type { Tags, VmDisk } from '../../../core/index.js';
import { type Blocker, blockersOf } from './blockers.js';
import { type MoverMark, readMover, readTags } from './metadata.js';
import { parseXml, type XmlElement } from './xml.js';

export interface DomainFacts {
    /** `kvm` or `qemu`. */
    readonly virtType: string;
    readonly arch: string;
    readonly machine: string;
    readonly memoryKib: number;
    readonly maxMemoryKib: number;
    /** The most that its QEMU may take; undefined where no limit is set. */
    readonly memoryHardLimitKib: number | undefined;
    /** Its memory is in huge pages, of one size or of several; undefined where it is not. */
    readonly hugepages: { readonly pageKib: number | undefined } | undefined;
    /** KVM tells by a ring of pages what it writes. */
    readonly dirtyRing: boolean;
    readonly vcpus: number;
    readonly tags: Tags;
    readonly mover: MoverMark | undefined;
    readonly disks: readonly Omit<VmDisk, 'shared'>[];
    readonly networks: readonly string[];
    readonly passthrough: readonly string[];
    readonly blockers: readonly Blocker[];
    /** The `<cpu>` element, where there is one. */
    readonly cpu: string | undefined;
}

/** Throws where it is not XML. */
export function readDomain(xml: string): DomainFacts {
    const domain = parseXml(xml);
    const type = domain.at('os/type');
    const vcpu = domain.at('vcpu');
    const maxMemoryKib = kib(domain.at('memory'));
    const cpu = domain.at('cpu');
    return {
        virtType: domain.attribute('type') ?? 'kvm',
        arch: type.attribute('arch') ?? 'x86_64',
        machine: type.attribute('machine') ?? '',
        memoryKib: domain.at('currentMemory').exists ? kib(domain.at('currentMemory')) : maxMemoryKib,
        maxMemoryKib,
        memoryHardLimitKib: hardLimit(domain.at('memtune/hard_limit')),
        hugepages: hugepages(domain.at('memoryBacking/hugepages')),
        dirtyRing: domain.attribute('type') === 'kvm' && domain.at('features/kvm/dirty-ring').attribute('state') === 'on',
        vcpus: Number(vcpu.attribute('current') ?? vcpu.number ?? 1),
        tags: readTags(domain.at('metadata')),
        mover: readMover(domain.at('metadata')),
        disks: domain.at('devices').children('disk').map(disk),
        networks: [...new Set(domain.at('devices').children('interface').flatMap(network))],
        passthrough: domain.at('devices').children().flatMap(passthrough),
        blockers: blockersOf(domain),
        cpu: cpu.exists ? cpu.toString() : undefined,
    };
}

/** Factors of the units that libvirt writes, in KiB; it writes KiB unless a person wrote otherwise. */
const kibPer: Readonly<Record<string, number>> = {
    b: 1 / 1024,
    bytes: 1 / 1024,
    KiB: 1,
    k: 1,
    MiB: 1024,
    M: 1024,
    GiB: 1024 ** 2,
    G: 1024 ** 2,
    TiB: 1024 ** 3,
    T: 1024 ** 3,
};

function kib(element: XmlElement): number {
    return (element.number ?? 0) * (kibPer[element.attribute('unit') ?? 'KiB'] ?? 1);
}

/** libvirt takes the largest number that it knows, and all beyond, for no limit (VIR_DOMAIN_MEMORY_PARAM_UNLIMITED). */
const noLimitKib = 9_007_199_254_740_991;

function hardLimit(element: XmlElement): number | undefined {
    const limit = element.exists ? kib(element) : noLimitKib;
    return limit < noLimitKib ? limit : undefined;
}

function hugepages(element: XmlElement): DomainFacts['hugepages'] {
    if (!element.exists) return undefined;
    const sizes = new Set(
        element.children('page').map((page) => Number(page.attribute('size')) * (kibPer[page.attribute('unit') ?? 'KiB'] ?? 1)),
    );
    const [pageKib] = sizes;
    return { pageKib: sizes.size === 1 ? pageKib : undefined };
}

const diskKinds: Readonly<Record<string, { readonly kind: VmDisk['kind']; readonly path: string }>> = {
    file: { kind: 'file', path: 'file' },
    block: { kind: 'block', path: 'dev' },
    network: { kind: 'network', path: 'name' },
    volume: { kind: 'volume', path: 'volume' },
    dir: { kind: 'other', path: 'dir' },
};

function disk(element: XmlElement): Omit<VmDisk, 'shared'> {
    const format = element.at('driver').attribute('type');
    const { kind, path } = diskKinds[element.attribute('type') ?? ''] ?? { kind: 'other' as const, path: 'file' };
    return {
        target: element.at('target').attribute('dev') ?? '',
        path: element.at('source').attribute(path),
        kind,
        readOnly: element.at('readonly').exists || element.attribute('device') === 'cdrom',
        ...(format === undefined ? {} : { format }),
    };
}

/** Where an interface is plugged in: the names that the destination must have too. */
function network(element: XmlElement): readonly string[] {
    const source = element.at('source');
    const name = source.attribute('bridge') ?? source.attribute('network') ?? source.attribute('dev');
    return name === undefined ? [] : [name];
}

function passthrough(device: XmlElement): readonly string[] {
    const vendor = `${device.at('source/vendor').attribute('id') ?? ''}:${device.at('source/product').attribute('id') ?? ''}`;
    switch (device.name) {
        case 'hostdev': {
            const address = device.at('source/address');
            const place = ['domain', 'bus', 'slot', 'function', 'device', 'uuid']
                .flatMap((part) => address.attribute(part) ?? [])
                .join(' ');
            return [`${device.attribute('type') ?? 'host'} device ${place === '' ? vendor : place}`];
        }
        case 'interface':
            return device.attribute('type') === 'hostdev' ? [`network function ${device.at('mac').attribute('address') ?? ''}`] : [];
        case 'disk':
            return device.attribute('device') === 'lun' ? [`SCSI disk ${device.at('source').attribute('dev') ?? ''}`] : [];
        case 'redirdev':
            return [`redirected ${device.attribute('bus') ?? 'usb'} device`];
        default:
            return [];
    }
}
