// `node scripts/bundle.mjs`: mig-run as few files for Node, since a start costs one read instead of a thousand. Each command
// loads its own part, and the thread that compiles policies its own. `node scripts/bundle.mjs ENTRY OUT`: one file of ENTRY.
import { rm } from 'node:fs/promises';
import { build } from 'esbuild';

const [entry, out] = process.argv.slice(2);

const shared = {
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
    // Outside the editor Langium uses of the protocol only what that takes from there.
    alias: { 'vscode-languageserver-protocol': 'vscode-jsonrpc' },
    // What CommonJS packages take for granted.
    banner: {
        js: [
            "import { createRequire as __createRequire } from 'node:module';",
            'const require = __createRequire(import.meta.url), __dirname = import.meta.dirname, __filename = import.meta.filename;',
        ].join(' '),
    },
    logLevel: 'warning',
};

if (entry === undefined) {
    const outdir = 'runtime/dist/bundle';
    await rm(outdir, { recursive: true, force: true });
    await build({
        ...shared,
        entryPoints: { 'mig-run': 'runtime/src/edges/cli/main.ts', 'compile-policy': 'runtime/src/edges/cli/compile-policy.ts' },
        outdir,
        splitting: true,
        // Beside the entries, so that a part finds the thread's file where its source does.
        chunkNames: '[name]-[hash]',
    });
} else {
    await build({ ...shared, entryPoints: [entry], outfile: out });
}
