/** What the linter finds in its own comments, documented as rules are. They are set in mig.config.yaml, and no comment silences them. */
import type { RuleDoc } from '../rules/rule.js';

const policy = `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
}
`;
const lone = (comment: string): string => `${comment}\n${policy}`;

export const suppressionRules: readonly RuleDoc[] = [
    {
        id: 'MIG007',
        name: 'suppression-without-reason',
        severity: 'warning',
        summary: 'A comment silences a rule and does not say why.',
        avoid: lone('// mig-disable-next-line unknown-tag'),
        prefer: policy,
        rationale:
            'A rule is silenced where somebody knows better. Whoever reads the policy a year later has to know what was known, to tell whether it still holds. A comment without a reason therefore silences nothing.',
        source: 'The practice of other linters: a directive that may leave its reason out mostly does.',
    },
    {
        id: 'MIG008',
        name: 'suppression-of-no-rule',
        severity: 'warning',
        summary:
            'A comment, or mig.config.yaml, names a rule that does not exist, or a comment silences nothing because its own word is misspelt.',
        avoid: lone('// mig-disable-next-line unknwon-tag -- tags are set by another team'),
        prefer: policy,
        rationale: 'A misspelt rule stays as loud as it was, or as silent; the one who wrote the line believes otherwise.',
        source: 'A slip of the pen; rules that were taken out between two versions.',
    },
    {
        id: 'MIG009',
        name: 'stale-suppression',
        severity: 'warning',
        summary: 'A comment silences a rule that finds nothing on the next line.',
        avoid: lone('// mig-disable-next-line MIG101 -- it was needed once'),
        prefer: policy,
        rationale:
            'What the comment was for has been mended or has moved. Left where it is, it silences the next mistake that somebody makes on that line. A rule that lacks an inventory or a snapshot is not judged; an error of the compiler is never silenced.',
        source: 'Policies are edited by line, and comments stay behind.',
    },
];
