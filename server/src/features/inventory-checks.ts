import type { Finding, Program } from '@mig/language';
import { type ast, toDiagnostic } from '@mig/language/lsp';
import { notBuilt, unknownNames } from '@mig/runtime/core';
import { DocumentState, GrammarUtils, type LangiumDocument, URI } from 'langium';
import type { LangiumSharedServices } from 'langium/lsp';
import { type Connection, type Diagnostic, DiagnosticSeverity } from 'vscode-languageserver';
import type { PolicyInventories } from '../inventory/policy-inventories.js';
import type { InventoryReading } from '../inventory/store.js';
import { inventoryInUse } from '../protocol/index.js';

/** The compiled policy of a document that has been validated; undefined where it has errors. */
export type ProgramOf = (document: LangiumDocument) => Program | undefined;

/**
 * What can be found only beside the text: names that the inventory does not have, and what this version cannot carry out.
 * Added to what the language found, and sent with it; the inventory's own problems are shown in its file.
 */
export class InventoryChecks {
    readonly #services: LangiumSharedServices;
    readonly #inventories: PolicyInventories;
    readonly #connection: Connection;
    readonly #programOf: ProgramOf;
    /** The inventory of each policy that has been checked. */
    readonly #used = new Map<string, string>();

    constructor(services: LangiumSharedServices, inventories: PolicyInventories, programOf: ProgramOf, connection: Connection) {
        this.#services = services;
        this.#inventories = inventories;
        this.#programOf = programOf;
        this.#connection = connection;
    }

    listen(): void {
        const { DocumentBuilder, ConfigurationProvider } = this.#services.workspace;
        DocumentBuilder.onDocumentPhase(DocumentState.Validated, (document) => this.#check(document));
        DocumentBuilder.onUpdate(async (_, deleted) => {
            for (const uri of deleted) await this.#note(uri.toString(), undefined);
        });
        this.#services.lsp.DocumentUpdateHandler.onWatchedFilesChange(({ changes }) => {
            const changed = new Set(changes.map((change) => URI.parse(change.uri).toString()));
            this.#checkAgain((inventory) => changed.has(inventory));
        });
        ConfigurationProvider.onConfigurationSectionUpdate(() => this.#checkAgain(() => true));
    }

    async #check(document: LangiumDocument): Promise<void> {
        const reading = await this.#inventories.of(document);
        const program = this.#programOf(document);
        const findings = program === undefined ? [] : findingsIn(document, program, reading);
        document.diagnostics = [...(document.diagnostics ?? []), ...findings.map(toDiagnostic), ...unusable(document, reading)];
        await this.#note(document.uri.toString(), reading);
    }

    /** Tells the client which inventory a policy uses, and what is wrong in it; what nobody uses any more is cleared. */
    async #note(policy: string, reading: InventoryReading | undefined): Promise<void> {
        const before = this.#used.get(policy);
        const now = reading?.uri.toString();
        if (now === undefined) this.#used.delete(policy);
        else this.#used.set(policy, now);
        if (before !== undefined && before !== now && ![...this.#used.values()].includes(before)) {
            await this.#connection.sendDiagnostics({ uri: before, diagnostics: [] });
        }
        if (reading !== undefined)
            await this.#connection.sendDiagnostics({ uri: reading.uri.toString(), diagnostics: reading.findings.map(toDiagnostic) });
        await this.#connection.sendNotification(inventoryInUse, {
            policy,
            inventory: now,
            hosts: reading?.inventory?.hosts.length ?? 0,
            problem: reading?.problem,
        });
    }

    #checkAgain(concerns: (inventory: string) => boolean): void {
        const { WorkspaceLock, DocumentBuilder, LangiumDocuments } = this.#services.workspace;
        const policies = LangiumDocuments.all
            .map((document) => document.uri)
            .filter((uri) => concerns(this.#used.get(uri.toString()) ?? ''))
            .toArray();
        if (policies.length === 0) return;
        WorkspaceLock.write((token) => DocumentBuilder.update(policies, [], token)).catch((error: unknown) => {
            this.#connection.console.error(`policies could not be checked again: ${String(error)}`);
        });
    }
}

/** Findings of an imported file are shown there. */
function findingsIn(document: LangiumDocument, program: Program, reading: InventoryReading | undefined): readonly Finding[] {
    const all = [
        ...notBuilt(program, { kind: 'check' }),
        ...(reading?.inventory ? unknownNames(program, reading.inventory, undefined) : []),
    ];
    return all.filter((finding) => program.sources[finding.range.source]?.uri === document.uri.toString());
}

/** MIG015: the inventory that the policy names cannot be read or has errors, so that names are not checked. */
function unusable(document: LangiumDocument, reading: InventoryReading | undefined): Diagnostic[] {
    if (reading?.problem === undefined) return [];
    const [named] = (document.parseResult.value as Partial<ast.MigFile>).inventories ?? [];
    const range = GrammarUtils.findNodeForProperty(named?.$cstNode, 'path')?.range;
    return [
        {
            range: range ?? { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
            severity: DiagnosticSeverity.Warning,
            code: 'MIG015',
            source: 'mig',
            message: `${reading.uri.fsPath}: ${reading.problem}\nnames of hosts, zones, racks and networks are not checked until it can be read`,
        },
    ];
}
