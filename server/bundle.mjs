// Writes the language server as one file: `node server/bundle.mjs OUTFILE [--minify]`.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** The Node of the oldest editor that is supported (VS Code 1.101). */
const target = 'node22';

/** Options that every bundle of the editor shares. */
export const shared = {
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target,
    sourcemap: true,
    sourcesContent: false,
    // Workspace packages are bundled from their sources; libraries as ES modules, which leave out what is not used.
    conditions: ['source'],
    mainFields: ['module', 'main'],
    logLevel: 'warning',
    legalComments: 'none',
};

export function bundleServer(outfile, { minify = false } = {}) {
    const entryPoints = [fileURLToPath(new URL('src/main.ts', import.meta.url))];
    // Names stay as they are, since errors are told by them. To have esbuild keep them while it shortens others costs a call
    // for each function that is made, a sixth of the time that a keystroke takes.
    return build({ ...shared, minifyWhitespace: minify, minifySyntax: minify, entryPoints, outfile });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const [outfile, ...flags] = process.argv.slice(2);
    if (outfile === undefined || flags.some((flag) => flag !== '--minify')) {
        console.error('usage: node server/bundle.mjs OUTFILE [--minify]');
        process.exit(2);
    }
    await bundleServer(resolve(outfile), { minify: flags.includes('--minify') });
}
