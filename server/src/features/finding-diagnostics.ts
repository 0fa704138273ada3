import type { Finding, Severity } from '@mig/language';
import { type Diagnostic, DiagnosticSeverity } from 'vscode-languageserver';

/** What the editor shows as the origin of a diagnostic. */
export const diagnosticSource = 'mig';

const severities: Readonly<Record<Severity, DiagnosticSeverity>> = {
    error: DiagnosticSeverity.Error,
    warning: DiagnosticSeverity.Warning,
    info: DiagnosticSeverity.Information,
};

/** A finding as the editor shows it: the hint stands on a line of its own below the message. */
export function toDiagnostic(finding: Finding): Diagnostic {
    return {
        range: { start: finding.range.start, end: finding.range.end },
        severity: severities[finding.severity],
        code: finding.id,
        source: diagnosticSource,
        message: finding.hint === undefined ? finding.message : `${finding.message}\n${finding.hint}`,
        ...(finding.fixes.length > 0 && { data: { fixes: finding.fixes } }),
    };
}
