/** One cap of one move at its source: set, read back, and told where the host says another than was asked. */
import { formatQuantity, milliseconds, type BytesPerSecond } from '@mig/language';
import { differs, type PlannedMove } from '../../core/index.js';
import type { Departure } from '../hypervisor/port.js';
import { within } from './bounds.js';
import type { Clock } from './clock.js';
import type { Emit } from './ports.js';

/** A host that does not take a cap within this time must not keep the others from theirs. */
export const setWithin = milliseconds(5_000);

/** What a host says otherwise is asked and set once more: a move that is ending is known to have ended by then. */
const secondLookAfter = milliseconds(250);

/** What unlimited is in an event: more than any link carries (1 TiB/s). */
const unlimited = 2 ** 40;

/** A cap is one setting before a switch to post-copy, and another after it. */
export type CapSetting = 'bandwidth' | 'postcopy-bandwidth';

const words: Readonly<Record<CapSetting, { readonly call: string; readonly name: string }>> = {
    bandwidth: { call: 'a new cap', name: 'the cap' },
    'postcopy-bandwidth': { call: 'a new cap of post-copy', name: 'the cap of post-copy' },
};

export interface CapOrder {
    readonly move: PlannedMove;
    readonly departure: Departure;
    readonly setting: CapSetting;
    /** Undefined: unlimited. */
    readonly asked: BytesPerSecond | undefined;
    /** Its host may still begin with an earlier cap, and say so: it is set again once the move sends. */
    readonly begins: () => boolean;
    /** It sends no more: what its host says of its cap may be that of no migration, or of no guest. */
    readonly hasLeft: () => boolean;
}

/** Whether the cap holds, or none is needed any more. Errors: those of the host, and `timed-out`. */
export async function setCap(order: CapOrder, { clock, emit }: { clock: Clock; emit: Emit }, signal: AbortSignal): Promise<boolean> {
    const { move, departure, setting, asked, begins, hasLeft } = order;
    const once = () =>
        within(clock, setWithin, { call: words[setting].call, host: move.source, vm: move.vm.name }, (late) => {
            const end = AbortSignal.any([signal, late]);
            return setting === 'bandwidth' ? departure.setBandwidth(asked, end) : departure.setPostcopyBandwidth(asked, end);
        });
    let { got } = await once();
    if (got !== asked && begins()) return true;
    if (got !== asked && !hasLeft()) {
        await clock.sleep(secondLookAfter, signal).catch(() => undefined);
        if (!hasLeft()) ({ got } = await once());
    }
    return hasLeft() || told(order, got, emit);
}

/**
 * What a host says that a cap is: whether the cap holds. One that is lower than asked is a warning, for it is kept;
 * one that is higher, or that nobody can tell, is an error: the move is not begun, and one under way raises an alarm.
 */
function told({ move, setting, asked }: CapOrder, got: BytesPerSecond | undefined, emit: Emit): boolean {
    if (asked === undefined && got === undefined) return true; // unlimited, and the host says so
    const agrees = got === asked;
    const holds = asked === undefined || (got !== undefined && got <= asked);
    emit({ type: 'setting-applied', move: move.id, setting, on: move.source, asked: asked ?? unlimited, got, agrees });
    if (agrees) return true;
    const text = differs(words[setting].name, move.source, rateText(asked) ?? 'unlimited', rateText(got));
    emit({ type: 'note', level: holds ? 'warning' : 'alarm', move: move.id, text });
    return holds;
}

const rateText = (rate: BytesPerSecond | undefined): string | undefined => (rate === undefined ? undefined : formatQuantity(rate, 'rate'));
