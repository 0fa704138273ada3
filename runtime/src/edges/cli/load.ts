import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Finding, Program, RuleName } from '@mig/language';
import { type Inventory, MigrationError, parseInventory } from '../../core/index.js';
import type { Compiling } from './compile/compiling.js';

/** Findings with the text that they stand in, so that they can be shown with their line. */
export interface FindingsOf {
    readonly findings: readonly Finding[];
    /** Text by `Finding.range.source`. */
    readonly sources: readonly { readonly path: string; readonly text: string }[];
}

export interface LoadedPolicy extends FindingsOf {
    readonly program: Program | undefined;
    readonly path: string;
    /** The rules that were run when it was compiled. */
    readonly textRules: readonly RuleName[];
}

export interface LoadedInventory extends FindingsOf {
    readonly inventory: Inventory | undefined;
    readonly path: string;
}

/** Reads and compiles a policy file. Throws `file-unreadable`; what is wrong inside is in the findings. */
export async function loadPolicy(
    file: string,
    set: Readonly<Record<string, string>>,
    compiling: Compiling,
    keep?: { readonly kept: boolean },
): Promise<LoadedPolicy> {
    const text = await read(file, 'the policy');
    const uri = pathToFileURL(path.resolve(file)).href;
    const { program, findings, sources, texts, rules } = await compiling.compile({ uri, text, set, environment: process.env }, keep);
    return {
        program,
        findings,
        path: file,
        textRules: rules,
        sources: sources.map((s) => ({ path: shownPath(s.uri), text: texts.get(s.uri) ?? '' })),
    };
}

/** The one policy of a command: the compiler is at work while the command does something else, and its thread ends with it. */
export function beginToLoad(file: string, set: Readonly<Record<string, string>>, compiling: Compiling): Promise<LoadedPolicy> {
    const loading = loadPolicy(file, set, compiling).finally(() => compiling[Symbol.dispose]());
    loading.catch(() => undefined); // told to whoever waits for it
    return loading;
}

/** The inventory named on the command line, else the one that the policy names; `readFrom` knows those that were read before. */
export async function loadInventory(
    option: string | undefined,
    policy: LoadedPolicy,
    readFrom: (file: string) => Promise<LoadedInventory> = readInventory,
): Promise<LoadedInventory> {
    const named = policy.program?.inventory;
    if (option === undefined && named === undefined) {
        throw new MigrationError('inventory-missing', `${policy.path} names no inventory`, {
            hint: 'add `inventory "hosts.yaml"` at its top, or use --inventory FILE',
        });
    }
    const base = named === undefined ? undefined : policy.program?.sources[named.range.source]?.uri;
    const file =
        option ?? path.relative('.', path.resolve(base === undefined ? '.' : path.dirname(fileURLToPath(base)), named?.path ?? ''));
    return readFrom(file);
}

/** Throws `file-unreadable`; what is wrong inside is in the findings. */
export async function readInventory(file: string): Promise<LoadedInventory> {
    const text = await read(file, 'the inventory');
    const parsed = parseInventory(text, pathToFileURL(path.resolve(file)).href);
    return { ...parsed, path: file, sources: [{ path: file, text }] };
}

/** Reads a text file that a person named. Throws `file-unreadable`. */
export async function read(file: string, what: string): Promise<string> {
    try {
        return await readFile(file, 'utf8');
    } catch (cause) {
        const code = (cause as NodeJS.ErrnoException).code;
        const why =
            code === 'ENOENT'
                ? 'there is no such file'
                : code === 'EISDIR'
                  ? 'it is a directory'
                  : code === 'EACCES'
                    ? 'no permission to read it'
                    : String(cause);
        throw new MigrationError('file-unreadable', `cannot read ${what} ${file}: ${why}`, { cause, hint: 'check the path' });
    }
}

/** As a person would write it from here. */
export function shownPath(uri: string): string {
    const absolute = uri.startsWith('file:') ? fileURLToPath(uri) : uri;
    const relative = path.relative('.', absolute);
    return relative.startsWith('..' + path.sep + '..') ? absolute : relative;
}
