/**
 * A rule that looks at a whole program, and at hosts and VMs where they are known. It uses an inventory and a snapshot where
 * there are, and what it needs and does not have is told once for all of them (MIG400).
 */
import type { Policy, ReportOptions, RuleDoc, Program, SourceRange } from '@mig/language';
import type { Inventory } from '../model/inventory.js';
import type { Lack } from './lack.js';
import type { Snapshot } from '../model/snapshot.js';

export interface HostRuleInput {
    readonly program: Program;
    readonly inventory: Inventory | undefined;
    readonly snapshot: Snapshot | undefined;
}

export type HostReport = (range: SourceRange, message: string, options?: ReportOptions) => void;

/** Policies that a rule did not look at, or not wholly, since it would have taken too long: told by MIG500. */
export type LeftOut = (policies: readonly Policy[]) => void;

export interface HostRule extends RuleDoc {
    /** Without it the rule says nothing. */
    readonly needs: 'program' | 'inventory' | 'snapshot';
    /**
     * What of the program it cannot judge, with an inventory and without what it would have to know of the hosts: told by MIG400.
     * A rule that has none judges nothing in particular that a program asks for, and is not missed.
     */
    readonly lacks?: (input: HostRuleInput) => readonly Lack[];
    readonly check: (input: HostRuleInput, report: HostReport, leftOut: LeftOut) => void;
    /**
     * It judges each policy and each sequence by itself: what it finds of one follows from that one and from the hosts, and
     * need not be looked for again while these are the same.
     */
    readonly byPart?: true;
    /**
     * For `avoid` and `prefer`: what the hosts of `files['hosts.yaml']` and their VMs are like beyond what an inventory says.
     * Merged into the snapshot that the simulated hosts of that inventory give.
     */
    readonly exampleSnapshot?: (snapshot: Snapshot) => Snapshot;
}
