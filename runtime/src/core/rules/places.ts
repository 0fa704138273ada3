import type { Program, SourceRange } from '@mig/language';

/** Where the program names its inventory; its start where it names none. */
export const inventoryRange = (program: Program): SourceRange => program.inventory?.range ?? startOfFile;

const startOfFile: SourceRange = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
