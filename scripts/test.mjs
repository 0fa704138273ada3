// The whole suite, set-up included: types, style, unit tests, the lab on real QEMU, the editor in a real VS Code.
import { spawnSync } from 'node:child_process';
import { environment, installLabPrograms, installPackages, node, root, run } from './setup.mjs';

installPackages();
installLabPrograms();
run(node(), ['scripts/build.mjs', '--extension']);
run('tsc', ['-b']);
run('npm', ['run', '--silent', 'lint']);
// Not `run`: the runner's own summary is the last thing that a reader should see.
const tests = spawnSync('vitest', ['run', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit', env: environment });
process.exit(tests.status ?? 1);
