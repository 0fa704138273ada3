/**
 * The ladder of a technique: what is done about a move that does not converge. Judged at iteration boundaries and at its
 * clock times, from top to bottom; every rung fires once (docs: language.md). Pure: the executor and the simulator ask
 * the same question and act on the same answer.
 */
import {
    bytesPerSecond,
    formatQuantity,
    milliseconds,
    type Bytes,
    type BytesPerSecond,
    type Milliseconds,
    type Ratio,
    type Rung,
} from '@mig/language';
import { MigrationError } from '../errors.js';
import type { PlannedTechnique, Reason } from '../model/plan.js';
import { holds } from './ladder-condition.js';

/** A boundary must be this much below the best one before it to count as progress. Source: KubeVirt's stall detector. */
const progressMargin = 0.04;

export interface LadderState {
    readonly rungs: readonly Rung[];
    /** Indices of the rungs that have fired. */
    readonly fired: readonly number[];
    /** What was left to send at each iteration boundary, oldest first. */
    readonly remaining: readonly Bytes[];
}

/** What is known of the move at the time of judging. */
export interface LadderSample {
    /** A boundary adds its remaining bytes to the history; the clock judges only. */
    readonly at: 'iteration' | 'clock';
    /** Since the first phase. */
    readonly elapsed: Milliseconds;
    readonly iteration: number;
    readonly remaining: Bytes | undefined;
    readonly rate: BytesPerSecond | undefined;
    readonly dirtyRate: BytesPerSecond | undefined;
    readonly throttle: Ratio | undefined;
}

export type LadderAction = { readonly rung: number } & (
    | { readonly kind: 'downtime'; readonly limit: Milliseconds }
    | { readonly kind: 'bandwidth'; readonly rate: BytesPerSecond | undefined }
    | { readonly kind: 'abort' }
    | { readonly kind: 'report' }
);

export interface LadderDecision {
    readonly state: LadderState;
    /** In the order in which they are to be done; nothing follows an abort. */
    readonly actions: readonly LadderAction[];
    /** One for each action. */
    readonly reasons: readonly Reason[];
}

/**
 * The ladder of a technique before its first sample.
 * @throws MigrationError `not-built` for a rung that pre-copy cannot carry out yet; the planner refuses such a plan earlier.
 */
export function startLadder(technique: PlannedTechnique): LadderState {
    for (const rung of technique.ladder) {
        const feature = notBuilt[rung.action.kind];
        if (feature === undefined) continue;
        throw new MigrationError(
            'not-built',
            `a rung of ${technique.name ?? technique.kind} asks to ${rung.action.kind}, which is not built yet (${feature})`,
            {
                hint: 'take the rung out of the ladder; downtime, bandwidth, report and abort can be used',
                where: { range: rung.range },
            },
        );
    }
    return { rungs: technique.ladder, fired: [], remaining: [] };
}

/** Judges the ladder once: which rungs fire now, and why. */
export function decide(state: LadderState, sample: LadderSample): LadderDecision {
    const remaining =
        sample.at === 'iteration' && sample.remaining !== undefined ? [...state.remaining, sample.remaining] : state.remaining;
    const fired = [...state.fired];
    const actions: LadderAction[] = [];
    const reasons: Reason[] = [];
    for (const [index, rung] of state.rungs.entries()) {
        if (fired.includes(index)) continue;
        const because = whyNow(rung, sample, remaining);
        const action = because === undefined ? undefined : actionOf(index, rung);
        if (because === undefined || action === undefined) continue;
        fired.push(index);
        actions.push(action);
        reasons.push({ text: because, range: rung.range });
        if (action.kind === 'abort') break;
    }
    return { state: { rungs: state.rungs, fired, remaining }, actions, reasons };
}

/** The next time at which the clock has a say, since the first phase. Undefined: none is left. */
export function nextClockTime(state: LadderState, elapsed: Milliseconds): Milliseconds | undefined {
    const times = state.rungs.flatMap((rung, i) =>
        rung.on.kind === 'after' && !state.fired.includes(i) && rung.on.ms > elapsed ? [rung.on.ms] : [],
    );
    return times.length === 0 ? undefined : milliseconds(Math.min(...times));
}

/** The time after which the ladder ends the move by itself, whatever else is so. Undefined: it does not. */
export function timeBound(technique: PlannedTechnique): Milliseconds | undefined {
    const bounds = technique.ladder.flatMap((r) =>
        r.on.kind === 'after' && r.action.kind === 'abort' && r.and === undefined ? [r.on.ms] : [],
    );
    return bounds.length === 0 ? undefined : milliseconds(Math.min(...bounds));
}

/**
 * Whether the last `window` boundaries brought no progress. Remaining bytes follow a saw-tooth, so minima are compared,
 * never neighbours; the history goes on across rungs.
 */
export function isStalled(remaining: readonly Bytes[], window: number): boolean {
    if (window < 1 || remaining.length <= window) return false;
    return Math.min(...remaining.slice(-window)) > Math.min(...remaining.slice(0, -window)) * (1 - progressMargin);
}

const notBuilt: Partial<Record<Rung['action']['kind'], string>> = {
    throttle: 'rung.throttle',
    'switch-to-postcopy': 'rung.postcopy',
    pause: 'rung.pause',
};

function whyNow(rung: Rung, sample: LadderSample, remaining: readonly Bytes[]): string | undefined {
    const because = whyOn(rung.on, sample, remaining);
    if (because === undefined || rung.and === undefined) return because;
    return holds(rung.and, sample) === true ? `${because}, and its condition holds` : undefined;
}

function whyOn(on: Rung['on'], sample: LadderSample, remaining: readonly Bytes[]): string | undefined {
    switch (on.kind) {
        case 'stalled': {
            if (!isStalled(remaining, on.iterations)) return undefined;
            const best = formatQuantity(Math.min(...remaining.slice(-on.iterations)), 'size');
            const before = formatQuantity(Math.min(...remaining.slice(0, -on.iterations)), 'size');
            return `stalled for ${on.iterations} iterations: ${best} left at best, after ${before} before them`;
        }
        case 'iteration':
            return sample.iteration >= on.iteration ? `iteration ${sample.iteration} has begun` : undefined;
        case 'after':
            return sample.elapsed >= on.ms ? `${formatQuantity(on.ms, 'duration')} have passed` : undefined;
        case 'condition':
            return 'judged at this point';
    }
}

function actionOf(rung: number, { action }: Rung): LadderAction | undefined {
    switch (action.kind) {
        case 'downtime':
            return { rung, kind: 'downtime', limit: milliseconds(action.ms) };
        case 'bandwidth':
            return { rung, kind: 'bandwidth', rate: action.rate === 'unlimited' ? undefined : bytesPerSecond(action.rate) };
        case 'abort':
        case 'report':
            return { rung, kind: action.kind };
        case 'throttle':
        case 'switch-to-postcopy':
        case 'pause':
            return undefined;
    }
}

/** What a rung does, as events and reports tell it. */
export function actionText(action: LadderAction): string {
    switch (action.kind) {
        case 'downtime':
            return `downtime limit ${formatQuantity(action.limit, 'duration')}`;
        case 'bandwidth':
            return action.rate === undefined ? 'no cap of its own' : `cap ${formatQuantity(action.rate, 'rate')}`;
        case 'abort':
        case 'report':
            return action.kind;
    }
}
