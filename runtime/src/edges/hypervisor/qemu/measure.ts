/** What VMs and their host do: two looks with a window between them, and dirty rates sampled within it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type BytesPerSecond, bytesPerSecond, mebibyte, type Ratio, ratio } from '@mig/language';
import type { VmState, VmUuid } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { HostObservation, ObservationNeeds } from '../port.js';
import type { HostLook } from './look.js';
import type { QmpConnection } from './qmp.js';
import { trafficOf, type VmFacts } from './vm-facts.js';
import type { QemuProcess } from './processes.js';

type Rates = Pick<VmState, 'cpu' | 'netTx' | 'netRx' | 'diskRead' | 'diskWrite'>;

export const noRates: Rates = { cpu: undefined, netTx: undefined, netRx: undefined, diskRead: undefined, diskWrite: undefined };

/** A VM at one look. */
export interface VmReading {
    readonly process: QemuProcess;
    readonly facts: Pick<VmFacts, 'disk' | 'vcpus'>;
    readonly look: HostLook;
}

/** Undefined where a counter is missing, was set back, or counts another process. */
export function ratesBetween(first: VmReading, second: VmReading): Rates {
    const ms = second.look.at - first.look.at;
    if (ms <= 0 || first.process.started !== second.process.started) return noRates;
    const grown = (from: number | undefined, to: number | undefined): number | undefined =>
        from === undefined || to === undefined || to < from ? undefined : to - from;
    const rate = (from: number | undefined, to: number | undefined): BytesPerSecond | undefined => {
        const by = grown(from, to);
        return by === undefined ? undefined : bytesPerSecond((by / ms) * 1000);
    };
    const cpu = grown(first.process.cpuTime, second.process.cpuTime);
    const [before, after] = [trafficOf(first.process.argv, first.look), trafficOf(second.process.argv, second.look)];
    return {
        cpu: cpu === undefined ? undefined : ratio(cpu / ms / Math.max(1, second.facts.vcpus)),
        netTx: rate(before?.sent, after?.sent),
        netRx: rate(before?.received, after?.received),
        diskRead: rate(first.facts.disk.read, second.facts.disk.read),
        diskWrite: rate(first.facts.disk.written, second.facts.disk.written),
    };
}

export function hostCpuBetween(first: HostLook, second: HostLook): Ratio | undefined {
    const all = second.cpuTicks.all - first.cpuTicks.all;
    return all <= 0 ? undefined : ratio((second.cpuTicks.busy - first.cpuTicks.busy) / all);
}

/** QEMU samples for whole seconds from 1 to 60. */
const dirtySeconds = { least: 1, most: 60 };
/** Pages of each GiB; its own 512 are too few for small guests. */
const samplePages = 4096;
const dirtyPoll = { everyMs: 100, times: 20 };

export interface Sampled {
    readonly uuid: VmUuid;
    readonly name: string;
    readonly qmp: QmpConnection;
    /** A job on it would be disturbed. */
    readonly job: string | undefined;
}

/** Dirty rates of these VMs; waits as long as the window is. */
export async function sampleDirtyRates(
    vms: readonly Sampled[],
    needs: ObservationNeeds,
    unknown: HostObservation['unknown'][number][],
    signal: AbortSignal,
): Promise<ReadonlyMap<VmUuid, BytesPerSecond>> {
    const seconds = Math.min(dirtySeconds.most, Math.max(dirtySeconds.least, Math.floor(needs.windowMs / 1000)));
    const found = new Map<VmUuid, BytesPerSecond>();
    await Promise.all(
        vms.map(async ({ uuid, name, qmp, job }) => {
            try {
                if (job !== undefined) throw new Error('a job is running on it');
                await qmp.execute('calc-dirty-rate', { 'calc-time': seconds, 'sample-pages': samplePages }, signal);
                await sleep(seconds * 1000, undefined, { signal });
                for (let poll = 0; poll < dirtyPoll.times; poll += 1) {
                    const reply = await qmp.execute('query-dirty-rate', undefined, signal);
                    const rate = reply.at('dirty-rate').number;
                    if (reply.at('status').text === 'measured' && rate !== undefined) {
                        found.set(uuid, bytesPerSecond(rate * mebibyte));
                        return;
                    }
                    await sleep(dirtyPoll.everyMs, undefined, { signal });
                }
                throw new Error('QEMU did not finish sampling in time');
            } catch (error) {
                signal.throwIfAborted();
                const why = error instanceof HypervisorError || error instanceof Error ? error.message : String(error);
                unknown.push({ about: `vm:${name}:dirty_rate`, why });
            }
        }),
    );
    return found;
}
