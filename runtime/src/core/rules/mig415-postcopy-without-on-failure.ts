import { askedBy, techniquesOf } from './techniques.js';
import { evacuate } from './example.js';
import type { HostRule } from './rule.js';

export const postcopyWithoutOnFailure: HostRule = {
    id: 'MIG415',
    name: 'postcopy-without-on-failure',
    severity: 'warning',
    needs: 'program',
    summary: 'Post-copy may be used, and the policy does not say what happens when a move fails.',
    avoid: evacuate({ inventory: 'none', using: 'hybrid', onFailure: 'none' }),
    prefer: evacuate({ inventory: 'none', using: 'hybrid' }),
    rationale:
        'A move that has switched to post-copy cannot be called off: when the network fails then, the VM stands still until both hosts meet again. Somebody has to hear of it, and no other VM should follow into the same trouble.',
    source: "QEMU's documentation of post-copy recovery: a broken channel pauses both sides until it is repaired.",
    byPart: true,
    check: ({ program }, report) => {
        for (const policy of program.policies) {
            if (policy.onFailure !== undefined) continue;
            const risky = techniquesOf(policy).find((technique) => askedBy(technique).has('postcopy'));
            if (!risky) continue;
            report(risky.range, `${policy.name} may use post-copy (${risky.name}), and does not say what happens when a move fails`, {
                hint: 'add `on failure leave and report`, or `on failure report, then halt plan`',
            });
        }
    },
};
