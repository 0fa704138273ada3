import type { AstNode, LangiumDocument } from 'langium';
import { AstUtils } from 'langium';
import type { CheckId } from '../catalogue/checks.js';
import type { Finding, Fix } from '../finding.js';
import type { Param } from '../generated/ast.js';
import type { SourceRange, ValueType } from '../program.js';
import { firstWord, lastWord } from '../syntax/words.js';
import { partOf } from './part.js';

/** The value of a param, after what was set from outside. Undefined type: it could not be told, and that has been reported. */
export interface ParamValue {
    readonly type: ValueType | undefined;
    /** Undefined: none was given. */
    readonly value: number | string | boolean | readonly string[] | undefined;
}

export interface ReportOptions {
    /** How to mend it. */
    readonly hint?: string | undefined;
    readonly fixes?: readonly Fix[];
}

/** What is worked at: reading texts, finding what names stand for, checking and lowering, applying rules, putting the program together. */
export type CompilePhase = 'parse' | 'link' | 'check' | 'rules' | 'assemble';

/** Told when a phase begins, which may be several times: for measuring. */
export type Entered = (phase: CompilePhase) => void;

/**
 * Carries what is shared while files are compiled: where findings go, where nodes stand, and what params are worth.
 *
 * Lowering never stops at an error: it reports it and goes on with a stand-in. A program with errors is thrown away,
 * so a stand-in is never run.
 */
export class Context {
    readonly params: ReadonlyMap<Param, ParamValue>;
    private readonly sources: ReadonlyMap<string, number>;
    /** Looked up once for each document: a path is long, and asked for at every node. */
    private readonly sourceOf = new Map<LangiumDocument, number>();
    private readonly broken: ReadonlySet<AstNode>;
    readonly entered: Entered;
    private findings: Finding[] = [];

    constructor(
        sources: readonly string[],
        params: ReadonlyMap<Param, ParamValue> = new Map(),
        /** Declarations with a syntax error in them: nothing is said about these, nor about what needs them. */
        broken: ReadonlySet<AstNode> = new Set(),
        entered: Entered = () => undefined,
    ) {
        this.sources = new Map(sources.map((uri, index) => [uri, index]));
        this.params = params;
        this.broken = broken;
        this.entered = entered;
    }

    get found(): readonly Finding[] {
        return this.findings;
    }

    isBroken(declaration: AstNode): boolean {
        return this.broken.has(declaration);
    }

    /** Where a node stands, or one of its properties. */
    range(node: AstNode, property?: string, index?: number): SourceRange {
        const whole = node.$cstNode;
        const part = property === undefined ? whole : ((whole && partOf(whole, property, index)) ?? whole);
        const source = this.sourceIndex(AstUtils.getDocument(node));
        const nowhere = { line: 0, character: 0 };
        if (!part) return { source, start: nowhere, end: nowhere };
        return { source, start: firstWord(part).range.start, end: lastWord(part).range.end };
    }

    private sourceIndex(document: LangiumDocument): number {
        let found = this.sourceOf.get(document);
        if (found === undefined) {
            found = this.sources.get(document.uri.toString()) ?? 0;
            this.sourceOf.set(document, found);
        }
        return found;
    }

    report(id: CheckId, range: SourceRange, message: string, { hint, fixes = [] }: ReportOptions = {}): void {
        this.findings.push({ id, severity: 'error', message, hint, range, fixes });
    }

    /** What was found elsewhere. */
    add(findings: readonly Finding[]): void {
        this.findings.push(...findings);
    }

    /** Does some work, and hands over what it found instead of reporting it. */
    collect<T>(work: () => T): { readonly result: T; readonly findings: readonly Finding[] } {
        const outer = this.findings;
        this.findings = [];
        try {
            const result = work();
            return { result, findings: this.findings };
        } finally {
            this.findings = outer;
        }
    }
}

/** A fix that writes something else in a place. */
export function replaceBy(range: SourceRange, newText: string): Fix {
    return { title: `Write ${newText}`, edits: [{ range, newText }] };
}

/** Did you mean …? As a hint and a fix, where there is a word to offer. */
export function meant(word: string | undefined, range: SourceRange): ReportOptions {
    return word === undefined ? {} : { hint: `Did you mean '${word}'?`, fixes: [replaceBy(range, word)] };
}

/** A node as it is written. */
export const textOf = (node: AstNode): string => node.$cstNode?.text ?? '';
