// `node scripts/bundle.mjs`: mig-run as few files for Node, since a start costs one read instead of a thousand. Each command
// loads its own part, and the thread that compiles policies its own. `node scripts/bundle.mjs ENTRY OUT`: one file of ENTRY.
import { basename } from 'node:path';
import { build } from 'esbuild';
import { putInPlace } from './builds.mjs';

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
    const { outputFiles } = await build({
        ...shared,
        write: false,
        entryPoints: { 'mig-run': 'runtime/src/edges/cli/main.ts', 'thread-entry': 'runtime/src/edges/cli/compile/thread-entry.ts' },
        // As deep as it will stand, so that the maps lead to the sources.
        outdir: 'runtime/dist/bundle/build',
        splitting: true,
        // Beside the entries, so that a part finds the thread's file where its source does.
        chunkNames: '[name]-[hash]',
    });
    await putInPlace('runtime/dist/bundle', new Map(outputFiles.map(({ path, contents }) => [basename(path), contents])), 'mig-run.js');
} else {
    await build({ ...shared, entryPoints: [entry], outfile: out });
}
