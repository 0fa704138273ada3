/**
 * The ladder of a technique: what is done about a move that does not converge. Judged at iteration boundaries and at its
 * clock times, from top to bottom; every rung fires once (docs: language.md). Pure: the executor and the simulator ask
 * the same question and act on the same answer.
 */
import {
    bytes,
    bytesPerSecond,
    formatQuantity,
    milliseconds,
    ratio,
    type Bytes,
    type BytesPerSecond,
    type Milliseconds,
    type Ratio,
    type Rung,
} from '@mig/language';
import type { PlannedTechnique, Reason } from '../model/plan.js';
import { holds } from './ladder-condition.js';
import { isForbidden } from './move-technique.js';

/** A boundary must be this much below the best one before it to count as progress. Source: KubeVirt's stall detector. */
const progressMargin = 0.04;

export interface LadderState {
    readonly rungs: readonly Rung[];
    /** Indices of the rungs that have fired. */
    readonly fired: readonly number[];
    /** Indices of the rungs that do what the technique says is never to be done. */
    readonly forbidden: readonly number[];
    /** Indices of the rungs that a switch to post-copy has made void: none of these fires any more. */
    readonly voided: readonly number[];
    /**
     * `asked` from the moment that a rung orders the switch, `made` once the hypervisor says so. In both nothing may
     * abort (safety.md rule 3).
     */
    readonly postcopy: 'no' | 'asked' | 'made';
    /** What was left to send at the last iteration boundaries, oldest first: as many as a rung looks back, after the best of all before. */
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
    /** The migration has switched to post-copy, whoever asked for it. Absent: as far as the ladder knows. */
    readonly switched?: boolean;
}

export type LadderAction = { readonly rung: number } & (
    | { readonly kind: 'downtime'; readonly limit: Milliseconds }
    | { readonly kind: 'bandwidth'; readonly rate: BytesPerSecond | undefined }
    /** The shares of the guest's time that are taken from it: at first, more at each stalled iteration, at most. Undefined: QEMU's own. */
    | {
          readonly kind: 'throttle';
          readonly initial: Ratio;
          readonly step: Ratio | undefined;
          readonly max: Ratio | undefined;
      }
    | { readonly kind: 'switch-to-postcopy' }
    /** The guest stands still from now on, and goes on at the destination. */
    | { readonly kind: 'pause' }
    | { readonly kind: 'abort' }
    | { readonly kind: 'report' }
);

export interface LadderDecision {
    readonly state: LadderState;
    /** In the order in which they are to be done; nothing follows an abort. */
    readonly actions: readonly LadderAction[];
    /** One for each action. */
    readonly reasons: readonly Reason[];
    /** Rungs that the switch to post-copy has made void just now: each is told once. */
    readonly voided: readonly { readonly rung: number; readonly because: Reason }[];
}

/** The ladder of a technique before its first sample. A rung that does what `never` forbids is void from the start: the checker says so. */
export const startLadder = (technique: PlannedTechnique): LadderState => ({
    rungs: technique.ladder,
    fired: [],
    ...forbiddenBy(technique),
    postcopy: 'no',
    remaining: [],
});

/** Judges the ladder once: which rungs fire now, and why; and which have become void. */
export function decide(state: LadderState, sample: LadderSample): LadderDecision {
    const remaining = sample.at === 'iteration' && sample.remaining !== undefined ? remembered(state, sample.remaining) : state.remaining;
    const fired = [...state.fired];
    const actions: LadderAction[] = [];
    const reasons: Reason[] = [];
    let postcopy = sample.switched === true ? 'made' : state.postcopy;
    for (const [index, rung] of state.rungs.entries()) {
        if (fired.includes(index) || state.forbidden.includes(index) || (postcopy !== 'no' && endsWithSwitch[rung.action.kind])) continue;
        const because = whyNow(rung, sample, remaining);
        if (because === undefined) continue;
        const action = actionOf(index, rung);
        fired.push(index);
        actions.push(action);
        reasons.push({ text: because, range: rung.range });
        if (action.kind === 'abort') break;
        if (action.kind === 'switch-to-postcopy') postcopy = 'asked';
    }
    const voided = postcopy === 'no' ? [] : madeVoid({ ...state, fired });
    const next: LadderState = {
        rungs: state.rungs,
        fired,
        forbidden: state.forbidden,
        voided: [...state.voided, ...voided.map(({ rung }) => rung)],
        postcopy,
        remaining,
    };
    return { state: next, actions, reasons, voided };
}

/** The ladder after a hypervisor has refused the switch that a rung asked for: what the switch made void holds again. */
export const switchRefused = (state: LadderState): LadderState =>
    state.postcopy === 'asked' ? { ...state, postcopy: 'no', voided: state.forbidden } : state;

/** The next time at which the clock has a say, since the first phase. Undefined: none is left. */
export function nextClockTime(state: LadderState, elapsed: Milliseconds): Milliseconds | undefined {
    let next = Infinity;
    for (let i = 0; i < state.rungs.length; i += 1) {
        const on = state.rungs[i]?.on;
        if (on?.kind !== 'after' || on.ms <= elapsed || on.ms >= next) continue;
        if (!state.fired.includes(i) && !state.voided.includes(i)) next = on.ms;
    }
    return next === Infinity ? undefined : milliseconds(next);
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

/** Of the boundaries before those that a rung looks back to only the best one counts. */
function remembered({ rungs, remaining }: LadderState, latest: Bytes): readonly Bytes[] {
    let furthest = 0;
    for (const { on } of rungs) if (on.kind === 'stalled') furthest = Math.max(furthest, on.iterations);
    const [best, next, ...later] = [...remaining, latest];
    if (next === undefined || later.length < furthest) return [...remaining, latest];
    return [bytes(Math.min(best, next)), ...later];
}

/** A rung that is forbidden counts as void. */
function forbiddenBy({ ladder, options }: PlannedTechnique): Pick<LadderState, 'forbidden' | 'voided'> {
    const forbidden = ladder.flatMap((rung, index) => (isForbidden(rung, options) ? [index] : []));
    return { forbidden, voided: forbidden };
}

/** What a switch to post-copy makes pointless or deadly; caps and reports go on. */
const endsWithSwitch: Readonly<Record<Rung['action']['kind'], boolean>> = {
    downtime: true,
    throttle: true,
    'switch-to-postcopy': true,
    pause: true,
    abort: true,
    bandwidth: false,
    report: false,
};

function madeVoid(state: LadderState): LadderDecision['voided'] {
    return state.rungs.flatMap((rung, index) =>
        endsWithSwitch[rung.action.kind] && !state.fired.includes(index) && !state.voided.includes(index)
            ? [
                  {
                      rung: index,
                      because: { text: `${actionText(actionOf(index, rung))}: void after the switch to post-copy`, range: rung.range },
                  },
              ]
            : [],
    );
}

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

function actionOf(rung: number, { action }: Rung): LadderAction {
    switch (action.kind) {
        case 'downtime':
            return { rung, kind: 'downtime', limit: milliseconds(action.ms) };
        case 'bandwidth':
            return { rung, kind: 'bandwidth', rate: action.rate === 'unlimited' ? undefined : bytesPerSecond(action.rate) };
        case 'throttle': {
            const share = (value: number | undefined) => (value === undefined ? undefined : ratio(value));
            const { initial, step, max } = action.throttle;
            return { rung, kind: 'throttle', initial: ratio(initial), step: share(step), max: share(max) };
        }
        case 'switch-to-postcopy':
        case 'pause':
        case 'abort':
        case 'report':
            return { rung, kind: action.kind };
    }
}

/** What a rung does, as events and reports tell it. */
export function actionText(action: LadderAction): string {
    switch (action.kind) {
        case 'downtime':
            return `downtime limit ${formatQuantity(action.limit, 'duration')}`;
        case 'bandwidth':
            return action.rate === undefined ? 'no cap of its own' : `cap ${formatQuantity(action.rate, 'rate')}`;
        case 'throttle': {
            const share = (value: Ratio | undefined, word: string) =>
                value === undefined ? [] : [`${word}${formatQuantity(value, 'ratio')}`];
            return ['throttle', ...share(action.initial, ''), ...share(action.step, 'step '), ...share(action.max, 'up to ')].join(' ');
        }
        case 'switch-to-postcopy':
            return 'switch to post-copy';
        case 'pause':
        case 'abort':
        case 'report':
            return action.kind;
    }
}
