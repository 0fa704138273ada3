/** Flags, parameters and units of libvirt's managed migration. */
import { type BytesPerSecond, bytesPerSecond, mebibyte } from '@mig/language';
import { HypervisorError } from '../errors.js';
import type { MoveParameters } from '../port.js';
import { stringParam, type TypedParam } from './typed-params.js';

/** VIR_MIGRATE_*. */
export const migrateFlags = { live: 1, persistDestination: 8, undefineSource: 16, paused: 32, changeProtection: 256, unsafe: 512 } as const;

/** The flags of a pre-copy; those of the source are the same with CHANGE_PROTECTION. */
export function flagsFor(parameters: MoveParameters): number {
    return (
        migrateFlags.live |
        (parameters.persistent ? migrateFlags.persistDestination | migrateFlags.undefineSource : 0) |
        (parameters.unsafe ? migrateFlags.unsafe : 0)
    );
}

/** libvirt counts bandwidth in MiB/s. This many mean unlimited: 1 TiB/s, a real value, because 0 would mean its default. */
const unlimitedMib = 1024 ** 2;

/** Rounded down, so that a cap is never exceeded. Errors: feature-missing below 1 MiB/s. */
export function toMib(host: string, rate: BytesPerSecond | undefined): number {
    if (rate === undefined) return unlimitedMib;
    const mib = Math.floor(rate / mebibyte);
    if (mib >= 1) return Math.min(mib, unlimitedMib);
    throw new HypervisorError(
        'feature-missing',
        host,
        `libvirt on ${host} cannot cap a migration below 1 MiB/s (8.39 Mbit/s); ${String(Math.round(rate))} B/s was asked`,
        {
            hint: 'raise the cap, or let fewer VMs share it at once',
        },
    );
}

/** Undefined: unlimited. */
export function fromMib(mib: number): BytesPerSecond | undefined {
    return mib >= unlimitedMib ? undefined : bytesPerSecond(mib * mebibyte);
}

/**
 * Parameters of begin, and of the phases after it with what they add. The cap is not among them: as a parameter it would
 * override what was set since (virDomainMigrateSetMaxSpeed), and a cap may change while a move is on its way to perform.
 */
export function paramsFor(
    parameters: MoveParameters,
    more: { readonly xml?: string; readonly uri?: string | undefined } = {},
): readonly TypedParam[] {
    return [
        stringParam('migrate_uri', more.uri ?? parameters.migrateUri),
        stringParam('listen_address', parameters.listenAddress),
        ...(more.xml === undefined ? [] : [stringParam('destination_xml', more.xml)]),
    ];
}
