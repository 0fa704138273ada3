import type { PlannedAction, PlannedMove } from '../model/plan.js';
import { clean, hanging, pad, widthOf } from './text.js';

/** The calls of one move, or of what is done to one VM, in order: where, in which phase, and with what. */
export function actionsText(move: Pick<PlannedMove, 'actions'>, width: number, indent: number): readonly string[] {
    const host = move.actions.reduce((most, a) => Math.max(most, widthOf(a.on)), 0);
    const phase = move.actions.reduce((most, a) => Math.max(most, widthOf(a.phase)), 0);
    return move.actions.flatMap((action) => {
        const label =
            width >= 80
                ? `${' '.repeat(indent)}${pad(clean(action.on), host)}  ${pad(action.phase, phase)}  `
                : `${' '.repeat(indent)}${clean(action.on)}: `;
        return hanging(label, callText(action), width);
    });
}

/** `virDomainMigrateBegin3Params(flags: LIVE|PERSIST_DEST, bandwidth: 95 MiB/s)`. */
function callText({ call, with: parameters }: PlannedAction): string {
    const said = Object.entries(parameters).map(
        ([name, value]) => `${name}: ${typeof value === 'object' ? value.join('|') : String(value)}`,
    );
    return `${call}(${said.join(', ')})`;
}
