// `node scripts/bundle.mjs [ENTRY OUT]`: one file for Node; mig-run unless said. A start costs one read instead of a thousand.
import { build } from 'esbuild';

const [entry = 'runtime/src/edges/cli/main.ts', out = 'runtime/dist/mig-run.js'] = process.argv.slice(2);

await build({
    entryPoints: [entry],
    outfile: out,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22.13',
    conditions: ['source'],
    sourcemap: 'linked',
    // Half the text to read at each start; names stay as they are, and lines short enough for an error's trace.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 200,
    // ssh2 tries its native helpers and goes on without them.
    external: ['cpu-features', '*.node'],
    // What CommonJS packages take for granted.
    banner: {
        js: [
            "import { createRequire as __createRequire } from 'node:module';",
            'const require = __createRequire(import.meta.url), __dirname = import.meta.dirname, __filename = import.meta.filename;',
        ].join(' '),
    },
    logLevel: 'warning',
});
