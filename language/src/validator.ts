import type { Cancellation, DocumentValidator, LangiumCoreServices, LangiumDocument, ValidationOptions } from 'langium';
import type { Diagnostic } from 'vscode-languageserver';
import { findingsOf } from './compile/analyse.js';
import type { Finding, Severity } from './finding.js';
import type { MigFile } from './generated/ast.js';

/** Shows in the editor what the compiler finds: the same checks, each with its id as the diagnostic's `code`. */
export class MigDocumentValidator implements DocumentValidator {
    private readonly services: LangiumCoreServices;

    constructor(services: LangiumCoreServices) {
        this.services = services;
    }

    validateDocument(
        document: LangiumDocument,
        _options?: ValidationOptions,
        _cancel?: Cancellation.CancellationToken,
    ): Promise<Diagnostic[]> {
        return Promise.resolve(findingsOf(document as LangiumDocument<MigFile>, this.services).map(toDiagnostic));
    }
}

/** Severities as the Language Server Protocol numbers them. */
const severities: Readonly<Record<Severity, 1 | 2 | 3>> = { error: 1, warning: 2, info: 3 };

/** A finding as a diagnostic; its fixes travel in `data`. */
export function toDiagnostic(finding: Finding): Diagnostic {
    const { start, end } = finding.range;
    return {
        severity: severities[finding.severity],
        code: finding.id,
        source: 'mig',
        message: finding.hint === undefined ? finding.message : `${finding.message}\n${finding.hint}`,
        range: { start, end },
        ...(finding.fixes.length > 0 && { data: { fixes: finding.fixes } }),
    };
}
