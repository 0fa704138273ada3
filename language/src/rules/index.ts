/** Every rule that needs only text. A new one is a file of its own and a line here. */
import { unusedParam } from './mig130-unused-param.js';
import { unusedLet } from './mig131-unused-let.js';
import { unusedGroup } from './mig132-unused-group.js';
import { unusedTechnique } from './mig133-unused-technique.js';
import { unusedCalendar } from './mig139-unused-calendar.js';
import { unusedParameter } from './mig134-unused-parameter.js';
import { unusedImport } from './mig135-unused-import.js';
import { shadowedName } from './mig136-shadowed-name.js';
import { scenarioExpectsNothing } from './mig137-scenario-expects-nothing.js';
import { paramsSetAlike } from './mig138-params-set-alike.js';
import { nothingBound } from './mig140-nothing-bound.js';
import { comparisonDecided } from './mig220-comparison-decided.js';
import { decimalMemory } from './mig221-decimal-memory.js';
import { bytesForBits } from './mig222-bytes-for-bits.js';
import { unknownDecides } from './mig223-unknown-decides.js';
import { ladderWithoutEnd } from './mig303-ladder-without-end.js';
import { rungNeverFires } from './mig304-rung-never-fires.js';
import { rungsOutOfOrder } from './mig305-rungs-out-of-order.js';
import { rungTakesBack } from './mig306-rung-takes-back.js';
import { rungVoidAfterSwitch } from './mig307-rung-void-after-switch.js';
import { rungForbidden } from './mig308-rung-forbidden.js';
import { xbzrleCache } from './mig418-xbzrle-cache.js';
import { rungBeyondPromise } from './mig309-rung-beyond-promise.js';
import { rungBeyondHardPromise } from './mig310-rung-beyond-hard-promise.js';
import { gangWiderThanLimit } from './mig311-gang-wider-than-limit.js';
import { floorOverCap } from './mig312-floor-over-cap.js';
import { capNeverBinds } from './mig313-cap-never-binds.js';
import { limitNeverBinds } from './mig314-limit-never-binds.js';
import { throttleOutOfBounds } from './mig315-throttle-out-of-bounds.js';
import { optionRefused } from './mig316-option-refused.js';
import { windowNeverOpens } from './mig317-window-never-opens.js';
import { stepsOutlastWindow } from './mig318-steps-outlast-window.js';
import { rungAfterDeadline } from './mig319-rung-after-deadline.js';
import { retryWithoutEnd } from './mig320-retry-without-end.js';
import { promiseBeyondDeadline } from './mig321-promise-beyond-deadline.js';
import { capUnderDirtyRate } from './mig322-cap-under-dirty-rate.js';
import { branchNeverReached } from './mig323-branch-never-reached.js';
import { choiceWithoutOtherwise } from './mig324-choice-without-otherwise.js';
import type { TextRule } from './rule.js';

export type { Report, RuleDoc, RuleInput, TextRule } from './rule.js';

export const textRules: readonly TextRule[] = [
    unusedParam,
    unusedLet,
    unusedGroup,
    unusedTechnique,
    unusedParameter,
    unusedCalendar,
    unusedImport,
    nothingBound,
    shadowedName,
    scenarioExpectsNothing,
    paramsSetAlike,
    comparisonDecided,
    decimalMemory,
    bytesForBits,
    unknownDecides,
    ladderWithoutEnd,
    rungNeverFires,
    rungsOutOfOrder,
    rungTakesBack,
    rungVoidAfterSwitch,
    rungForbidden,
    xbzrleCache,
    rungBeyondPromise,
    rungBeyondHardPromise,
    gangWiderThanLimit,
    floorOverCap,
    capNeverBinds,
    limitNeverBinds,
    throttleOutOfBounds,
    optionRefused,
    windowNeverOpens,
    stepsOutlastWindow,
    rungAfterDeadline,
    retryWithoutEnd,
    promiseBeyondDeadline,
    capUnderDirtyRate,
    branchNeverReached,
    choiceWithoutOtherwise,
];
