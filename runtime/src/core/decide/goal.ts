/**
 * `least duration with downtime <= 200 ms`: each technique that can run is predicted for this VM alone on its links, by
 * the simulator's own model, and the best that keeps the bounds is used.
 */
import {
    formatQuantity,
    mebibyte,
    type BytesPerSecond,
    type Goal,
    type Requirement,
    techniqueFeature,
    type TechniqueKind,
} from '@mig/language';
import type { PlannedTechnique } from '../model/plan.js';
import type { HostState, VmState } from '../model/snapshot.js';
import { assumedDirtyRate, assumedLinkCapacity, guestMemory } from '../simulate/assumptions.js';
import { predict, predictedFor, type Prediction } from '../simulate/predict.js';
import { expectedBlackout } from './blackout.js';
import { executable } from './executable.js';
import type { Situation } from './situation.js';
import { whyNotHere } from './technique-lack.js';

/** In the order of what they risk: the first is kept unless a later one is better by `worthwhile`. */
const candidates: readonly TechniqueKind[] = ['precopy', 'hybrid', 'postcopy', 'stop-and-copy'];

/** A share below which the prediction does not tell two techniques apart: that of its own error against the lab. */
const worthwhile = 0.05;

export interface Best {
    readonly technique: PlannedTechnique | undefined;
    readonly because: readonly string[];
}

/** `like` gives the options and the ladder that the technique has, whichever it is. */
export function bestFor(
    { goal, bounds }: { readonly goal: Goal; readonly bounds: readonly Pick<Requirement, 'metric' | 'operator' | 'value'>[] },
    like: Omit<PlannedTechnique, 'kind'>,
    situation: Situation,
): Best {
    const { vm, source, destination } = situation;
    const capacity = capacityBetween(source, destination);
    const predicted = candidates.flatMap((kind) => {
        const technique: PlannedTechnique = {
            ...like,
            kind,
            options: kind === 'precopy' ? { ...limitWithin(bounds), ...like.options } : like.options,
        };
        if (!executable.has(techniqueFeature[kind]) || whyNotHere(technique, situation) !== undefined) return [];
        const prediction = predictionOf(technique, vm, capacity);
        const broken = prediction.duration === undefined ? undefined : bounds.find((bound) => !keeps(prediction, bound));
        return [{ technique, prediction, broken }];
    });
    const kept = predicted.filter(({ prediction, broken }) => prediction.duration !== undefined && broken === undefined);
    let best = kept[0];
    for (const other of kept) {
        if (best && goals[goal](other.prediction) < goals[goal](best.prediction) * (1 - worthwhile)) best = other;
    }
    const others = predicted.filter((one) => one !== best).map(({ technique, prediction }) => `${technique.kind} ${figures(prediction)}`);
    const alone = `predicted for ${vm.name} alone on ${formatQuantity(capacity, 'rate')}`;
    const assumed =
        vm.dirtyRate === undefined
            ? [`the dirty rate of ${vm.name} is not known: ${formatQuantity(assumedDirtyRate, 'rate')} assumed for the prediction`]
            : [];
    if (!best)
        return {
            technique: undefined,
            because: [`no technique keeps the bounds of least ${goal}, ${alone}: ${others.join('; ')}`, ...assumed],
        };
    const against = others.length === 0 ? '' : `; ${others.join('; ')}`;
    const why = `${best.technique.kind} is chosen for the least ${goal}, ${alone}: ${figures(best.prediction)}${against}`;
    return { technique: best.technique, because: [why, ...assumed] };
}

/** A bound on the downtime is kept by telling the hypervisor: its limit leaves out the time to stop and to resume. */
function limitWithin(bounds: readonly Pick<Requirement, 'metric' | 'value'>[]): { readonly downtimeMs?: number } {
    const within = bounds.filter(({ metric }) => metric === 'downtime').map(({ value }) => value);
    return within.length === 0 ? {} : { downtimeMs: Math.max(1, Math.floor(Math.min(...within) - stopAndResume)) };
}

/** Milliseconds beside the last round, and some to spare. */
const stopAndResume = 40;

/** What a goal makes small. */
const goals: Readonly<Record<Goal, (p: Prediction) => number>> = {
    duration: (p) => p.duration ?? Infinity,
    downtime: (p) => p.downtime,
    traffic: (p) => p.traffic,
    // The source holds something of the VM until its last page has been sent.
    'eviction time': (p) => p.duration ?? Infinity,
    impact: (p) => p.downtime + p.faulting,
};

/** Energy of a move: 0.512 J for each MiB and 20.165 J. Source: Kherbache, mVM, TCC 2017. */
const energy = (traffic: number): number => (0.512 * traffic) / 2 ** 20 + 20.165;

function keeps(p: Prediction, { metric, operator, value }: Pick<Requirement, 'metric' | 'operator' | 'value'>): boolean {
    const figure = promised[metric](p);
    return operator === '<' ? figure < value : figure <= value;
}

const promised: Readonly<Record<Requirement['metric'], (p: Prediction) => number>> = {
    downtime: (p) => p.downtime,
    blackout: (p) => expectedBlackout(p.downtime),
    brownout: (p) => p.faulting,
    duration: (p) => p.duration ?? Infinity,
    eviction: (p) => p.duration ?? Infinity,
    traffic: (p) => p.traffic,
    energy: (p) => energy(p.traffic),
};

function figures({ duration, downtime, traffic }: Prediction): string {
    if (duration === undefined) return `does not end within ${formatQuantity(predictedFor, 'duration')}`;
    const whole = (n: number): number => Number(n.toPrecision(3));
    const time = (ms: number): string => formatQuantity(whole(ms), 'duration');
    return `${time(duration)}, downtime ${time(downtime)}, ${formatQuantity(whole(traffic / mebibyte) * mebibyte, 'size')}`;
}

/** The narrowest link between them, as far as links are known. */
function capacityBetween(source: HostState, destination: HostState): BytesPerSecond {
    const network = destination.migration?.network;
    const capacities = [source, destination].flatMap(({ links }) => links.find((link) => link.network === network)?.capacity ?? []);
    return capacities.reduce((a, b) => (b < a ? b : a), capacities[0] ?? assumedLinkCapacity);
}

/** The same question is asked for every destination of a search. */
function predictionOf(technique: PlannedTechnique, vm: VmState, capacity: BytesPerSecond): Prediction {
    let known = predictions.get(vm);
    if (!known) predictions.set(vm, (known = new Map<string, Prediction>()));
    const key = `${technique.kind} ${capacity} ${JSON.stringify(technique.options)}`;
    let prediction = known.get(key);
    if (!prediction) known.set(key, (prediction = predict(technique, guestMemory(vm.memory, vm), capacity)));
    return prediction;
}

const predictions = new WeakMap<VmState, Map<string, Prediction>>();
