/** What the lab offers to the rest of the project. */
export { labDown, leftovers, removeLeftovers, type Leftover } from './down.js';
export { LabError, type LabErrorCode } from './errors.js';
export { labCommand, labExec, type LabExecOptions, type LabExecResult } from './exec.js';
export { defaultCacheDir, ensureImage, imageIsCached, type Image, type ImageOptions } from './image.js';
export { inventoryText } from './inventory-file.js';
export { labPaths } from './paths.js';
export { releases, type Release } from './recipe.js';
export { labRequirements, type MissingRequirement, type RequirementOptions } from './requirements.js';
export { defaultHosts, defaultLab, defaultLabName, type LabHostSpec, type LabSpec } from './spec.js';
export { listLabs, openLab, pathInHost, type Lab, type LabHost } from './state.js';
export { labUp, type LabUpOptions, type OwnedLab } from './up.js';
export { canDelayPackets, cutLink, restoreLink, setLinkRate, type LabNetwork } from './links.js';
export { hostsOfGuest, setDirtyRate, startGuest, stopGuest } from './guest/guest.js';
export type { GuestSpec } from './guest/domain.js';
export { openGuestMemory, type GuestMemory } from './guest/memory.js';
export { guestProof, type GuestProof, type PageDamage } from './guest/proof.js';
export { guestNames, type GuestRecord } from './guest/record.js';
