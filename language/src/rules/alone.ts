/**
 * Ids of the rules that say nothing of a file that others import, since these may use what nothing in it does: the unused
 * param, let, group, technique and calendar. A list of its own, so that a command can ask for it without loading the rules.
 */
export const rulesOfFilesAlone: ReadonlySet<string> = new Set(['MIG130', 'MIG131', 'MIG132', 'MIG133', 'MIG139']);
