/** Which versions have, ignore or break what, as data. */
export { isBelow } from './compare.js';
export { type HostVersions, type Part, partNames, versionsOf } from './versions-of.js';
