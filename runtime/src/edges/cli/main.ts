/** The door of `mig-run`. What takes longest to make ready is begun before anything else is loaded. */
import { Compiling } from './compiling.js';

const words = process.argv.slice(2);
// `lab exec` has the words of another command, which sees to itself.
if (words[0] !== 'lab' && words.some((word) => word.endsWith('.mig'))) Compiling.beginAhead();

const { run } = await import('./command-line.js');
process.exitCode = await run(words);
