// Drains a real host on this machine: see README.
import { spawn } from 'node:child_process';
import { environment, installLabPrograms, installPackages, node, root, run, say } from './setup.mjs';

installPackages();
installLabPrograms();
run(node(), ['scripts/build.mjs']);
say('');
// Ctrl-C reaches the demo from the terminal; this process only waits for it to have cleaned up.
const demo = spawn(node(), ['runtime/bin/mig-run.cjs', 'lab', 'demo'], { cwd: root, stdio: 'inherit', env: environment });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signal !== 'SIGINT' && demo.kill(signal));
demo.on('close', (code) => process.exit(code ?? 1));
