import { textRules } from '@mig/language';
import { type ast, CompileMemory, createMigServices, programOf } from '@mig/language/lsp';
import type { FileSystemProvider, LangiumDocument } from 'langium';
import { startLanguageServer } from 'langium/lsp';
import type { Connection } from 'vscode-languageserver';
import { PolicyCodeActions } from './features/code-actions.js';
import { PolicyCompletionProvider } from './features/completion/provider.js';
import { PolicyFolding } from './features/folding.js';
import { PolicyFormatter } from './features/formatting.js';
import { PolicyHoverProvider } from './features/hover/provider.js';
import { InventoryChecks } from './features/inventory-checks.js';
import { PolicyNodeKinds } from './features/node-kinds.js';
import { PolicyInventories } from './inventory/policy-inventories.js';
import { RecentFiles } from './inventory/recent-files.js';
import { LookStore } from './inventory/looks.js';
import { InventoryStore } from './inventory/store.js';
import { ConfigStore } from './lint/config-store.js';
import { LintValidator } from './lint/lint-validator.js';
import { type Compile, PolicyLinter } from './lint/policy-linter.js';
import { rulePagesOf } from './protocol/index.js';

/** What policies are served with. */
export interface Surroundings {
    readonly fileSystemProvider: () => FileSystemProvider;
    /** Directory in which mig-run keeps what it has seen of hosts; undefined where there is none, as in a browser. */
    readonly looks: string | undefined;
}

/** Serves policies over a connection until it closes. Runs wherever there is a file system of some kind. */
export function servePolicies(connection: Connection, { looks, ...files }: Surroundings): void {
    const { shared, mig } = createMigServices(
        { connection, ...files },
        {
            mig: {
                validation: { DocumentValidator: () => new LintValidator(linter, () => rulePages) },
                lsp: {
                    CompletionProvider: (services) =>
                        new PolicyCompletionProvider(services, async (document) => (await inventories.of(document))?.inventory),
                    HoverProvider: (services) => new PolicyHoverProvider(services),
                    FoldingRangeProvider: (services) => new PolicyFolding(services),
                    CodeActionProvider: () => new PolicyCodeActions(),
                    Formatter: () => new PolicyFormatter(),
                },
            },
            shared: { lsp: { NodeKindProvider: () => new PolicyNodeKinds() } },
        },
    );
    const recent = new RecentFiles(files.fileSystemProvider(), () => performance.now());
    const inventories = new PolicyInventories(shared, new InventoryStore(recent));
    const memory = new CompileMemory();
    const compile: Compile = (document) =>
        programOf(document as LangiumDocument<ast.MigFile>, mig, { set: {}, environment: {} }, { memory });
    const seen = new LookStore(recent, looks);
    const linter = new PolicyLinter(shared, inventories, seen, new ConfigStore(recent, textRules), compile);
    const checks = new InventoryChecks(shared, linter, connection);
    let rulePages: string | undefined;
    shared.lsp.LanguageServer.onInitialize(({ initializationOptions }) => {
        rulePages = rulePagesOf(initializationOptions);
    });
    // Before anybody asks for the files that have changed.
    shared.lsp.DocumentUpdateHandler.onWatchedFilesChange(() => {
        recent.forget();
    });
    // Before the server starts: what is found here has to be there when the diagnostics of a policy are sent.
    checks.listen();
    startLanguageServer(shared);
}
