/**
 * The messages that the language server and its clients exchange beside those of the Language Server Protocol.
 * Imported by both sides, so that neither can misspell the other.
 */
import { NotificationType } from 'vscode-languageserver-protocol';

/** Server to client, after each check of a policy: which inventory the policy is checked against. */
export const inventoryInUse = new NotificationType<InventoryUse>('mig/inventoryInUse');

export interface InventoryUse {
    /** URI of the policy. */
    readonly policy: string;
    /** URI of the inventory; undefined where the policy names none and no setting does. */
    readonly inventory: string | undefined;
    /** How many hosts it has; 0 where it could not be read. */
    readonly hosts: number;
    /** When hosts and VMs were seen that the policy is judged by, in milliseconds since 1970; undefined where they were not. */
    readonly seen: number | undefined;
    /** Why it could not be used, in words. */
    readonly problem: string | undefined;
}

/** What a client may say in `initializationOptions`. */
export interface ServerOptions {
    /** Where the pages of docs/rules are, as a URL: a diagnostic links to `<rulePages>/MIG303.md`. */
    readonly rulePages?: string;
}

/** What a client said, whatever it was. */
export function rulePagesOf(initializationOptions: unknown): string | undefined {
    const { rulePages } = (typeof initializationOptions === 'object' && initializationOptions !== null ? initializationOptions : {}) as {
        rulePages?: unknown;
    };
    return typeof rulePages === 'string' && /^[a-z][a-z0-9+.-]*:/i.test(rulePages) ? rulePages : undefined;
}
