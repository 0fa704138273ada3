import { execFileSync } from 'node:child_process';
import path from 'node:path';

/** Tests that start `mig-run` start what was built from the sources of this moment. */
export default function setup(): void {
    const root = path.resolve(import.meta.dirname, '../..');
    execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}
