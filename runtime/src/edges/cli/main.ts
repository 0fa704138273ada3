/** The door of `mig-run`. What takes longest to make ready is begun before anything else is loaded. */
import { Compiling } from './compile/compiling.js';

const words = process.argv.slice(2);
// `lab exec` has the words of another command, which sees to itself.
const policy = words[0] === 'lab' ? undefined : words.find((word) => word.endsWith('.mig'));
if (policy !== undefined) Compiling.beginAhead(policy);

const { run } = await import('./command-line.js');
// All is written and closed by now: the process need not take itself apart piece by piece.
process.exit(await run(words));
