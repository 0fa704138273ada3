import type { Finding, HostSequence, Policy } from '@mig/language';
import type { HostRule, HostRuleInput } from './rule.js';

type Part = Policy | HostSequence;
type Look = (rule: HostRule, input: HostRuleInput) => readonly Finding[];

/** What rules found of policies and sequences, for as long as these and the hosts are the same objects. */
export class RuleMemory {
    #hosts: Pick<HostRuleInput, 'inventory' | 'snapshot'> = { inventory: undefined, snapshot: undefined };
    #found = new WeakMap<Part, Map<HostRule, readonly Finding[]>>();

    /** What is known beside these hosts. */
    beside({ inventory, snapshot }: HostRuleInput): this {
        if (inventory !== this.#hosts.inventory || snapshot !== this.#hosts.snapshot) this.#found = new WeakMap();
        this.#hosts = { inventory, snapshot };
        return this;
    }

    /** What a rule finds; undefined for one that looks at all parts together. */
    found(rule: HostRule, input: HostRuleInput, look: Look): readonly Finding[] | undefined {
        if (rule.byPart !== true) return undefined;
        const { program } = input;
        const none = { ...program, policies: [], sequences: [] };
        return [
            ...program.policies.flatMap((policy) =>
                this.#ofPart(rule, policy, () => look(rule, { ...input, program: { ...none, policies: [policy] } })),
            ),
            ...program.sequences.flatMap((sequence) =>
                this.#ofPart(rule, sequence, () => look(rule, { ...input, program: { ...none, sequences: [sequence] } })),
            ),
        ];
    }

    #ofPart(rule: HostRule, part: Part, look: () => readonly Finding[]): readonly Finding[] {
        let ofPart = this.#found.get(part);
        if (!ofPart) this.#found.set(part, (ofPart = new Map<HostRule, readonly Finding[]>()));
        let found = ofPart.get(rule);
        if (!found) ofPart.set(rule, (found = look()));
        return found;
    }
}
