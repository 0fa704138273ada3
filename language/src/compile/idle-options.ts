/** Options that do nothing for the technique that they stand in. */
import * as ast from '../generated/ast.js';
import type { TechniqueUse } from '../program.js';
import type { Context } from './context.js';

type BuiltIn = Extract<TechniqueUse, { readonly kind: 'technique' }>;

const stands = 'the guest stands still while its memory is sent';

/** Why an option does nothing, by technique and option. */
const idle: { readonly [kind in BuiltIn['technique']]?: { readonly [option in ast.TechniqueOption['$type']]?: string } } = {
    'stop-and-copy': {
        DowntimeOption: `stop-and-copy has no use for a downtime limit: ${stands}. A promise (\`require downtime <= …\`) says what is not to be passed.`,
        ThrottleOption: `stop-and-copy has nothing to throttle: ${stands}.`,
    },
    postcopy: { ThrottleOption: 'postcopy has nothing to throttle: the guest goes to its destination at once, and pages are sent once.' },
    hybrid: {
        ThrottleOption: 'hybrid has nothing to throttle: it switches to post-copy after one pass, and throttling begins after that.',
    },
};

const noSwitch = 'precopy without a rung that switches to post-copy has no use for the bandwidth of that.';

/** Reports each of the options written here that does nothing in `use`. */
export function checkIdle(items: readonly ast.TechniqueItem[], use: BuiltIn, context: Context): void {
    for (const item of items) {
        if (ast.isRung(item)) continue;
        const why = idle[use.technique]?.[item.$type];
        if (why !== undefined) context.report('MIG006', context.range(item), why);
        const switches = use.ladder.some(({ action }) => action.kind === 'switch-to-postcopy');
        if (use.technique === 'precopy' && !switches && ast.isPostcopyBandwidthOption(item))
            context.report('MIG006', context.range(item), noSwitch, {
                hint: 'Add such a rung (`after 60 s: switch to postcopy`), or take the option out.',
            });
    }
}
