import { type Facility } from '../versions/facilities.js';
import { type CombinationFact, combinationFacts } from '../versions/matrix.js';
import { moversOf } from './movers.js';
import { evacuate } from './example.js';
import type { HostRule } from './rule.js';
import { askedBy, techniquesOf } from './techniques.js';
import { isAsked, usesText } from './version-rule.js';

export const optionsApart: HostRule = {
    id: 'MIG406',
    name: 'options-apart',
    severity: 'error',
    needs: 'program',
    summary: 'A technique asks for things that cannot be had together, or for one that needs another, whatever the versions.',
    avoid: evacuate({ inventory: 'none', using: 'precopy {\n  streams 4\n  xbzrle cache 64 MiB\n  after 5 min: abort\n}' }),
    prefer: evacuate({ inventory: 'none', using: 'precopy {\n  xbzrle cache 64 MiB\n  after 5 min: abort\n}' }),
    rationale:
        'Some pairs are refused when the move begins, some are accepted and one of the two does nothing, and some would leave a guest ' +
        'with disks that are behind it.',
    source: 'The table of combinations in the version matrix (docs/versions.md), one source a row.',
    byPart: true,
    check: ({ program }, report) => {
        for (const mover of moversOf(program)) {
            for (const technique of techniquesOf(mover)) {
                for (const fact of combinationsIn(askedBy(technique))) {
                    report(technique.range, combinationMessage(fact), { hint: fact.cure });
                }
            }
        }
    },
};

/** Rows that speak against what is asked for. */
export const combinationsIn = (asked: ReadonlySet<Facility>): readonly CombinationFact[] =>
    combinationFacts.filter((fact) => isAsked(fact, asked) && (fact.without === undefined || !asked.has(fact.without)));

export const combinationMessage = ({ uses, without, what }: CombinationFact): string =>
    `${usesText(uses)}${without === undefined ? '' : ` without ${usesText([without])}`}: ${what}`;
