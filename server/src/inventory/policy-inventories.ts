import { type ast, withImports } from '@mig/language/lsp';
import { type LangiumDocument, URI } from 'langium';
import type { LangiumSharedServices } from 'langium/lsp';
import { type InventoryReading, type InventoryStore, locateInventory } from './store.js';

/** Which inventory a policy is checked against, and what stands in it. */
export class PolicyInventories {
    readonly #services: LangiumSharedServices;
    readonly #store: InventoryStore;

    constructor(services: LangiumSharedServices, store: InventoryStore) {
        this.#services = services;
        this.#store = store;
    }

    /** Undefined where neither the policy nor the setting `mig.inventory` names one. */
    async of(document: LangiumDocument): Promise<InventoryReading | undefined> {
        const naming = this.#naming(document);
        const where = (naming ?? document).uri;
        const uri = locateInventory(where, naming && namedIn(naming), await this.#setting(), this.#folderOf(document.uri));
        return uri && this.#store.read(uri);
    }

    /** The policy itself, or else the first of its imports that names an inventory. */
    #naming(document: LangiumDocument): LangiumDocument | undefined {
        const files = withImports(document as LangiumDocument<ast.MigFile>, this.#services.workspace.LangiumDocuments);
        return files.find((file) => namedIn(file) !== undefined);
    }

    async #setting(): Promise<string | undefined> {
        const value: unknown = await this.#services.workspace.ConfigurationProvider.getConfiguration('mig', 'inventory');
        return typeof value === 'string' ? value : undefined;
    }

    /** The innermost workspace folder around a file. */
    #folderOf(uri: URI): URI | undefined {
        const around = (this.#services.workspace.WorkspaceManager.workspaceFolders ?? [])
            .map((folder) => folder.uri)
            .filter((folder) => uri.toString().startsWith(`${folder.replace(/\/$/, '')}/`))
            .sort((a, b) => b.length - a.length);
        return around[0] === undefined ? undefined : URI.parse(around[0]);
    }
}

/** The path after `inventory`; absent while it is being written. */
function namedIn(document: LangiumDocument): string | undefined {
    const root = document.parseResult.value as Partial<ast.MigFile>;
    return root.inventories?.[0]?.path;
}
