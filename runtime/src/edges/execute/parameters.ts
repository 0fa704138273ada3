import { milliseconds } from '@mig/language';
import { uriOf } from '../../core/decide/route.js';
import { moveTechnique, type PlannedMove } from '../../core/index.js';
import type { MoveParameters } from '../hypervisor/port.js';

/** What the phases of a move are asked for, from the first to the last. */
export function parametersOf({ route, technique, persistent }: PlannedMove): MoveParameters {
    const { downtimeMs } = technique.options;
    return {
        migrateUri: uriOf(route),
        listenAddress: route.listen,
        downtimeLimit: downtimeMs === undefined ? undefined : milliseconds(downtimeMs),
        persistent,
        unsafe: false,
        technique: moveTechnique(technique),
    };
}
