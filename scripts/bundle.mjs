// mig-run as one file: a start costs one read instead of a thousand.
import { build } from 'esbuild';

await build({
    entryPoints: ['runtime/src/edges/cli/main.ts'],
    outfile: 'runtime/dist/mig-run.js',
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22.13',
    conditions: ['source'],
    sourcemap: 'linked',
    // ssh2 tries its native helpers and goes on without them.
    external: ['cpu-features', '*.node'],
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
    logLevel: 'warning',
});
