/**
 * A rule finds what parses, links and has the right types, and still goes wrong when it is run. One rule a file: what it
 * finds, and what its documentation page says, stand together. Rules see one file with what it imports; those that need an
 * inventory or a snapshot are in runtime/core/rules, with the same documentation.
 */
import type { LangiumDocument } from 'langium';
import type { Context, ReportOptions } from '../compile/context.js';
import type { Severity } from '../finding.js';
import type { Declaration, MigFile } from '../generated/ast.js';
import type { HostSequence, Policy, Scenario, SourceRange } from '../program.js';

/** What `mig-run explain`, docs/rules and the editor say of an id. */
export interface RuleDoc {
    /** Stable, and never given to anything else: MIG1xx names, 2xx types and units, 3xx ladders and limits, 4xx hosts, 5xx conflicts. */
    readonly id: `MIG${string}`;
    /** Lower-case words with hyphens. */
    readonly name: string;
    /** Unless mig.config.yaml says otherwise. */
    readonly severity: Severity;
    /** One sentence: what it finds. */
    readonly summary: string;
    /** A whole policy file in which it fires, exactly once unless `fires` says otherwise. */
    readonly avoid: string;
    /** The same, mended: it fires no more, and nothing else does. */
    readonly prefer: string;
    /** Why it matters: what happens to the VMs otherwise. */
    readonly rationale: string;
    /** Where the failure was seen, or is documented: a link, or what to look up. */
    readonly source: string;
    /** Files that `avoid` and `prefer` import or whose hosts they need, by name. */
    readonly files?: Readonly<Record<string, string>>;
    /** How often it fires in `avoid`. */
    readonly fires?: number;
}

/** One file as a rule sees it. */
export interface RuleInput {
    readonly document: LangiumDocument<MigFile>;
    /** That file first, then what it imports. */
    readonly documents: readonly LangiumDocument<MigFile>[];
    /** What the file declares. A rule that judges by part sees one declaration at a time. */
    readonly declarations: readonly Declaration[];
    /** The policies, sequences and scenarios among these, compiled. Where the text has errors, parts of it are stand-ins: a rule says nothing of these. */
    readonly policies: readonly Policy[];
    readonly sequences: readonly HostSequence[];
    readonly scenarios: readonly Scenario[];
    /** Whether a file that is known, but not needed here, imports this one. */
    readonly isImported?: () => boolean;
    /** Places of nodes, and values of params. */
    readonly context: Context;
}

export type Report = (range: SourceRange, message: string, options?: ReportOptions) => void;

export interface TextRule extends RuleDoc {
    readonly check: (input: RuleInput, report: Report) => void;
    /**
     * It judges each declaration by itself: what it finds of one follows from that one and from what it names, and need not be
     * looked for again while these are the same.
     */
    readonly byPart?: true;
}
