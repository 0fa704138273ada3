/** Images of disks that are files, as a host's file systems have them. */
import { type Bytes, bytes } from '@mig/language';
import type { ImageSight } from '../../../core/index.js';
import type { HostAccess } from '../../ssh/access.js';

/**
 * For each path: `image SIZE BLOCKS BLOCKSIZE HEADER`, or `nothing`; then `free BLOCKS BLOCKSIZE` of the nearest directory
 * above it that there is.
 */
const script = `
for path do
    if [ -e "$path" ]; then
        echo "image $(stat -L -c '%s %b %B' -- "$path") $(od -An -v -tx1 -N32 -- "$path" | tr -d ' \\n')"
    else
        echo nothing
    fi
    above=$path
    while [ ! -e "$above" ]; do above=$(dirname -- "$above"); done
    echo "free $(stat -f -c '%a %S' -- "$above")"
done
`;

/** What stands at these paths, in their order. */
export async function lookAtImages(
    access: HostAccess,
    paths: readonly string[],
    signal: AbortSignal,
): Promise<readonly Pick<ImageSight, 'path' | 'image' | 'free'>[]> {
    const { stdout } = await access.run(['sh', '-c', script, 'sh', ...paths], signal);
    const lines = stdout.trim().split('\n');
    return paths.map((path, nth) => {
        const [kind, ...figures] = (lines[2 * nth] ?? '').split(' ');
        const [, blocks = '', blockSize = ''] = (lines[2 * nth + 1] ?? '').split(' ');
        return {
            path,
            image: kind === 'image' ? imageOf(figures) : undefined,
            free: /^\d+$/.test(blocks) ? bytes(Number(blocks) * Number(blockSize)) : undefined,
        };
    });
}

function imageOf([size = '0', blocks = '0', blockSize = '512', header = '']: readonly string[]): {
    readonly size: Bytes;
    readonly allocated: Bytes;
} {
    return { size: bytes(qcow2Size(header) ?? Number(size)), allocated: bytes(Number(blocks) * Number(blockSize)) };
}

/** "QFI\xfb", and at byte 24 the virtual size, big-endian. Source: QEMU's docs/interop/qcow2. */
function qcow2Size(header: string): number | undefined {
    if (!header.startsWith('514649fb')) return undefined;
    return Number(BigInt(`0x${header.slice(48, 64)}`));
}
