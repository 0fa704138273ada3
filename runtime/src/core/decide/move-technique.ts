import { bytes, mebibyte, milliseconds, type Bytes, type BytesPerSecond, type Rung, type TechniqueOptions } from '@mig/language';
import type { PlannedTechnique } from '../model/plan.js';

/** A technique as the phases of a move are asked for it. */
export interface MoveTechnique {
    /** The guest runs while its memory is sent. `false`: it is stopped first (stop-and-copy). */
    readonly live: boolean;
    /** Both ends agree before the first byte that the guest may be started at the destination before its memory is there. */
    readonly postcopy: boolean;
    readonly options: TechniqueOptions;
    /** A rung may throttle the guest, which both ends agree on before the first byte; none does from the start. */
    readonly throttleLater?: true;
}

/** What a planned technique comes to. A rung that does what `never` forbids asks for nothing. */
export function moveTechnique({ kind, options, ladder }: PlannedTechnique): MoveTechnique {
    const never = options.never ?? [];
    const may = (action: 'switch-to-postcopy' | 'throttle'): boolean => ladder.some((rung) => rung.action.kind === action);
    const switches = may('switch-to-postcopy') && !never.includes('postcopy');
    const throttles = may('throttle') && !never.includes('throttle') && options.throttle === undefined;
    return {
        live: kind !== 'stop-and-copy',
        postcopy: kind === 'postcopy' || kind === 'hybrid' || switches,
        options,
        ...(throttles ? { throttleLater: true } : {}),
    };
}

/** The iteration before which a technique by itself has switched to post-copy: at once, or when every page has been sent once. Undefined: only a rung does. */
export function ownSwitch({ kind }: PlannedTechnique): { readonly atIteration: number } | undefined {
    if (kind === 'postcopy') return { atIteration: 1 };
    return kind === 'hybrid' ? { atIteration: 2 } : undefined;
}

/** Longer than it takes to hear how far a pass is and to ask for the switch: two looks at its progress. */
const leadOfSwitch = milliseconds(450);
/** QEMU's own downtime limit: where no more than that is left of a pass it looks at the dirty bitmap, and the next pass begins. */
export const usualDowntimeLimit = milliseconds(300);

/**
 * What the hypervisor's process holds beside the guest's memory: 40 MiB in the lab. More is taken off than that, for a
 * switch that is a little early sends nothing twice, and one that is late may.
 */
const hypervisorsOwn = bytes(64 * mebibyte);
/** What it holds indeed. */
export const measuredHypervisorsOwn = bytes(40 * mebibyte);

/** How far a pass over memory is, as far as that is known. */
export interface PassProgress {
    readonly iteration: number;
    readonly remaining?: Bytes | undefined;
    readonly rate?: BytesPerSecond | undefined;
    /** Since the move began. */
    readonly transferred?: Bytes | undefined;
    /** What the source's host holds for the guest and its hypervisor. */
    readonly held?: Bytes | undefined;
}

/**
 * Whether a technique switches by itself now. Hybrid copy does just before its first pass ends, not after: what a second
 * pass sent before the switch might be written and sent a third time, and what the first has left is sent once anyway.
 */
export function switchesNow(technique: PlannedTechnique, pass: PassProgress): boolean {
    const own = ownSwitch(technique);
    if (own === undefined) return false;
    const at = Math.max(1, pass.iteration);
    if (at >= own.atIteration) return true;
    const { rate } = pass;
    const left = leftOfFirstPass(pass);
    const lastPass = at === own.atIteration - 1 && rate !== undefined && rate > 0 && left !== undefined;
    return lastPass && (left / rate) * 1000 <= leadFor(technique);
}

const leadFor = ({ options }: PlannedTechnique): number => (options.downtimeMs ?? usualDowntimeLimit) + leadOfSwitch;

/**
 * How long it takes, in milliseconds, until a first pass is so far that the technique switches before it ends, if it goes on
 * like that; `speed`: bytes of memory a second, of which empty pages are most where they pass. Infinity: it does not.
 */
export function switchComesIn(technique: PlannedTechnique, pass: Required<PassProgress>, speed: BytesPerSecond): number {
    const { iteration, remaining, rate, transferred, held } = pass;
    const own = ownSwitch(technique);
    if (own === undefined || iteration !== own.atIteration - 1 || rate === undefined || rate <= 0 || speed <= 0) return Infinity;
    const atLead = (rate * leadFor(technique)) / 1000;
    const byMemory = (((remaining ?? Infinity) - atLead) / speed) * 1000;
    const byHeld =
        held === undefined || transferred === undefined ? Infinity : ((held - hypervisorsOwn - transferred - atLead) / rate) * 1000;
    return Math.max(0, Math.min(byMemory, byHeld));
}

/**
 * What takes time of the pass. Memory that the guest never touched is empty, and thousands of empty pages pass in the time
 * of one full one: where such are the last, a pass that seemed to be far from its end is over at once.
 */
function leftOfFirstPass({ remaining, transferred, held }: PassProgress): number | undefined {
    if (remaining === undefined || transferred === undefined || held === undefined) return remaining;
    // Where more than all of it has gone out, what is held says nothing.
    return transferred > held ? remaining : Math.min(remaining, Math.max(0, held - hypervisorsOwn - transferred));
}

/** A rung that does what `never postcopy` or `never throttle` forbids: it is left out. */
export function isForbidden({ action }: Rung, { never = [] }: TechniqueOptions): boolean {
    return (
        (action.kind === 'switch-to-postcopy' && never.includes('postcopy')) || (action.kind === 'throttle' && never.includes('throttle'))
    );
}
