import type { Finding, HostSequence, Policy } from '@mig/language';
import type { HostRuleInput } from './rule.js';

type Part = Policy | HostSequence;

/** What rules that judge by part found of policies and sequences, for as long as these and the hosts are the same objects. */
export class RuleMemory {
    #hosts: Pick<HostRuleInput, 'inventory' | 'snapshot'> = { inventory: undefined, snapshot: undefined };
    #found = new WeakMap<Part, readonly Finding[]>();

    /** What `look` finds in each part, taken over where it has been looked at beside these hosts. */
    ofParts(input: HostRuleInput, look: (input: HostRuleInput) => readonly Finding[]): readonly Finding[] {
        const { program, inventory, snapshot } = input;
        if (inventory !== this.#hosts.inventory || snapshot !== this.#hosts.snapshot) this.#found = new WeakMap();
        this.#hosts = { inventory, snapshot };
        const found: Finding[] = [];
        const none = { ...program, policies: [], sequences: [] };
        for (const policy of program.policies) {
            found.push(...this.#of(policy, () => look({ ...input, program: { ...none, policies: [policy] } })));
        }
        for (const sequence of program.sequences) {
            found.push(...this.#of(sequence, () => look({ ...input, program: { ...none, sequences: [sequence] } })));
        }
        return found;
    }

    #of(part: Part, look: () => readonly Finding[]): readonly Finding[] {
        let found = this.#found.get(part);
        if (!found) this.#found.set(part, (found = look()));
        return found;
    }
}
