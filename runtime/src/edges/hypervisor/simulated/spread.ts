import { milliseconds, type Milliseconds } from '@mig/language';
import { phaseSpread } from '../../../core/simulate/assumptions.js';
import { randomOf } from '../../../core/simulate/random.js';

/** A duration that varies around its figure, the same for the same seed and name. */
export function spread(figure: Milliseconds, seed: number, name: string): Milliseconds {
    return milliseconds(figure * (1 + phaseSpread * (2 * randomOf(seed, name) - 1)));
}
