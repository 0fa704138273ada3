/** Every rule that looks beyond the text. A new one is a file of its own and a line here. */
import type { Finding } from '@mig/language';
import { hostTooOld } from './mig401-host-too-old.js';
import type { HostRule, HostRuleInput } from './rule.js';
import { findingsOf, missing } from './run.js';

export type { HostReport, HostRule, HostRuleInput } from './rule.js';

export const hostRules: readonly HostRule[] = [hostTooOld];

/** What the rules find that have what they need. */
export const hostFindings = (input: HostRuleInput): readonly Finding[] => findingsOf(hostRules, input);

/** MIG400: which rules could not be applied, and for want of what. Undefined where nothing was missing. */
export const missingFor = (input: HostRuleInput): Finding | undefined => missing(hostRules, input);
