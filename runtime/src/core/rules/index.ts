/** Every rule that looks beyond the text. A new one is a file of its own and a line here. */
import type { HostRule } from './rule.js';

export type { HostReport, HostRule, HostRuleInput } from './rule.js';

export const hostRules: readonly HostRule[] = [];
