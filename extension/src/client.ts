import { type LogOutputChannel, window } from 'vscode';
import { LanguageClient, type LanguageClientOptions, type ServerOptions, TransportKind } from 'vscode-languageclient/node';
import { inventoryInUse, type ServerOptions as PolicyServerOptions } from '@mig/server/protocol';
import { rulePageScheme } from './rule-pages.js';
import type { InventoryStatus } from './status.js';

/** The server needs what the parser library needs. */
const oldestNode = 22;

/**
 * The connection to the language server. The server runs in a process of its own, started with the Node that runs the
 * extension, so that nothing has to be installed beside the editor.
 */
export class PolicyClient {
    readonly #client: LanguageClient;
    readonly #output: LogOutputChannel;
    readonly #status: InventoryStatus;

    constructor(serverModule: string, output: LogOutputChannel, status: InventoryStatus) {
        this.#output = output;
        this.#status = status;
        const server: ServerOptions = {
            run: { module: serverModule, transport: TransportKind.ipc },
            debug: { module: serverModule, transport: TransportKind.ipc, options: { execArgv: ['--nolazy', '--inspect=6011'] } },
        };
        const options: LanguageClientOptions = {
            documentSelector: [{ language: 'mig' }],
            outputChannel: output,
            initializationOptions: { rulePages: `${rulePageScheme}:/` } satisfies PolicyServerOptions,
        };
        this.#client = new LanguageClient('mig', 'Migration policies', server, options);
        this.#client.onNotification(inventoryInUse, (use) => status.noteUse(use));
    }

    /** Starts the server; a failure is shown to the user, with the output at hand, and is not thrown. */
    async start(): Promise<void> {
        if (Number.parseInt(process.versions.node, 10) < oldestNode) {
            void window.showErrorMessage(
                `Migration policies: the language server needs Node ${oldestNode}, and this editor brings Node ${process.versions.node}. Update the editor to 1.101 or later.`,
            );
            return;
        }
        await this.#reported('start', () => this.#client.start());
    }

    /** Ends the server and starts it again, with all open policies. */
    async restart(): Promise<void> {
        this.#status.forget();
        await this.#reported('restart', () => this.#client.restart());
    }

    async stop(): Promise<void> {
        if (this.#client.needsStop()) await this.#client.stop();
    }

    async #reported(what: string, action: () => Promise<void>): Promise<void> {
        try {
            await action();
        } catch (error) {
            const reason = error instanceof Error ? error.message : String(error);
            this.#output.error(`the language server did not ${what}: ${reason}`);
            const choice = await window.showErrorMessage(
                `Migration policies: the language server did not ${what}: ${reason}`,
                'Show the output',
            );
            if (choice !== undefined) this.#output.show();
        }
    }
}
