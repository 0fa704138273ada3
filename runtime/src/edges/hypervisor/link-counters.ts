import { bytes, type Bytes } from '@mig/language';
import type { HostAccess } from '../ssh/access.js';

/** What an interface has counted since it came up, headers of every layer included. */
export interface LinkCounters {
    readonly sent: Bytes;
    readonly received: Bytes;
}

/** The interface that has the address, by iproute2, and its counters, by sysfs. */
const script = `set -- $(ip -o addr show to "$1") && cd "/sys/class/net/\${2%%@*}/statistics" && echo "$(cat tx_bytes) $(cat rx_bytes)"`;

/** The counters of the interface that has this address on a host; undefined where it has none, or does not tell. */
export async function readLinkCounters(access: HostAccess, address: string, signal: AbortSignal): Promise<LinkCounters | undefined> {
    const { code, stdout } = await access.run(['sh', '-c', script, 'sh', address], signal);
    const [sent, received] = stdout.trim().split(' ').map(Number);
    if (code !== 0 || sent === undefined || received === undefined || Number.isNaN(sent + received)) return undefined;
    return { sent: bytes(sent), received: bytes(received) };
}
