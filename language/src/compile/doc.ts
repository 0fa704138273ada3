import type { AstNode } from 'langium';
import { CstUtils } from 'langium';

/** The text of the doc comment before a declaration, without its stars. */
export function docOf(node: AstNode): string | undefined {
    const comment = CstUtils.findCommentNode(node.$cstNode, ['ML_COMMENT'])?.text;
    if (comment?.startsWith('/**') !== true || comment === '/**/') return undefined;
    const text = comment
        .slice(3, -2)
        .split(/\r?\n/)
        .map((line) => line.trim().replace(/^\*\s?/, ''))
        .join('\n')
        .trim();
    return text === '' ? undefined : text;
}
