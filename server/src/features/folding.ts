import { ast } from '@mig/language/lsp';
import type { AstNode } from 'langium';
import { DefaultFoldingRangeProvider } from 'langium/lsp';

/** One fold for each body: that of a technique belongs to the technique and to what it uses, and is folded once. */
export class PolicyFolding extends DefaultFoldingRangeProvider {
    protected override shouldProcess(node: AstNode): boolean {
        return !ast.isTechnique(node.$container) && super.shouldProcess(node);
    }
}
