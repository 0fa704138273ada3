import type { Finding } from '@mig/language';
import { type ast, toDiagnostic } from '@mig/language/lsp';
import { type DocumentValidator, GrammarUtils, type LangiumDocument } from 'langium';
import { type Diagnostic, DiagnosticSeverity } from 'vscode-languageserver';
import type { InventoryReading } from '../inventory/store.js';
import type { PolicyLinter } from './policy-linter.js';

/** Shows in the editor what the linter finds, each with its page where the client has said where these are. */
export class LintValidator implements DocumentValidator {
    readonly #linter: PolicyLinter;
    readonly #rulePages: () => string | undefined;

    constructor(linter: PolicyLinter, rulePages: () => string | undefined) {
        this.#linter = linter;
        this.#rulePages = rulePages;
    }

    async validateDocument(document: LangiumDocument): Promise<Diagnostic[]> {
        const { findings, inventory } = await this.#linter.lint(document);
        return [...findings.map((finding) => this.#diagnostic(finding)), ...unusable(document, inventory)];
    }

    #diagnostic(finding: Finding): Diagnostic {
        const pages = this.#rulePages();
        const diagnostic = quietly(toDiagnostic(finding));
        return pages === undefined
            ? diagnostic
            : { ...diagnostic, codeDescription: { href: `${pages.replace(/\/$/, '')}/${finding.id}.md` } };
    }
}

/** That something could not be checked (MIG400) is no matter of the line on which it is told. */
const quietly = (diagnostic: Diagnostic): Diagnostic =>
    diagnostic.code === 'MIG400' && diagnostic.severity === DiagnosticSeverity.Information
        ? { ...diagnostic, severity: DiagnosticSeverity.Hint }
        : diagnostic;

/** MIG015: the inventory that the policy names cannot be read or has errors, so that names are not checked. */
function unusable(document: LangiumDocument, reading: InventoryReading | undefined): Diagnostic[] {
    if (reading?.problem === undefined) return [];
    const [named] = (document.parseResult.value as Partial<ast.MigFile>).inventories ?? [];
    const range = GrammarUtils.findNodeForProperty(named?.$cstNode, 'path')?.range;
    return [
        {
            range: range ?? { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
            severity: DiagnosticSeverity.Error,
            code: 'MIG015',
            source: 'mig',
            message: `${reading.uri.fsPath}: ${reading.problem}\nnames of hosts, zones, racks and networks are not checked until it can be read`,
        },
    ];
}
