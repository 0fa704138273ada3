/** Which ids there are, and which of them are rules: what can be silenced, and set in mig.config.yaml. */
import { checks, type RuleDoc, type RuleName, suppressionRules } from '@mig/language';
import { hostRules } from '../rules/index.js';

/** What is found beside the rules' rooms, and is a rule all the same: it warns, and stands in nobody's way. */
export const looseRules: readonly RuleDoc[] = [
    {
        id: 'MIG125',
        name: 'unknown-tag',
        severity: 'warning',
        summary: 'No VM and no host has a tag that the policy speaks of, and one with a name like it is there.',
        avoid: 'policy spread {\n  when every 1 h\n  move vms where vm.tags contains "wbe"\n  to hosts\n  using precopy\n}\n',
        prefer: 'policy spread {\n  when every 1 h\n  move vms where vm.tags contains "web"\n  to hosts\n  using precopy\n}\n',
        rationale:
            'A condition on a tag that nobody bears selects nothing, and the policy does nothing without an error. A tag may well be given later; one letter beside an existing tag is a slip.',
        source: 'Tags are free text in libvirt metadata and in the inventory; nothing else checks their spelling.',
    },
    {
        id: 'MIG400',
        name: 'not-everything-checked',
        severity: 'info',
        summary: 'Something that the policy asks for was not judged, because what decides over it is not known of the hosts.',
        avoid: 'policy evacuate {\n  when host is in maintenance\n  move vms on host\n  to hosts\n  using precopy\n}\n',
        prefer: 'inventory "hosts.yaml"\n\npolicy evacuate {\n  when host is in maintenance\n  move vms on host\n  to hosts\n  using precopy\n}\n',
        rationale:
            'A policy in which nothing is found may still be wrong for the hosts that it meets. `plan` looks at them; an inventory can ' +
            'state versions, certificates, devices and the like; and a policy that says what becomes of VMs that cannot be moved ' +
            '(`immovable: skip`) misses no look at them.',
        source: 'What a version of QEMU or libvirt can do is known only where the version is.',
    },
    {
        id: 'MIG500',
        name: 'looked-at-in-part',
        severity: 'info',
        summary:
            'A rule on conflicts did not look at all policies: there are so many, or so many hosts and VMs, that it would take too long.',
        avoid: '// thousands of policies in one file, on hundreds of hosts\n\npolicy evacuate {\n  when host is in maintenance\n  move vms on host\n  to hosts\n  using precopy\n}\n',
        prefer: '// the policies of one cluster, beside the inventory of its hosts\n\npolicy evacuate {\n  when host is in maintenance\n  move vms on host\n  to hosts\n  using precopy\n}\n',
        rationale:
            'Rules that try policies on hosts have so many steps, so that a check stays short; a step is a VM or a host that is looked at. What is left is named, by rule and always the same, since silence would read as soundness.',
        source: 'Linters and solvers that give up without a word are the reason why "no finding" is not believed.',
    },
];

/** What is no rule and is found outside the compiler: no comment silences it, and its severity is not set. */
export const otherErrors = {
    MIG010: 'a file that is not YAML, or not of the kind that it should be',
    MIG011: 'an unknown key',
    MIG012: 'a value that is missing or cannot be',
    MIG013: 'something that is written twice',
    MIG014: 'values that do not go together',
    MIG015: 'an inventory that cannot be used',
    MIG090: 'a capability that cannot be carried out yet',
    MIG121: 'a host that the inventory does not have',
    MIG122: 'a VM that no host runs',
    MIG123: 'a zone that no host is in',
    MIG124: 'a rack that no host is in',
    MIG126: 'a network that no host has',
    MIG301: 'a share of a link whose capacity is not known',
    MIG302: 'a share of nothing that is known',
} as const;

/** What an id that is no rule stands for, in words; undefined for a rule, and for what is no id. */
export function wordsOfError(id: string): string | undefined {
    if (id in checks) return checks[id as keyof typeof checks];
    return id in otherErrors ? otherErrors[id as keyof typeof otherErrors] : undefined;
}

export const isFixed = (id: string): boolean => id in checks || id in otherErrors;

/** Rules that a comment may silence. `textRules` are those that the compiler ran. */
export function silenceable(textRules: readonly RuleName[]): readonly RuleName[] {
    return [...textRules, ...hostRules, ...looseRules];
}

/** Rules whose severity can be set. */
export function settable(textRules: readonly RuleName[]): readonly RuleName[] {
    return [...silenceable(textRules), ...suppressionRules];
}
