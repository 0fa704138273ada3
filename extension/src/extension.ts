import { commands, type ExtensionContext, extensions, Uri, window, workspace } from 'vscode';
import { PolicyClient } from './client.js';
import { RulePages, rulePageScheme } from './rule-pages.js';
import { InventoryStatus } from './status.js';
import { offerSchemas, type YamlExtension, yamlExtension } from './yaml-schemas.js';

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
        workspace.registerTextDocumentContentProvider(rulePageScheme, new RulePages(context.extensionUri)),
        commands.registerCommand('mig.restartServer', () => started.restart()),
        commands.registerCommand('mig.showOutput', () => output.show()),
        commands.registerCommand('mig.openInventory', () => status.openInventory()),
    );
    await Promise.all([started.start(), describeInventories(context, status)]);
}

/** Where the YAML extension is installed, it completes and checks inventories. */
async function describeInventories(context: ExtensionContext, status: InventoryStatus): Promise<void> {
    const yaml = await extensions.getExtension<YamlExtension | undefined>(yamlExtension)?.activate();
    if (yaml === undefined) return;
    const schema = await workspace.fs.readFile(Uri.joinPath(context.extensionUri, 'schemas/inventory.schema.json'));
    offerSchemas(yaml, { isInventory: (uri) => status.isInventory(uri), schema: new TextDecoder().decode(schema) });
}

/** Called by the editor before it unloads the extension: the server ends with it. */
export async function deactivate(): Promise<void> {
    await client?.stop();
    client = undefined;
}
