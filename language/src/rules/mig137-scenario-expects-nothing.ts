import type { TextRule } from './rule.js';
import { firstLineOf } from './written.js';

export const scenarioExpectsNothing: TextRule = {
    id: 'MIG137',
    name: 'scenario-expects-nothing',
    severity: 'warning',
    summary: 'A scenario that runs a policy and expects nothing of it: it can never fail.',
    avoid: `policy drain { when host is in maintenance  move vms on host  to hosts  using precopy }
scenario "a host is emptied" {
  given host "a" is in maintenance
  run drain
}
`,
    prefer: `policy drain { when host is in maintenance  move vms on host  to hosts  using precopy }
scenario "a host is emptied" {
  given host "a" is in maintenance
  run drain
  expect failed vms == 0
}
`,
    rationale:
        'A scenario is the test of a policy. One without an expectation passes whatever the policy does, also when it moves nothing, and whoever sees it pass believes that the policy was tested. (A scenario that runs no policy is an error: MIG005.)',
    source: 'A test without an assertion, as linters of test frameworks report it (expect-expect of eslint-plugin-jest).',
    byPart: true,
    check: (input, report) => {
        for (const scenario of input.scenarios) {
            if (scenario.runs.length === 0 || scenario.expects.length > 0) continue;
            report(
                firstLineOf(scenario.range, input),
                `The scenario "${scenario.name}" expects nothing of what it runs: it can never fail.`,
                {
                    hint: 'Say what is expected, such as expect failed vms == 0.',
                },
            );
        }
    },
};
