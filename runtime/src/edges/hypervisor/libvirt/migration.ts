/** Flags, parameters and units of libvirt's managed migration. */
import { type BytesPerSecond, bytesPerSecond, mebibyte } from '@mig/language';
import { type MigrateFlag, migrateFlagsOf, type MigrateParameterName, migrateParametersOf, type MigrateSide } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { MoveParameters } from '../port.js';
import { intParam, stringParam, type TypedParam, ullongParam } from './typed-params.js';

/** VIR_MIGRATE_*. */
export const migrateFlags: Readonly<Record<MigrateFlag, number>> = {
    LIVE: 1,
    PERSIST_DEST: 8,
    UNDEFINE_SOURCE: 16,
    PAUSED: 32,
    NON_SHARED_DISK: 64,
    NON_SHARED_INC: 128,
    CHANGE_PROTECTION: 256,
    UNSAFE: 512,
    COMPRESSED: 2048,
    AUTO_CONVERGE: 8192,
    POSTCOPY: 32768,
    TLS: 65536,
    PARALLEL: 131072,
    POSTCOPY_RESUME: 524288,
};

/** The flags of every phase at one side of a move. */
export function flagsFor(parameters: MoveParameters, side: MigrateSide): number {
    return migrateFlagsOf(parameters, side).reduce((flags, flag) => flags | migrateFlags[flag], 0);
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
    side: MigrateSide,
    more: { readonly xml?: string; readonly uri?: string | undefined } = {},
): readonly TypedParam[] {
    return [
        stringParam('migrate_uri', more.uri ?? parameters.migrateUri),
        ...(parameters.resume === true ? [] : [stringParam('listen_address', parameters.listenAddress)]),
        ...(more.xml === undefined ? [] : [stringParam('destination_xml', more.xml)]),
        ...migrateParametersOf(parameters, side).map(({ name, value }) =>
            typeof value === 'string' ? stringParam(name, value) : large.has(name) ? ullongParam(name, value) : intParam(name, value),
        ),
    ];
}

/** Numbers that travel as 64 bits; libvirt refuses a parameter of another type. */
const large: ReadonlySet<MigrateParameterName> = new Set<MigrateParameterName>(['compression.xbzrle.cache']);
