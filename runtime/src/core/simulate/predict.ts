/** What one move alone on its links would come to: the model of the simulator without a run around it. */
import { bytesPerSecond, milliseconds, type Bytes, type BytesPerSecond, type Milliseconds } from '@mig/language';
import { ownSwitch } from '../decide/move-technique.js';
import type { PlannedTechnique } from '../model/plan.js';
import { phaseOverhead, resumeTime, wireEfficiency } from './assumptions.js';
import type { GuestMemory } from './copy-state.js';
import { advance, switchToPostcopy, timeToNextEvent } from './precopy.js';
import { startCopy } from './start-copy.js';

/** A copy that has not ended by then is taken for one that does not end. */
export const predictedFor = milliseconds(600_000);

export interface Prediction {
    /** Undefined: it does not end within `predictedFor`. */
    readonly duration: Milliseconds | undefined;
    readonly downtime: Milliseconds;
    /** The guest waits for pages at its destination. */
    readonly faulting: Milliseconds;
    readonly traffic: Bytes;
}

/** Phases beside the sending of memory. The destination's guest runs within `finish`. */
const phases = Object.values(phaseOverhead).reduce((sum, ms) => sum + ms, 0);

/** `capacity` is that of the narrowest link on the way. Ladders are left out: what they cure should be seen. */
export function predict(
    technique: Pick<PlannedTechnique, 'kind' | 'options'> & Partial<PlannedTechnique>,
    guest: GuestMemory,
    capacity: BytesPerSecond,
): Prediction {
    const rate = bytesPerSecond(capacity * wireEfficiency);
    const own = ownSwitch({ name: undefined, ladder: [], ...technique });
    let state = startCopy(technique, guest);
    let passed = 0;
    while (state.stage !== 'sent' && passed < predictedFor) {
        if (own && state.iteration >= own.atIteration) state = switchToPostcopy(state);
        const wait = Math.min(timeToNextEvent(state, rate), predictedFor - passed);
        state = advance(state, milliseconds(wait), rate).state;
        passed += wait;
    }
    return {
        duration: state.stage === 'sent' ? milliseconds(passed + phases) : undefined,
        downtime: milliseconds(state.stoppedFor + resumeTime),
        faulting: state.faultingFor,
        traffic: state.transferred,
    };
}
