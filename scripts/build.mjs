// Builds what is run: the parser's tables, the bundle of mig-run and, with --extension, the extension with its server.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages, node, root, run } from './setup.mjs';

installPackages();
const newer = (a, b) => !existsSync(join(root, b)) || statSync(join(root, a)).mtimeMs > statSync(join(root, b)).mtimeMs;
const generated = 'language/src/generated/ast.ts';
if (newer('language/src/policy.langium', generated) || newer('language/langium-config.json', generated)) {
    run('npx', ['--no-install', 'langium', 'generate', '--file', 'language/langium-config.json'], {
        stdio: ['ignore', 'ignore', 'inherit'],
    });
}
run(node(), ['scripts/bundle.mjs']);
if (process.argv.includes('--extension')) run(node(), ['extension/build.mjs', '--vsix']);
