// Builds the extension: `node extension/build.mjs [--vsix] [--minify]`.
// Everything is bundled into two files, so that the package needs no node_modules beside it.
import { cp, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleServer, shared } from '../server/bundle.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..');
const dist = join(here, 'dist');

/** Where the package is written by `--vsix`. */
export const vsixPath = join(dist, 'mig-policies.vsix');

/** Bundles the client and the server. */
export async function bundle({ minify = false } = {}) {
    await mkdir(dist, { recursive: true });
    await Promise.all([
        build({
            ...shared,
            minify,
            entryPoints: [join(here, 'src/extension.ts')],
            outfile: join(dist, 'extension.cjs'),
            external: ['vscode'],
        }),
        bundleServer(join(dist, 'server.cjs'), { minify }),
    ]);
}

/** Writes the installable package. Needs no network. */
export async function packageVsix() {
    const { createVSIX } = await import('@vscode/vsce');
    // Files of other rooms that the package carries, here only while it is written.
    const carried = {
        'LICENSE.txt': 'LICENSE',
        'schemas/inventory.schema.json': 'docs/inventory.schema.json',
        'schemas/config.schema.json': 'docs/config.schema.json',
        rules: 'docs/rules',
    };
    try {
        for (const [to, from] of Object.entries(carried)) await cp(join(root, from), join(here, to), { recursive: true });
        await createVSIX({ cwd: here, packagePath: vsixPath, dependencies: false, allowMissingRepository: true, skipLicense: true });
    } finally {
        for (const to of ['LICENSE.txt', 'schemas', 'rules']) await rm(join(here, to), { recursive: true, force: true });
    }
    return vsixPath;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const flags = new Set(process.argv.slice(2));
    const unknown = [...flags].filter((flag) => !['--vsix', '--minify'].includes(flag));
    if (unknown.length > 0) {
        console.error(`extension/build.mjs: unknown option ${unknown.join(', ')}; known are --vsix and --minify`);
        process.exit(2);
    }
    await bundle({ minify: flags.has('--minify') || flags.has('--vsix') });
    if (flags.has('--vsix')) {
        const path = await packageVsix();
        const { version } = JSON.parse(await readFile(join(here, 'package.json'), 'utf8'));
        console.log(`${path} (version ${version}, ${Math.round((await stat(path)).size / 1024)} KiB)`);
    }
}
