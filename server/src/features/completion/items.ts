/** Completion items for the places that the grammar knows nothing about: attributes, units and names in strings. */
import { attributes, type Dimension, type Entity, type Unit, units } from '@mig/language';
import type { Inventory } from '@mig/runtime/core';
import { type CompletionItem, CompletionItemKind, MarkupKind } from 'vscode-languageserver';
import { describeAttribute, describeType } from '../../words/attribute-text.js';
import { attributeValues, inventoryNames, type NameOffer, tagNames } from './inventory-names.js';

/** What may follow `vm.` or `host.memory.`; an attribute whose name goes on is offered whole, so that one key press is enough. */
export function attributeItems(entity: Entity, path: readonly string[], inventory: Inventory | undefined): CompletionItem[] {
    const of = entity === 'source' ? 'host' : entity;
    if (path.length === 1 && path[0] === 'tag')
        return inventory && (of === 'vm' || of === 'host') ? tagNames(inventory, of).map(nameItem) : [];
    const lead = path.length === 0 ? '' : `${path.join('.')}.`;
    return attributes
        .filter((attribute) => attribute.entity === of && attribute.name.startsWith(lead))
        .map((attribute) => {
            const label = attribute.name.slice(lead.length);
            return {
                label,
                kind: CompletionItemKind.Property,
                detail: describeType(attribute.type),
                documentation: { kind: MarkupKind.Markdown, value: describeAttribute(entity, attribute) },
                ...(attribute.keyed && {
                    insertText: `${label}.`,
                    // What the tag is called comes next.
                    command: { title: 'Suggest', command: 'editor.action.triggerSuggest' },
                }),
            };
        });
}

/** Units that may follow a number; those of the dimension that is meant there come first. */
export function unitItems(before: string, spaced: boolean): CompletionItem[] {
    const meant = meantDimension(before);
    return units.map((unit) => ({
        label: unit.symbol,
        kind: CompletionItemKind.Unit,
        detail: unit.dimension === 'ratio' ? 'share' : unit.dimension,
        sortText: `${unit.dimension === meant ? '0' : '1'}${rank(unit)}`,
        filterText: unit.symbol,
        insertText: spaced || unit.symbol === '%' ? unit.symbol : ` ${unit.symbol}`,
    }));
}

/** Names that fit into the string that follows `before`. */
export function stringItems(before: string, inventory: Inventory | undefined): CompletionItem[] {
    const values = attributeValues(before);
    return (values.length > 0 || inventory === undefined ? values : inventoryNames(inventory, before)).map(nameItem);
}

const nameItem = ({ name, detail }: NameOffer): CompletionItem => ({ label: name, kind: CompletionItemKind.Value, detail });

/** In the order in which the table of units has them. */
const rank = (unit: Unit): string => String(units.indexOf(unit)).padStart(3, '0');

/** By the words that lead to the number: of the attribute that it is compared with, or of the clause. */
function meantDimension(before: string): Dimension | undefined {
    const [, entity, name] = /\b(vm|host|source|cluster|move)\.([\w.]+)\s*(?:==|!=|<=?|>=?|[-+])\s*$/.exec(before) ?? [];
    if (name !== undefined) {
        const type = attributes.find((a) => a.entity === (entity === 'source' ? 'host' : entity) && a.name === name)?.type;
        return units.find((unit) => unit.dimension === type)?.dimension;
    }
    return clauses.find(({ lead }) => lead.test(before))?.dimension;
}

const clauses: readonly { readonly lead: RegExp; readonly dimension: Dimension }[] = [
    { lead: /\b(?:downtime|blackout|brownout|eviction(?: time)?|duration)\s*(?:<=?|>=?)?\s*$/, dimension: 'duration' },
    { lead: /\b(?:for|after|every|within|cooldown|deadline)\s*$/, dimension: 'duration' },
    { lead: /\b(?:total|link|host|vm|bandwidth|reserve|at least|dirty-limit)\s*$/, dimension: 'rate' },
    { lead: /:\s*rate\s*=\s*$/, dimension: 'rate' },
    { lead: /:\s*duration\s*=\s*$/, dimension: 'duration' },
    { lead: /:\s*size\s*=\s*$/, dimension: 'size' },
    { lead: /\b(?:cache|store|traffic)\s*(?:<=?|>=?)?\s*$/, dimension: 'size' },
    { lead: /\b(?:keep|throttle|step|to|limit|gain >)\s*$/, dimension: 'ratio' },
];
