// `node scripts/bench.mjs NAME`: bundles test/bench/NAME.ts and runs it.
import { spawnSync } from 'node:child_process';
import { environment, fail, installLabPrograms, installPackages, node, root, run } from './setup.mjs';

const [name, ...args] = process.argv.slice(2);
if (name === undefined) fail('usage: node scripts/bench.mjs NAME');
/** Benchmarks that run on hosts of their own, and need the lab for it. */
const onHosts = ['run'];
installPackages();
if (onHosts.includes(name)) installLabPrograms();
// stdout belongs to the benchmark's JSON.
const stdio = ['ignore', 2, 2];
run(node(), ['scripts/build.mjs'], { stdio });
const bundle = `test/dist/bench-${name}.mjs`;
run(node(), ['scripts/bundle.mjs', `test/bench/${name}.ts`, bundle], { stdio });
process.exit(spawnSync(node(), [bundle, ...args], { cwd: root, stdio: 'inherit', env: environment }).status ?? 1);
