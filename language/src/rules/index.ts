/** Every rule that needs only text. A new one is a file of its own and a line here. */
import { ladderWithoutEnd } from './mig303-ladder-without-end.js';
import type { TextRule } from './rule.js';

export type { Report, RuleDoc, RuleInput, TextRule } from './rule.js';

export const textRules: readonly TextRule[] = [ladderWithoutEnd];
