// `node scripts/bench.mjs NAME`: bundles test/bench/NAME.ts and runs it.
import { spawnSync } from 'node:child_process';
import { environment, fail, installLabPrograms, installPackages, node, root, run } from './setup.mjs';

const name = process.argv[2];
if (name === undefined) fail('usage: node scripts/bench.mjs NAME');
installPackages();
installLabPrograms();
run(node(), ['scripts/build.mjs'], { stdio: ['ignore', 2, 2] });
const bundle = `test/dist/bench-${name}.mjs`;
run(
    'esbuild',
    [
        `test/bench/${name}.ts`,
        `--outfile=${bundle}`,
        '--bundle',
        '--platform=node',
        '--format=esm',
        '--target=node22.13',
        '--conditions=source',
        '--external:cpu-features',
        '--external:*.node',
        "--banner:js=import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
        '--log-level=warning',
    ],
    { stdio: ['ignore', 2, 2] },
);
process.exit(spawnSync(node(), [bundle, ...process.argv.slice(3)], { cwd: root, stdio: 'inherit', env: environment }).status ?? 1);
