/** Reading XML with as little ceremony as it deserves. */
import { DOMParser, type Element, type Node, XMLSerializer } from '@xmldom/xmldom';

/** An element, or the absence of one: reading on from an absent element gives absent values. */
export class XmlElement {
    readonly #element: Element | undefined;

    constructor(element: Element | undefined) {
        this.#element = element;
    }

    get exists(): boolean {
        return this.#element !== undefined;
    }

    get name(): string {
        return this.#element?.localName ?? '';
    }

    get text(): string | undefined {
        return this.#element?.textContent?.trim();
    }

    get number(): number | undefined {
        const { text } = this;
        return text === undefined || text === '' || Number.isNaN(Number(text)) ? undefined : Number(text);
    }

    attribute(name: string): string | undefined {
        return this.#element?.getAttribute(name) ?? undefined;
    }

    /** All child elements, or those of one name. */
    children(name?: string): readonly XmlElement[] {
        return childElements(this.#element)
            .filter((child) => name === undefined || child.localName === name)
            .map((child) => new XmlElement(child));
    }

    /** The first element down a path of names: `os/type`. */
    at(path: string): XmlElement {
        let element = this.#element;
        for (const name of path.split('/')) element = childElements(element).find((child) => child.localName === name);
        return new XmlElement(element);
    }

    /** The first child of this name in this namespace. */
    inNamespace(uri: string, name: string): XmlElement {
        return new XmlElement(childElements(this.#element).find((child) => child.namespaceURI === uri && child.localName === name));
    }

    toString(): string {
        return this.#element === undefined ? '' : new XMLSerializer().serializeToString(this.#element);
    }
}

/** Throws where the text is not well-formed. */
export function parseXml(text: string): XmlElement {
    return new XmlElement(new DOMParser().parseFromString(text, 'text/xml').documentElement ?? undefined);
}

/** Text that may stand in an attribute. */
export function escapeXml(text: string): string {
    return text
        .replaceAll('&', '&amp;')
        .replaceAll('<', '&lt;')
        .replaceAll('>', '&gt;')
        .replaceAll('"', '&quot;')
        .replaceAll("'", '&apos;');
}

function childElements(parent: Element | undefined): readonly Element[] {
    return Array.from(parent?.childNodes ?? []).filter(isElement);
}

const elementNode = 1;
const isElement = (node: Node): node is Element => node.nodeType === elementNode;
