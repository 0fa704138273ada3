import { Disposable, StatusBarAlignment, type StatusBarItem, Uri, window } from 'vscode';
import type { InventoryUse } from '@mig/server/protocol';
import { statusOf } from './status-text.js';

/** The status bar item that names the inventory of the policy in the active editor. */
export class InventoryStatus extends Disposable {
    readonly #item: StatusBarItem;
    readonly #uses = new Map<string, InventoryUse>();
    readonly #listener: Disposable;

    constructor() {
        super(() => {
            this.#listener.dispose();
            this.#item.dispose();
        });
        this.#item = window.createStatusBarItem('mig.inventory', StatusBarAlignment.Right, 100);
        this.#item.name = 'Inventory of the migration policy';
        this.#item.command = 'mig.openInventory';
        this.#listener = window.onDidChangeActiveTextEditor(() => this.#show());
    }

    /** The server has read, or tried to read, the inventory of a policy. */
    noteUse(use: InventoryUse): void {
        this.#uses.set(Uri.parse(use.policy).toString(), use);
        this.#show();
    }

    /** The server is gone, and what it said with it. */
    forget(): void {
        this.#uses.clear();
        this.#show();
    }

    /** Whether a policy that is open uses this file as its inventory. */
    isInventory(uri: string): boolean {
        const file = Uri.parse(uri).toString();
        return [...this.#uses.values()].some(({ inventory }) => inventory !== undefined && Uri.parse(inventory).toString() === file);
    }

    async openInventory(): Promise<void> {
        const uri = this.#active()?.inventory;
        if (uri === undefined) await window.showInformationMessage('The policy names no inventory. Write: inventory "hosts.yaml"');
        else await window.showTextDocument(Uri.parse(uri));
    }

    #active(): InventoryUse | undefined {
        const document = window.activeTextEditor?.document;
        return document?.languageId === 'mig' ? this.#uses.get(document.uri.toString()) : undefined;
    }

    #show(): void {
        const use = this.#active();
        if (use === undefined) {
            this.#item.hide();
            return;
        }
        const { text, tooltip } = statusOf(use);
        this.#item.text = text;
        this.#item.tooltip = tooltip;
        this.#item.accessibilityInformation = { label: tooltip };
        this.#item.show();
    }
}
