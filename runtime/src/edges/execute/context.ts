import type { Milliseconds } from '@mig/language';
import type { MoveId, PhaseBounds } from '../../core/index.js';
import type { Clock } from './clock.js';
import type { Control } from './control.js';
import type { Emit, ExecutePorts } from './ports.js';
import type { ShareOut } from './share-out.js';

/** What every part of one run shares. */
export interface RunContext {
    readonly ports: ExecutePorts;
    readonly clock: Clock;
    readonly emit: Emit;
    readonly control: Control;
    readonly bandwidth: ShareOut;
    readonly bounds: PhaseBounds;
    readonly patience: Milliseconds;
}

/** A note about a move, or about the run. */
export function note(run: Pick<RunContext, 'emit'>, level: 'info' | 'warning' | 'alarm', move: MoveId | undefined, text: string): void {
    run.emit({ type: 'note', level, move, text });
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
