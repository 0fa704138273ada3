import { commands, type ExtensionContext, window } from 'vscode';
import { PolicyClient } from './client.js';
import { InventoryStatus } from './status.js';

let client: PolicyClient | undefined;

/** Called by the editor when the first policy is opened or one of the commands is used. */
export async function activate(context: ExtensionContext): Promise<void> {
    const output = window.createOutputChannel('Migration policies', { log: true });
    const status = new InventoryStatus();
    const started = new PolicyClient(context.asAbsolutePath('dist/server.cjs'), output, status);
    client = started;
    context.subscriptions.push(
        output,
        status,
        commands.registerCommand('mig.restartServer', () => started.restart()),
        commands.registerCommand('mig.showOutput', () => output.show()),
        commands.registerCommand('mig.openInventory', () => status.openInventory()),
    );
    await started.start();
}

/** Called by the editor before it unloads the extension: the server ends with it. */
export async function deactivate(): Promise<void> {
    await client?.stop();
    client = undefined;
}
