/**
 * What QEMU's own migration is asked for at either end (driver qemu), by QMP's names. The plan shows it and the driver
 * sends it, from this one place. Everything that a move may set is set, so that nothing of an earlier one is left.
 */
import { throttleArguments } from './ladder-actions.js';
import { compressionOf, isThrottled, type MigrateSide } from './migrate-call.js';
import type { MoveTechnique } from './move-technique.js';
import { copiesDisks } from './storage.js';

export type QmpCapability =
    | 'events'
    | 'return-path'
    | 'late-block-activate'
    | 'pause-before-switchover'
    | 'postcopy-ram'
    | 'multifd'
    | 'xbzrle'
    | 'auto-converge';

/** On or off, each of them. */
export function qmpCapabilitiesOf(technique: MoveTechnique, side: MigrateSide): Readonly<Record<QmpCapability, boolean>> {
    const { postcopy, options } = technique;
    return {
        events: true,
        // Without it the source says that all is done as soon as the bytes have left it.
        'return-path': true,
        // The destination takes its disks when it is told to run the guest, not before.
        'late-block-activate': side === 'destination',
        // The guest stands still, and QEMU waits: then what is left of its disks is sent, and they are let go of.
        'pause-before-switchover': side === 'source' && copiesDisks(options),
        'postcopy-ram': postcopy,
        multifd: options.streams !== undefined,
        xbzrle: compressionOf(technique) === 'xbzrle',
        'auto-converge': side === 'source' && isThrottled(technique),
    };
}

/** The object of QEMU's that has the certificates, at either end; of one move at a time. */
export const tlsCredentials = 'mig-run-tls';

export type QmpParameters = Readonly<Record<string, number | string>>;

/** QEMU's own, where a technique says nothing (QEMU: migration/options.c). */
const usual = { downtimeMs: 300 } as const;

/** Beside the caps of bandwidth, which change while a move sends. */
export function qmpParametersOf(technique: MoveTechnique, side: MigrateSide): QmpParameters {
    const { throttleLater, options } = technique;
    const { streams, compression, xbzrleCache, throttle, downtimeMs, tls } = options;
    const asked = compressionOf(technique);
    const method = asked === 'zlib' || asked === 'zstd' ? asked : 'none';
    const both: QmpParameters = {
        // Nothing: in the clear. Whom the certificate is for is then the address that the source connects to.
        'tls-creds': tls === true ? tlsCredentials : '',
        'tls-hostname': '',
        ...(streams !== undefined && { 'multifd-channels': streams }),
        'multifd-compression': method,
        ...(method !== 'none' && compression?.level !== undefined && { [`multifd-${method}-level`]: compression.level }),
    };
    if (side === 'destination') return both;
    // Only a rung may throttle: until then it is held where the guest does not feel it.
    const held = throttleLater === true && throttle === undefined;
    return {
        ...both,
        ...(xbzrleCache !== undefined && { 'xbzrle-cache-size': xbzrleCache }),
        'downtime-limit': downtimeMs === undefined ? usual.downtimeMs : Math.max(1, Math.floor(downtimeMs)),
        ...(throttle
            ? throttleArguments({ initial: throttle.initial, step: throttle.step ?? usualStep, max: throttle.max })
            : { 'cpu-throttle-initial': held ? 1 : 20, 'cpu-throttle-increment': held ? 1 : 10, 'max-cpu-throttle': 99 }),
    };
}

/** As a share. */
const usualStep = 0.1;

/** Ports that destinations listen at, those that libvirt takes too: a firewall opens the same for both. */
export const migrationPorts = { from: 49_152, to: 49_215 } as const;

/** What the destination listens at: the first of the ports that is free. */
export function incomingUri(listen: string): string {
    return `tcp:${bracketed(listen)}:${migrationPorts.from},to=${migrationPorts.to}`;
}

/** An IPv6 address stands in brackets. */
export const bracketed = (address: string): string => (address.includes(':') && !address.startsWith('[') ? `[${address}]` : address);

/** A real value that no link reaches: 0 does not mean unlimited to every setting of every version. */
export const qmpUnlimited = 2 ** 40;

/** What plain QEMU is not asked for by this driver, in words; undefined where it does all that the technique asks for. */
export function qmpLack({ options }: Pick<MoveTechnique, 'options'>): string | undefined {
    const { compression, zeroCopy, switchoverAck, dirtyLimit } = options;
    const not = (what: string, cure: string): string => `the driver qemu ${what}: ${cure}`;
    if (compression?.method === 'mt') return not("does not use QEMU's old compression", 'use zstd or zlib on parallel streams');
    if (zeroCopy === true || switchoverAck === true || dirtyLimit !== undefined)
        return not('does not send without copying, agree on the switchover, or throttle by a dirty limit', 'leave that option out');
    return undefined;
}
