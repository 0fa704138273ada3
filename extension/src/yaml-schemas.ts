/**
 * Schemas for the YAML files beside policies, as the YAML extension takes them from others. Which file is an inventory cannot
 * be told from its name: it is one when a policy names it.
 */
export interface YamlExtension {
    /** False where somebody else has taken the scheme. */
    registerContributor(
        scheme: string,
        schemaOf: (resource: string) => string | undefined,
        contentOf: (schema: string) => string | undefined,
    ): boolean;
}

/** Identifier of the YAML extension. */
export const yamlExtension = 'redhat.vscode-yaml';

const scheme = 'mig';
const inventorySchema = `${scheme}://schemas/inventory`;

/** `isInventory` is asked about the URI of each YAML file that is opened; `schema` is the text of the inventory's schema. */
export function offerSchemas(
    yaml: YamlExtension,
    { isInventory, schema }: { readonly isInventory: (uri: string) => boolean; readonly schema: string },
): void {
    yaml.registerContributor(
        scheme,
        (resource) => (isInventory(resource) ? inventorySchema : undefined),
        (wanted) => (wanted === inventorySchema ? schema : undefined),
    );
}
