/** Every rule that looks beyond the text. A new one is a file of its own and a line here. */
import type { Finding } from '@mig/language';
import { hostTooOld } from './mig401-host-too-old.js';
import { triggerWithoutRelease } from './mig502-trigger-without-release.js';
import { preferenceWithoutGain } from './mig503-preference-without-gain.js';
import { contradictoryCondition } from './mig510-contradictory-condition.js';
import { releasedAtOnce } from './mig511-released-at-once.js';
import { optionUnknown } from './mig402-option-unknown.js';
import { optionIgnored } from './mig403-option-ignored.js';
import { optionBroken } from './mig404-option-broken.js';
import { versionsApart } from './mig405-versions-apart.js';
import { optionsApart } from './mig406-options-apart.js';
import { tooFewRelays } from './mig407-too-few-relays.js';
import { monitorDenied } from './mig408-monitor-denied.js';
import { migrationNetworkUnnamed } from './mig409-migration-network-unnamed.js';
import { localDiskNotCopied } from './mig410-local-disk-not-copied.js';
import { passedThroughDevice } from './mig411-passed-through-device.js';
import { vmWithSnapshots } from './mig412-vm-with-snapshots.js';
import { cpuFoundNowhere } from './mig413-cpu-found-nowhere.js';
import { postcopyFromFailingHost } from './mig414-postcopy-from-failing-host.js';
import { postcopyWithoutOnFailure } from './mig415-postcopy-without-on-failure.js';
import { neverAndYet } from './mig416-never-and-yet.js';
import { definedTwice } from './mig417-defined-twice.js';
import { memoryNotLockable } from './mig419-memory-not-lockable.js';
import { noLockManager } from './mig420-no-lock-manager.js';
import { lockManagersApart } from './mig421-lock-managers-apart.js';
import { tlsWithoutCertificates } from './mig422-tls-without-certificates.js';
import { relayWithoutNode } from './mig423-relay-without-node.js';
import { offeredNowhere } from './mig424-offered-nowhere.js';
import { memoryFoundNowhere } from './mig425-memory-found-nowhere.js';
import { vmPagesFoundNowhere } from './mig426-vm-pages-found-nowhere.js';
import { noDirtyRing } from './mig427-no-dirty-ring.js';
import { policiesUndoEachOther } from './mig501-policies-undo-each-other.js';
import { takenByTwo } from './mig504-taken-by-two.js';
import { apartCannotBeMet } from './mig505-apart-cannot-be-met.js';
import { noHostAllowed } from './mig506-no-host-allowed.js';
import { spareCapacity } from './mig507-spare-capacity.js';
import { oneWayMove } from './mig508-one-way-move.js';
import { groupLargerThanHost } from './mig509-group-larger-than-host.js';
import { gangLargerThanRoom } from './mig512-gang-larger-than-room.js';
import { orderInACircle } from './mig515-order-in-a-circle.js';
import { branchCutOff } from './mig513-branch-cut-off.js';
import { gangWiderThanLimitSeen } from './mig514-gang-wider-than-limit.js';
import type { RuleMemory } from './memory.js';
import type { HostRule, HostRuleInput } from './rule.js';
import { findingsOf, missing } from './run.js';

export { RuleMemory } from './memory.js';
export type { HostReport, HostRule, HostRuleInput } from './rule.js';

export const hostRules: readonly HostRule[] = [
    hostTooOld,
    optionUnknown,
    optionIgnored,
    optionBroken,
    versionsApart,
    optionsApart,
    tooFewRelays,
    monitorDenied,
    migrationNetworkUnnamed,
    localDiskNotCopied,
    passedThroughDevice,
    vmWithSnapshots,
    cpuFoundNowhere,
    postcopyFromFailingHost,
    postcopyWithoutOnFailure,
    neverAndYet,
    definedTwice,
    memoryNotLockable,
    noLockManager,
    lockManagersApart,
    tlsWithoutCertificates,
    relayWithoutNode,
    offeredNowhere,
    memoryFoundNowhere,
    vmPagesFoundNowhere,
    noDirtyRing,
    triggerWithoutRelease,
    preferenceWithoutGain,
    apartCannotBeMet,
    noHostAllowed,
    spareCapacity,
    groupLargerThanHost,
    gangLargerThanRoom,
    gangWiderThanLimitSeen,
    contradictoryCondition,
    branchCutOff,
    orderInACircle,
    releasedAtOnce,
    policiesUndoEachOther,
    takenByTwo,
    oneWayMove,
];

/** What the rules find that have what they need. */
export const hostFindings = (input: HostRuleInput, memory?: RuleMemory): readonly Finding[] => findingsOf(hostRules, input, memory);

/**
 * MIG400: which rules could not be applied, and for want of what. Undefined where nothing was missing. `noLook`: why what was
 * seen last of the hosts is not used.
 */
export const missingFor = (input: HostRuleInput, noLook?: string): Finding | undefined => missing(hostRules, input, noLook);
