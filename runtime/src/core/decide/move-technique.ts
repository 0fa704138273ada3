import type { Rung, TechniqueOptions } from '@mig/language';
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

/** When a technique by itself switches to post-copy: at once, or when every page has been sent once. Undefined: only a rung does. */
export function ownSwitch({ kind }: PlannedTechnique): { readonly atIteration: number } | undefined {
    if (kind === 'postcopy') return { atIteration: 1 };
    return kind === 'hybrid' ? { atIteration: 2 } : undefined;
}

/** A rung that does what `never postcopy` or `never throttle` forbids: it is left out. */
export function isForbidden({ action }: Rung, { never = [] }: TechniqueOptions): boolean {
    return (
        (action.kind === 'switch-to-postcopy' && never.includes('postcopy')) || (action.kind === 'throttle' && never.includes('throttle'))
    );
}
