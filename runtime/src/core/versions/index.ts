/** Which versions have, ignore or break what, as data. */
export { isBelow } from './compare.js';
export { facilities, facilitiesOf, type Facility, type FacilityInfo } from './facilities.js';
export {
    type CombinationFact,
    combinationFacts,
    type Effect,
    type PairFact,
    pairFacts,
    type Span,
    type VersionFact,
    versionFacts,
} from './matrix.js';
export { spanText, within } from './span.js';
export { floors, type HostVersions, type Part, partNames, versionsOf } from './versions-of.js';
