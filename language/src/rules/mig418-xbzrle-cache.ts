import { isInside } from '../places.js';
import { AstUtils } from 'langium';
import { textOf } from '../compile/context.js';
import * as ast from '../generated/ast.js';
import type { SourceRange } from '../program.js';
import { formatQuantity, parseQuantity } from '../units.js';
import type { TextRule } from './rule.js';
import { techniquesIn } from './written.js';

/** QEMU's pages on x86: a cache holds one at the least. */
const smallest = 4096;

export const xbzrleCache: TextRule = {
    id: 'MIG418',
    name: 'xbzrle-cache',
    severity: 'error',
    summary: 'An xbzrle cache whose size is no power of two, or less than a page.',
    avoid: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy { xbzrle cache 100 MiB  after 10 min: abort }
}
`,
    prefer: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy { xbzrle cache 128 MiB  after 10 min: abort }
}
`,
    rationale:
        'QEMU finds a page in the cache by the lowest bits of its address, so the cache has 2, 4, 8, … pages. It refuses any other size when the move begins, and the move with it.',
    source: 'Tried on QEMU 7.2.22: xbzrle-cache-size that is no power of two is refused when it is set.',
    byPart: true,
    check: (input, report) => {
        const said: SourceRange[] = [];
        const say = (range: SourceRange, bytes: number, inPlace: boolean): void => {
            const better = nearest(bytes);
            const text = formatQuantity(better, 'size');
            said.push(range);
            report(
                range,
                `An xbzrle cache of ${formatQuantity(bytes, 'size')} is refused: its size has to be a power of two, and a page at the least.`,
                {
                    hint: `Write ${text}.`,
                    fixes: inPlace ? [{ title: `Change to ${text}`, edits: [{ range, newText: text }] }] : [],
                },
            );
        };
        const declared = input.document.textDocument.getText().includes('xbzrle') ? input.declarations : [];
        for (const node of declared.filter(mentionsIt).flatMap((declaration) => AstUtils.streamAst(declaration).toArray())) {
            if (!ast.isXbzrleOption(node) || !ast.isQuantityLiteral(node.value)) continue;
            const size = parseQuantity(node.value.text);
            if (size.ok && size.dimension === 'size' && !isCache(size.value)) say(input.context.range(node.value), size.value, true);
        }
        // A size that comes from a param or an argument.
        for (const { use } of techniquesIn(input)) {
            const bytes = use.options.xbzrleCache;
            if (bytes === undefined || isCache(bytes) || said.some((range) => isInside(range, use.range))) continue;
            say(use.range, bytes, false);
        }
    },
};

/** Going through every node of a long file takes a tenth of all that is done with it. */
const mentionsIt = (declaration: ast.Declaration): boolean => textOf(declaration).includes('xbzrle');

const isCache = (bytes: number): boolean => bytes >= smallest && Number.isInteger(Math.log2(bytes));

const nearest = (bytes: number): number => 2 ** Math.round(Math.log2(Math.max(bytes, smallest)));
