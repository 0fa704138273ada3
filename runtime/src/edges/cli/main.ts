/** The door of `mig-run`. What takes longest to make ready is begun before anything else is loaded. */
import { Compiling } from './compile/compiling.js';

const words = process.argv.slice(2);
/** Commands that compile nothing, or something else than the file that they name. */
const others = ['fmt', 'explain', 'lab'];
const policy = others.includes(words[0] ?? '') ? undefined : words.find((word) => word.endsWith('.mig'));
if (policy !== undefined) Compiling.beginAhead(policy);

const { run } = await import('./command-line.js');
// The process need not take itself apart piece by piece.
process.exit(await run(words));
