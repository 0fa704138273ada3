/**
 * What to do about a move that nobody drives any more: the client was killed, a connection broke, a host rebooted.
 * The answer rests on the journal and on what both hosts say now; `recovery-table.ts` holds the rows as data.
 *
 *   finish-sent divides the world (safety.md rule 1): before it the destination has never executed the guest,
 *   after it it may have.
 */
import { rows, type RecoveryRow } from './recovery-table.js';

/** Facts about a move. */
export interface RecoveryFacts {
    /** From the journal: whether finish (not cancelled) had been sent, and what the destination replied to it. */
    readonly finish: FinishRecord;
    readonly source: Sighting;
    readonly destination: Sighting;
    /** The run that is being recovered: copies that bear another run's mark are not ours to touch. */
    readonly run: string;
    /**
     * The disks may be shared and no lock manager is known to guard them: then no copy is resumed while the other side
     * cannot be asked (safety.md rule 6).
     */
    readonly unguardedDisks: boolean;
    /** Why these hosts cannot take a post-copy up again that broke, once that was tried. Absent: not tried, or they may. */
    readonly cannotTakeUp?: string;
}

/**
 * `not-sent`: no finish, or one with cancelled set, which never starts a guest. `sent`: no reply is known.
 * `started`: the destination replied that its guest runs. `not-started`: an error reply that says that it was not started.
 * `refused`: any other error reply; it proves nothing.
 */
export type FinishRecord = 'not-sent' | 'sent' | 'started' | 'not-started' | 'refused';

/** What a host said of the VM when it was asked, or that it could not be asked. */
export type Sighting =
    | { readonly kind: 'silent'; readonly fenced: boolean }
    | {
          readonly kind: 'absent';
          /** Its boot id is the one in the journal. */
          readonly sameBoot: boolean;
      }
    | {
          readonly kind: 'present';
          readonly sameBoot: boolean;
          readonly state: 'running' | 'paused' | 'shut off' | 'other';
          readonly reason: 'migration' | 'migrated' | 'received' | 'postcopy' | 'postcopy-failed' | 'user' | 'starting-up' | 'other';
          readonly job: 'outgoing' | 'unattended' | 'incoming' | 'none' | 'other';
          readonly persistent: boolean;
          readonly moverRun: string | undefined;
      };

/** One word for a sighting: what the rows of the table speak of. */
export type Condition =
    /** Cannot be asked. */
    | 'silent'
    /** Cannot be asked, and confirmed to be off. */
    | 'fenced'
    /** Answered, has nothing of it, and has not rebooted since the move began. */
    | 'absent'
    /** The same, or only a definition, after a reboot of the host. */
    | 'rebooted'
    | 'running'
    /** Running, and a migration job is still active on it. */
    | 'sending'
    /** Its migration goes on by itself, though nobody drives it any more. */
    | 'unattended'
    /** Paused with what it has received, all of it or enough to run; it has never run, and keeps it until it is told to. */
    | 'received'
    /** Paused by the migration. */
    | 'paused'
    /** Paused by its owner. */
    | 'paused-by-user'
    /** Paused, and a migration job is still active on it. */
    | 'busy'
    /** Defined, not active. */
    | 'shut-off'
    /** In post-copy: paused at the source, running at the destination without all of its memory. */
    | 'postcopy'
    /** The same, and the way between the two is cut. At the source it may also be over. */
    | 'postcopy-failed'
    /** Bears another run's mark. */
    | 'foreign'
    | 'unclear';

export type RecoveryStep =
    /** End the migration that goes on at the source, whose guest runs on. */
    | 'cancel-sending'
    /** Let the destination run what it has received; `finish-sent` is on disk before. */
    | 'start-destination'
    /** A post-copy that broke is taken up again: what the destination lacks is sent by a new migration (`recoverPostcopy`). */
    | 'take-up-postcopy'
    /** domainResume at the source. */
    | 'resume-source'
    /** Remove the paused copy at the destination, which has never run. */
    | 'remove-leftover'
    /** Remove the paused copy at the source, whose guest runs at the destination. */
    | 'remove-source'
    /** Remove the definition at the source. */
    | 'undefine-source'
    /** Definition, autostart and marks at the destination, as after any arrival. */
    | 'settle-arrival'
    /** Take our mark off the VM at the source. */
    | 'clear-marks';

export interface RecoveryDecision {
    readonly row: string;
    /** `ask-again`: both hosts are asked again, once the steps (if there are any) are done: something may change by itself, or a host may answer later. */
    readonly verdict: 'settled' | 'ask-again' | 'hold';
    /** To be done in this order, each only when the one before it succeeded; where one fails, both hosts are asked again. */
    readonly steps: readonly RecoveryStep[];
    /** Where the VM is once the steps are done; undefined: not known, or nowhere. */
    readonly vmAt: 'source' | 'destination' | undefined;
    /** A person must be told at once. */
    readonly alarm: boolean;
    readonly because: string;
    /** Memory is on its way: it is asked again for as long as that may take, and not only as long as hosts may be silent. */
    readonly transfers?: true;
    /** What a person can do, where that is not what can be done about any VM on hold. */
    readonly hint?: string;
}

/** The decision for these facts. Total: every combination has a row. */
export function recover(facts: RecoveryFacts): RecoveryDecision {
    const source = conditionOf(facts.source, facts.run);
    const destination = atDestination(facts);
    const row = rows.find((r) => matches(r, facts, source, destination));
    if (!row) throw new Error(`no row for ${facts.finish}, source ${source}, destination ${destination}`);
    const { id, verdict, steps, vmAt, alarm, because, transfers, hint } = row;
    return {
        row: id,
        verdict,
        steps,
        vmAt,
        alarm,
        because: row.takesUp === false ? `${because}: ${facts.cannotTakeUp ?? ''}` : because,
        ...(transfers && { transfers }),
        ...(hint !== undefined && { hint }),
    };
}

/** Somebody may be moving it onwards from there already: it is there all the same. */
function atDestination({ destination, run }: RecoveryFacts): Condition {
    const there = conditionOf(destination, run);
    if (there === 'unattended') return destination.kind === 'present' && destination.state === 'running' ? 'running' : 'busy';
    return there === 'sending' ? 'running' : there;
}

/** Sums up a sighting. */
export function conditionOf(sighting: Sighting, run: string): Condition {
    if (sighting.kind === 'silent') return sighting.fenced ? 'fenced' : 'silent';
    if (sighting.kind === 'absent') return sighting.sameBoot ? 'absent' : 'rebooted';
    if (sighting.moverRun !== undefined && sighting.moverRun !== run) return 'foreign';
    if (sighting.reason === 'received') return 'received';
    if (sighting.reason === 'postcopy' || sighting.reason === 'postcopy-failed') return sighting.reason;
    if (sighting.job === 'unattended') return 'unattended';
    switch (sighting.state) {
        case 'running':
            return sighting.job === 'outgoing' ? 'sending' : 'running';
        case 'paused':
            if (sighting.job === 'outgoing' || sighting.job === 'incoming') return 'busy';
            return sighting.reason === 'user' ? 'paused-by-user' : 'paused';
        case 'shut off':
            return sighting.sameBoot ? 'shut-off' : 'rebooted';
        case 'other':
            return 'unclear';
    }
}

function matches(row: RecoveryRow, facts: RecoveryFacts, source: Condition, destination: Condition): boolean {
    return (
        (row.finish === 'any' || row.finish.includes(facts.finish)) &&
        (row.source === 'any' || row.source.includes(source)) &&
        (row.destination === 'any' || row.destination.includes(destination)) &&
        (row.unguardedDisks === undefined || row.unguardedDisks === facts.unguardedDisks) &&
        (row.takesUp === undefined || row.takesUp === (facts.cannotTakeUp === undefined))
    );
}
