/** What a QEMU says of the disks of its VM (`query-block`). Pure. */
import { type Bytes, bytes } from '@mig/language';
import { type DiskCopy, diskCopies, type MoveTechnique, type VmDisk } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { Reply } from './reply.js';

export interface BlockDevice extends Omit<VmDisk, 'shared'> {
    /** The node that stands for all of it, by which QEMU's block commands name it; undefined where nothing is in the drive. */
    readonly node: string | undefined;
}

/** In QEMU's order. */
export const blockDevices = (blocks: Reply, cwd: string): readonly BlockDevice[] => blocks.list.map((block) => deviceOf(block, cwd));

function deviceOf(block: Reply, cwd: string): BlockDevice {
    const inserted = block.at('inserted');
    const node = inserted.at('node-name').text;
    const target = block.at('device').text || nameOf(block.at('qdev').text, node);
    const file = inserted.at('file').text;
    const [format, size, taken] = [inserted.at('drv').text, inserted.at('image', 'virtual-size'), inserted.at('image', 'actual-size')];
    const common = {
        target,
        node,
        readOnly: inserted.at('ro').flag ?? false,
        ...(format === undefined ? {} : { format }),
        ...(size.number === undefined ? {} : { capacity: bytes(size.number) }),
        ...(taken.number === undefined ? {} : { allocated: bytes(taken.number) }),
    };
    if (file === undefined) return { ...common, path: undefined, kind: 'file' };
    if (/^(json:|[a-z+-]+:)/.test(file) && !file.startsWith('file:'))
        return { ...common, path: file, kind: networkDisk.test(file) ? 'network' : 'other' };
    const path = file.replace(/^file:/, '');
    return { ...common, path: path.startsWith('/') ? path : `${cwd}/${path}`, kind: path.startsWith('/dev/') ? 'block' : 'file' };
}

const networkDisk = /^(nbd|rbd|iscsi|https?|ftps?|ssh|gluster|nfs)[:+]|^json:.*"driver": ?"(nbd|rbd|iscsi|https?|ssh|gluster|nfs)"/;

/** A disk of `-blockdev` has no name of its own: its device's id, the name of its node, or where QEMU has put its device. */
function nameOf(device: string | undefined, node: string | undefined): string {
    const [, id] = /^\/machine\/peripheral\/([^/]+)/.exec(device ?? '') ?? [];
    if (id !== undefined) return id;
    const isNamed = node !== undefined && !node.startsWith('#');
    return device !== undefined && !device.startsWith('/') ? device : isNamed ? node : (device ?? 'disk');
}

/**
 * Disks whose image is no longer the one that the command line names, by which the VM would be started at its destination:
 * a snapshot or a copy was made while it ran.
 */
export function movedImages(
    devices: readonly BlockDevice[],
    { argv, cwd }: { readonly argv: readonly string[]; readonly cwd: string },
): readonly BlockDevice[] {
    const words = argv.map((word) => word.replaceAll(',,', ','));
    return devices.filter(({ kind, path, readOnly }) => {
        if (path === undefined || readOnly || (kind !== 'file' && kind !== 'block')) return false;
        const short = path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
        return !words.some((word) => word.includes(path) || word.includes(short));
    });
}

/** A disk that goes along with its VM. */
export interface CopiedDisk extends DiskCopy {
    readonly node: string;
    readonly path: string;
    readonly format: string;
    readonly capacity: Bytes;
}

/** Those that a technique takes along, as the source has them. Errors: refused, where one cannot be copied. */
export function copiedDisks(
    at: { readonly host: string; readonly vm: string },
    technique: MoveTechnique,
    devices: readonly BlockDevice[],
): readonly CopiedDisk[] {
    return diskCopies(technique).map((copy) => {
        const device = devices.find(({ target }) => target === copy.target);
        const refuse = (what: string, hint: string): HypervisorError =>
            new HypervisorError('refused', at.host, `the disk ${copy.target} of ${at.vm} on ${at.host} cannot be copied: ${what}`, {
                vm: at.vm,
                hint,
            });
        if (device === undefined) {
            const others = devices.map(({ target }) => target).join(', ');
            throw refuse('there is none', `write one of its disks (${others || 'it has none'}) in the technique`);
        }
        const { node, path, kind, readOnly, capacity, format = 'raw' } = device;
        if (node === undefined || path === undefined || capacity === undefined || kind !== 'file')
            throw refuse('it is no file', 'put it on shared storage, and write it as `shared`');
        if (readOnly) throw refuse('it is read-only', 'carry its image over by hand, and write it as `shared`');
        return { ...copy, node, path, format, capacity };
    });
}
