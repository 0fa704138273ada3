/** What hover says about a declared name: how it was declared, what it is worth, and its doc comment. */
import { parseQuantity } from '@mig/language';
import { ast } from '@mig/language/lsp';
import type { AstNode } from 'langium';
import { describeQuantity } from '../../words/quantity-text.js';

/** Markdown about a declaration; undefined for nodes that declare no name. */
export function describeDeclaration(node: AstNode, doc: string | undefined): string | undefined {
    const head = headOf(node);
    if (head === undefined) return undefined;
    return [`\`\`\`mig\n${head}\n\`\`\``, doc, ...notes(node)].filter((part) => part !== undefined && part !== '').join('\n\n');
}

/** The declaration without its body, on one line. */
function headOf(node: AstNode): string | undefined {
    const text = node.$cstNode?.text;
    if (text === undefined) return undefined;
    if (ast.isParam(node) || ast.isLet(node) || ast.isGroup(node) || ast.isCalendar(node) || ast.isParameter(node)) return fold(text);
    if (ast.isPolicy(node) || ast.isTechnique(node) || ast.isSequence(node)) return fold(text.slice(0, bodyStart(text)));
    return undefined;
}

/** Only a body that is not on the same line is left out: `technique t = postcopy` has none. */
const bodyStart = (text: string): number => {
    const brace = text.indexOf('{');
    return brace < 0 ? text.length : brace;
};

function notes(node: AstNode): string[] {
    if (!ast.isParam(node)) return [];
    const value = node.value?.$cstNode?.text;
    const otherUnits = value !== undefined && parseQuantity(value).ok ? describeQuantity(value) : undefined;
    const set = `Set it with \`--set ${node.name}=…\` or in the environment with \`MIG_${node.name.toUpperCase()}\`.`;
    return otherUnits === undefined ? [set] : [otherUnits, set];
}

const fold = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
