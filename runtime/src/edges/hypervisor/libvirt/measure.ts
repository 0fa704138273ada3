/** What VMs and their host do: statistics once or twice, and dirty rates, in one window for all of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BytesPerSecond, Ratio } from '@mig/language';
import type { VmUuid } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { HostObservation, ObservationNeeds } from '../port.js';
import type { LibvirtConnection } from './connect.js';
import { uuidFromBytes } from './domains.js';
import { activeJob } from './jobs.js';
import { type Domain, procedures } from './procedures.js';
import { cpuUsedBetween, ratesBetween, readDirtyRates, readHostCpu, readStatistics, type VmRates, type VmReading } from './statistics.js';

type Unknown = HostObservation['unknown'][number];

export interface Measured {
    readonly first: ReadonlyMap<VmUuid, VmReading>;
    readonly perVm: (uuid: VmUuid) => VmRates;
    readonly dirty: ReadonlyMap<VmUuid, BytesPerSecond>;
    readonly hostCpu: Ratio | undefined;
}

/** libvirt samples dirty pages for whole seconds from 1 to 60. */
const dirtySeconds = { least: 1, most: 60 };
/** After the sampling time its result takes a moment. */
const dirtyPoll = { everyMs: 100, times: 20 };

export async function measure(
    connection: LibvirtConnection,
    domains: readonly Domain[],
    needs: ObservationNeeds,
    unknown: Unknown[],
    now: () => number,
    signal: AbortSignal,
): Promise<Measured> {
    const [first, cpuBefore] = await Promise.all([
        readStatistics(connection, needs.twoSamples, now, signal),
        needs.twoSamples ? readHostCpu(connection, signal) : undefined,
    ]);
    const seconds = Math.min(dirtySeconds.most, Math.max(dirtySeconds.least, Math.floor(needs.windowMs / 1000)));
    const { dirtyRateOf } = needs;
    const wanted = dirtyRateOf ? domains.filter((dom) => dirtyRateOf.includes(uuidFromBytes(dom.uuid))) : domains;
    const sampling = needs.dirtyRate ? await startSampling(connection, wanted, seconds, unknown, signal) : [];
    if (needs.twoSamples || sampling.length > 0)
        await sleep(sampling.length > 0 ? Math.max(seconds * 1000, needs.twoSamples ? needs.windowMs : 0) : needs.windowMs, undefined, {
            signal,
        });
    const [second, cpuAfter, dirty] = await Promise.all([
        needs.twoSamples ? readStatistics(connection, true, now, signal) : undefined,
        needs.twoSamples ? readHostCpu(connection, signal) : undefined,
        sampling.length > 0 ? collectDirtyRates(connection, sampling, unknown, signal) : new Map<VmUuid, BytesPerSecond>(),
    ]);
    return {
        first: first.vms,
        perVm: (uuid) => ratesBetween(first.vms.get(uuid), second?.vms.get(uuid), (second?.at ?? first.at) - first.at),
        dirty,
        hostCpu: cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuUsedBetween(cpuBefore, cpuAfter),
    };
}

/** The running domains whose pages are being sampled now. */
async function startSampling(
    connection: LibvirtConnection,
    domains: readonly Domain[],
    seconds: number,
    unknown: Unknown[],
    signal: AbortSignal,
): Promise<readonly Domain[]> {
    const started = await Promise.all(
        domains
            .filter((dom) => dom.id >= 0)
            .map(async (dom) => {
                try {
                    // Sampling during a migration is refused by QEMU, or disturbs it.
                    if ((await activeJob(connection, dom, signal)) !== undefined) throw new Error('a job is running on it');
                    await connection.call(procedures.domainStartDirtyRateCalc, { dom, seconds, flags: 0 }, signal);
                    return [dom];
                } catch (error) {
                    if (error instanceof HypervisorError && error.code === 'host-lost') throw error;
                    signal.throwIfAborted();
                    unknown.push({ about: `vm:${dom.name}:dirty_rate`, why: error instanceof Error ? error.message : String(error) });
                    return [];
                }
            }),
    );
    return started.flat();
}

async function collectDirtyRates(
    connection: LibvirtConnection,
    sampled: readonly Domain[],
    unknown: Unknown[],
    signal: AbortSignal,
): Promise<ReadonlyMap<VmUuid, BytesPerSecond>> {
    const missing = (rates: ReadonlyMap<VmUuid, BytesPerSecond>): readonly Domain[] =>
        sampled.filter((dom) => !rates.has(uuidFromBytes(dom.uuid)));
    let rates = await readDirtyRates(connection, signal);
    for (let poll = 0; poll < dirtyPoll.times && missing(rates).length > 0; poll += 1) {
        await sleep(dirtyPoll.everyMs, undefined, { signal });
        rates = await readDirtyRates(connection, signal);
    }
    for (const dom of missing(rates))
        unknown.push({ about: `vm:${dom.name}:dirty_rate`, why: 'the hypervisor did not finish sampling in time' });
    const wanted = new Set(sampled.map((dom) => uuidFromBytes(dom.uuid)));
    return new Map([...rates].filter(([uuid]) => wanted.has(uuid)));
}
