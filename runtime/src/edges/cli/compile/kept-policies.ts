/**
 * Compiled policies, kept between two starts: a policy is planned and then run, or run each night, and hardly ever
 * changes in between. One is taken again only where the compiler, its text, its imports, the values set for its params and the
 * environment that they are read from are the same to the letter. Where nothing can be kept, all is slower.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { ownDirectory } from '../../own-directory.js';
import type { CompileRequest, Compiled } from './request.js';

/** Policies that are kept; the one that was compiled longest ago goes first. */
const atMost = 64;

interface Entry {
    readonly given: string;
    readonly compiled: Compiled;
}

export class KeptPolicies {
    readonly #directory: string;
    /** Tells this compiler from every other; without it nothing is kept. */
    readonly #build: string | undefined;

    constructor(directory: string, build: string | undefined) {
        this.#directory = directory;
        this.#build = build;
    }

    /** `$XDG_CACHE_HOME/mig-run/policies`, or `~/.cache/mig-run/policies`. */
    static ofThisBuild(environment: Readonly<Record<string, string | undefined>> = process.env): KeptPolicies {
        const base = environment['XDG_CACHE_HOME'];
        const cache = base !== undefined && path.isAbsolute(base) ? base : path.join(environment['HOME'] ?? homedir(), '.cache');
        return new KeptPolicies(
            path.join(cache, 'mig-run', 'policies'),
            orNothing(() => readFileSync(buildId, 'utf8')),
        );
    }

    /** Whether the text in `file` was compiled before; what was set then may have been different. */
    mayHave(file: string): boolean {
        const uri = pathToFileURL(path.resolve(file)).href;
        const text = orNothing(() => readFileSync(file, 'utf8'));
        return text !== undefined && existsSync(this.#fileOf({ uri, text }));
    }

    async recall(request: CompileRequest): Promise<Compiled | undefined> {
        if (this.#build === undefined) return undefined;
        try {
            const { given, compiled } = deserialize(await readFile(this.#fileOf(request))) as Entry;
            if (given !== givenBy(request)) return undefined;
            const imports = [...compiled.texts].filter(([uri]) => uri !== request.uri);
            const now = await Promise.all(imports.map(([uri]) => readFile(fileURLToPath(uri), 'utf8')));
            return imports.every(([, text], i) => text === now[i]) ? compiled : undefined;
        } catch {
            return undefined; // not there, not readable, or not ours: it is compiled again
        }
    }

    /** What is wrong is compiled anew each time: an import that is missing may be there the next time. */
    async keep(request: CompileRequest, compiled: Compiled): Promise<void> {
        if (this.#build === undefined || compiled.program === undefined) return;
        const file = this.#fileOf(request);
        const entry: Entry = { given: givenBy(request), compiled };
        try {
            ownDirectory(this.#directory);
            const unfinished = `${file}.${randomUUID()}`;
            await writeFile(unfinished, serialize(entry), { mode: 0o600 });
            await rename(unfinished, file);
            await this.#prune();
        } catch {
            // There is no home, or it is not ours to write, or it is full: nothing is kept.
        }
    }

    async #prune(): Promise<void> {
        const names = await readdir(this.#directory);
        if (names.length <= atMost) return;
        const files = names.map((name) => path.join(this.#directory, name));
        const aged = await Promise.all(files.map(async (file) => ({ file, at: (await stat(file)).mtimeMs })));
        const oldest = aged.sort((a, b) => a.at - b.at).slice(0, names.length - atMost);
        await Promise.all(oldest.map(({ file }) => rm(file, { force: true })));
    }

    #fileOf({ uri, text }: Pick<CompileRequest, 'uri' | 'text'>): string {
        const name = createHash('sha256').update(JSON.stringify([this.#build, uri, text]));
        return path.join(this.#directory, name.digest('hex'));
    }
}

/** Written by scripts/bundle.mjs. */
const buildId = new URL('./build-id', import.meta.url);

/** What besides texts decides what becomes of a policy: params are read from variables of this prefix. */
function givenBy({ set, environment }: CompileRequest): string {
    const sorted = (record: Readonly<Record<string, string | undefined>>) => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify([sorted(set), sorted(environment).filter(([name]) => name.startsWith('MIG_'))]);
}

function orNothing<T>(read: () => T): T | undefined {
    try {
        return read();
    } catch {
        return undefined;
    }
}
