import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './mig-run.js';

export const readmePath = path.join(root, 'README.md');

/** The fenced blocks of one language in the README. */
export function blocks(language: string, text: string = readFileSync(readmePath, 'utf8')): readonly string[] {
    return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((m) => m[1] ?? '');
}

/** Every `mig-run` command of the README in order, as arguments; those of the lab apart, since they need root. */
export function commands(): { readonly plain: readonly string[][]; readonly lab: readonly string[][] } {
    const all = blocks('sh')
        .flatMap((block) => block.split('\n'))
        .filter((line) => line.startsWith('npx mig-run '))
        .map((line) =>
            line
                .replace(/\s+#.*$/, '')
                .split(/\s+/)
                .slice(2),
        );
    return { plain: all.filter((c) => c[0] !== 'lab'), lab: all.filter((c) => c[0] === 'lab') };
}
