import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { text as textOf } from 'node:stream/consumers';
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

/** What stands for standard input where a policy is named, and what its findings are said to be in. */
export const standardInput = { word: '-', shown: '<stdin>' } as const;

/**
 * Reads and compiles a policy; what one from standard input refers to is beside it in the present directory. Throws
 * `file-unreadable`; what is wrong inside is in the findings.
 */
export async function loadPolicy(
    file: string,
    set: Readonly<Record<string, string>>,
    compiling: Compiling,
    keep?: { readonly kept: boolean },
): Promise<LoadedPolicy> {
    const isInput = file === standardInput.word;
    if (!isInput && path.extname(file) !== '.mig') throw notAPolicy(file);
    const text = isInput ? withoutMark(await textOf(process.stdin)) : await read(file, 'the policy');
    const uri = pathToFileURL(path.resolve(isInput ? `${standardInput.shown}.mig` : file)).href;
    const { program, findings, sources, texts, rules } = await compiling.compile({ uri, text, set, environment: process.env }, keep);
    return {
        program,
        findings,
        path: isInput ? standardInput.shown : file,
        textRules: rules,
        sources: sources.map((s) => ({
            path: isInput && s.uri === uri ? standardInput.shown : shownPath(s.uri),
            text: texts.get(s.uri) ?? '',
        })),
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
        return withoutMark(await readFile(file, 'utf8'));
    } catch (cause) {
        throw new MigrationError('file-unreadable', `cannot read ${what} ${file === '' ? "''" : file}: ${whyUnreadable(cause)}`, {
            cause,
            hint: 'check the path',
        });
    }
}

/** The byte order mark that some editors begin a file with is no part of its text, there as here. */
const withoutMark = (text: string): string => (text.startsWith('\uFEFF') ? text.slice(1) : text);

const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    ENOTDIR: 'what stands before its last / is no directory',
    EISDIR: 'it is a directory',
    EACCES: 'no permission to read it',
    EPERM: 'no permission to read it',
    ELOOP: 'it is a link that leads to itself',
    ENAMETOOLONG: 'its name is too long',
    EMFILE: 'too many files are open',
    EIO: 'its disk cannot be read',
};

/** Why a file could not be read, in words. */
export function whyUnreadable(cause: unknown): string {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    return reasons[code] ?? (cause instanceof Error ? cause.message : String(cause));
}

function notAPolicy(file: string): MigrationError {
    const isYaml = /\.ya?ml$/i.test(file);
    return new MigrationError('file-unreadable', `${file === '' ? "''" : file} is not a policy: its name does not end with .mig`, {
        hint: isYaml ? 'an inventory is read with the policy that names it, or by --inventory' : '`-` reads a policy from standard input',
    });
}

/** As a person would write it from here. */
export function shownPath(uri: string): string {
    const absolute = uri.startsWith('file:') ? fileURLToPath(uri) : uri;
    const relative = path.relative('.', absolute);
    return relative.startsWith('..' + path.sep + '..') ? absolute : relative;
}
