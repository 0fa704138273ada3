import { ast } from '@mig/language/lsp';
import { type AstNode, type AstNodeDescription, isAstNodeDescription } from 'langium';
import type { NodeKindProvider } from 'langium/lsp';
import { CompletionItemKind, SymbolKind } from 'vscode-languageserver';

interface Kinds {
    readonly symbol: SymbolKind;
    readonly completion: CompletionItemKind;
}

/** With which picture each declaration is shown in outlines and completions. */
const kinds: Readonly<Record<string, Kinds>> = {
    [ast.Policy.$type]: { symbol: SymbolKind.Function, completion: CompletionItemKind.Function },
    [ast.Sequence.$type]: { symbol: SymbolKind.Function, completion: CompletionItemKind.Function },
    [ast.Technique.$type]: { symbol: SymbolKind.Class, completion: CompletionItemKind.Class },
    [ast.Scenario.$type]: { symbol: SymbolKind.Event, completion: CompletionItemKind.Event },
    [ast.Group.$type]: { symbol: SymbolKind.Array, completion: CompletionItemKind.Variable },
    [ast.Calendar.$type]: { symbol: SymbolKind.Array, completion: CompletionItemKind.Variable },
    [ast.Let.$type]: { symbol: SymbolKind.Constant, completion: CompletionItemKind.Constant },
    [ast.Param.$type]: { symbol: SymbolKind.Variable, completion: CompletionItemKind.Variable },
    [ast.Parameter.$type]: { symbol: SymbolKind.Variable, completion: CompletionItemKind.Variable },
};

const kindsOf = (node: AstNode | AstNodeDescription): Kinds | undefined => kinds[isAstNodeDescription(node) ? node.type : node.$type];

export class PolicyNodeKinds implements NodeKindProvider {
    getSymbolKind(node: AstNode | AstNodeDescription): SymbolKind {
        return kindsOf(node)?.symbol ?? SymbolKind.Field;
    }

    getCompletionItemKind(node: AstNode | AstNodeDescription): CompletionItemKind {
        return kindsOf(node)?.completion ?? CompletionItemKind.Reference;
    }
}
