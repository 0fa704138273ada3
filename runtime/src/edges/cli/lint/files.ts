import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { MigrationError } from '../../../core/index.js';
import { standardInput } from '../load.js';

/**
 * The policies that words on a command line mean: a file is itself, a directory every `.mig` below it, and a pattern
 * (`*`, `**`, `?`, `{a,b}`) what fits it; `-` is standard input. Hidden directories and node_modules are left out. Each file once, those of one
 * word in the order of their names. Throws `file-unreadable` for a word that means nothing.
 */
export async function policyFiles(words: readonly string[]): Promise<readonly string[]> {
    const files = new Map<string, string>();
    for (const word of words) {
        for (const file of await filesOf(word)) {
            const absolute = path.resolve(file);
            if (!files.has(absolute)) files.set(absolute, file);
        }
    }
    return [...files.values()];
}

async function filesOf(word: string): Promise<readonly string[]> {
    if (word === standardInput.word) return [word];
    const kind = await stat(word).catch(() => undefined);
    const isPattern = kind === undefined && /[*?{]/.test(word);
    // What is wrong with a file that was named is told when it is read.
    if (!isPattern && kind?.isDirectory() !== true) return [word];
    const top = isPattern ? stem(word) : word;
    const pattern = isPattern ? expressionOf(path.normalize(word)) : /\.mig$/;
    const found = (await below(top)).filter((file) => pattern.test(file)).sort();
    if (found.length > 0) return found;
    throw new MigrationError('file-unreadable', isPattern ? `no file fits ${word}` : `${word} has no policies`, {
        hint: isPattern ? 'check the pattern' : 'policies are files whose names end with .mig',
    });
}

/** The directories before the first part that is a pattern. */
function stem(pattern: string): string {
    const parts = path.normalize(pattern).split(path.sep);
    const plain = parts.slice(
        0,
        parts.findIndex((part) => /[*?{]/.test(part)),
    );
    return plain.length === 0 ? '.' : plain.join(path.sep) || path.sep;
}

async function below(directory: string): Promise<readonly string[]> {
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
    const lists = await Promise.all(
        entries.map(async (entry): Promise<readonly string[]> => {
            const name = path.join(directory, entry.name);
            if (entry.isFile() || entry.isSymbolicLink()) return [name];
            return entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules' ? below(name) : [];
        }),
    );
    return lists.flat();
}

/** What each sign of a pattern means; anything else is itself. */
const signs: Readonly<Record<string, string>> = {
    '**/': '(?:.*/)?',
    '**': '.*',
    '*': '[^/]*',
    '?': '[^/]',
    '{': '(?:',
    '}': ')',
    ',': '|',
};

function expressionOf(pattern: string): RegExp {
    let depth = 0;
    const source = pattern.replaceAll(/\*\*\/|\*\*|[\s\S]/g, (sign) => {
        if (sign === '{') depth += 1;
        const meaning = sign === ',' && depth === 0 ? undefined : signs[sign];
        if (sign === '}') depth -= 1;
        return meaning ?? sign.replace(/[.+^$()|[\]\\]/, String.raw`\$&`);
    });
    return new RegExp(`^${source}$`);
}
