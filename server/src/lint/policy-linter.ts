import { type Finding, type Program, textRules } from '@mig/language';
import { type ast, withImports } from '@mig/language/lsp';
import { type LastLook, lint, RuleMemory } from '@mig/runtime/core';
import type { LangiumDocument } from 'langium';
import type { LangiumSharedServices } from 'langium/lsp';
import type { PolicyInventories } from '../inventory/policy-inventories.js';
import type { LookStore } from '../inventory/looks.js';
import type { InventoryReading } from '../inventory/store.js';
import type { ConfigReading, ConfigStore } from './config-store.js';

/** Compiles a document; its params have the values that they have in the text. */
export type Compile = (document: LangiumDocument) => { readonly program: Program | undefined; readonly findings: readonly Finding[] };

/** What was found in a policy, and what it was judged by. */
export interface PolicyLint {
    readonly findings: readonly Finding[];
    readonly inventory: InventoryReading | undefined;
    readonly config: ConfigReading | undefined;
    /** What was known of hosts and VMs. */
    readonly look: LastLook;
}

/** Judges policies as `mig-run check` does. */
export class PolicyLinter {
    readonly #services: LangiumSharedServices;
    readonly #inventories: PolicyInventories;
    readonly #looks: LookStore;
    readonly #configs: ConfigStore;
    readonly #compile: Compile;
    readonly #memory = new RuleMemory();
    readonly #last = new WeakMap<LangiumDocument, PolicyLint>();

    constructor(services: LangiumSharedServices, inventories: PolicyInventories, looks: LookStore, configs: ConfigStore, compile: Compile) {
        this.#services = services;
        this.#inventories = inventories;
        this.#looks = looks;
        this.#configs = configs;
        this.#compile = compile;
    }

    async lint(document: LangiumDocument): Promise<PolicyLint> {
        // Files are read meanwhile.
        const reading = Promise.all([this.#seenBy(document), this.#configs.of(document.uri)]);
        const { program, findings } = this.#compile(document);
        const [{ inventory, look }, config] = await reading;
        const documents = withImports(document as LangiumDocument<ast.MigFile>, this.#services.workspace.LangiumDocuments);
        const found = lint({
            program,
            findings,
            textRules,
            sources: documents.map((one) => ({ text: one.textDocument.getText() })),
            inventory: inventory?.inventory,
            look,
            config: config?.config,
            memory: this.#memory,
        });
        const result = { inventory, config, look, findings: found.filter(isShown) };
        this.#last.set(document, result);
        return result;
    }

    async #seenBy(document: LangiumDocument): Promise<Pick<PolicyLint, 'inventory' | 'look'>> {
        const inventory = await this.#inventories.of(document);
        return { inventory, look: await this.#looks.of(inventory) };
    }

    /** What was found when the document was judged last. */
    last(document: LangiumDocument): PolicyLint | undefined {
        return this.#last.get(document);
    }
}

/** Findings of an imported file are shown there. */
const isShown = (finding: Finding): boolean => finding.range.source === 0;
