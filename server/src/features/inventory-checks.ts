import { toDiagnostic } from '@mig/language/lsp';
import { configFileName } from '@mig/runtime/core';
import { DocumentState, URI, UriUtils } from 'langium';
import type { LangiumSharedServices } from 'langium/lsp';
import type { Connection } from 'vscode-languageserver';
import type { InventoryReading } from '../inventory/store.js';
import type { ConfigReading } from '../lint/config-store.js';
import type { PolicyLinter, PolicyLint } from '../lint/policy-linter.js';
import { inventoryInUse } from '../protocol/index.js';

/**
 * The files that policies are judged by: shows what is wrong in them, tells the client which inventory a policy uses, and
 * has policies judged again when one of these files changes.
 */
export class InventoryChecks {
    readonly #services: LangiumSharedServices;
    readonly #linter: PolicyLinter;
    readonly #connection: Connection;
    /** The inventory and the configuration of each policy that has been checked. */
    readonly #used = new Map<string, readonly string[]>();
    /** What has been told of each policy. */
    readonly #told = new Map<string, Pick<PolicyLint, 'inventory' | 'config' | 'look'>>();

    constructor(services: LangiumSharedServices, linter: PolicyLinter, connection: Connection) {
        this.#services = services;
        this.#linter = linter;
        this.#connection = connection;
    }

    listen(): void {
        const { DocumentBuilder, ConfigurationProvider } = this.#services.workspace;
        DocumentBuilder.onDocumentPhase(DocumentState.Validated, (document) =>
            this.#note(document.uri.toString(), this.#linter.last(document)),
        );
        DocumentBuilder.onUpdate(async (_, deleted) => {
            for (const uri of deleted) await this.#note(uri.toString(), undefined);
        });
        this.#services.lsp.DocumentUpdateHandler.onWatchedFilesChange(({ changes }) => {
            const changed = changes.map((change) => URI.parse(change.uri));
            const uris = new Set(changed.map((uri) => uri.toString()));
            // One that is new may stand above any policy.
            if (changed.some((uri) => UriUtils.basename(uri) === configFileName)) this.#checkAgain(() => true);
            else this.#checkAgain((used) => used.some((one) => uris.has(one)));
        });
        ConfigurationProvider.onConfigurationSectionUpdate(() => this.#checkAgain(() => true));
    }

    /** Tells the client which inventory a policy uses, and what is wrong in its files; what nobody uses any more is cleared. */
    async #note(policy: string, judged: PolicyLint | undefined): Promise<void> {
        const last = this.#told.get(policy);
        if (judged && last && judged.inventory === last.inventory && judged.config === last.config && judged.look === last.look) return;
        if (judged) this.#told.set(policy, judged);
        else this.#told.delete(policy);
        const before = this.#used.get(policy) ?? [];
        const files: readonly (InventoryReading | ConfigReading)[] = [judged?.inventory, judged?.config].filter((one) => one !== undefined);
        if (files.length === 0) this.#used.delete(policy);
        else
            this.#used.set(
                policy,
                files.map((one) => one.uri.toString()),
            );
        const stillUsed = new Set([...this.#used.values()].flat());
        for (const uri of before.filter((one) => !stillUsed.has(one))) await this.#connection.sendDiagnostics({ uri, diagnostics: [] });
        for (const { uri, findings } of files)
            await this.#connection.sendDiagnostics({ uri: uri.toString(), diagnostics: findings.map(toDiagnostic) });
        await this.#connection.sendNotification(inventoryInUse, {
            policy,
            inventory: judged?.inventory?.uri.toString(),
            hosts: judged?.inventory?.inventory?.hosts.length ?? 0,
            seen: judged?.look.kind === 'seen' ? judged.look.snapshot.takenAt : undefined,
            problem: judged?.inventory?.problem,
        });
    }

    #checkAgain(concerns: (used: readonly string[]) => boolean): void {
        const { WorkspaceLock, DocumentBuilder, LangiumDocuments } = this.#services.workspace;
        const policies = LangiumDocuments.all
            .map((document) => document.uri)
            .filter((uri) => concerns(this.#used.get(uri.toString()) ?? []))
            .toArray();
        if (policies.length === 0) return;
        WorkspaceLock.write((token) => DocumentBuilder.update(policies, [], token)).catch((error: unknown) => {
            this.#connection.console.error(`policies could not be checked again: ${String(error)}`);
        });
    }
}
