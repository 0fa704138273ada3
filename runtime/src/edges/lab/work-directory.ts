/** One process at a time builds a part of the cache; others wait for it. */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isSame, processId } from './processes.js';

export interface WorkDirectory extends AsyncDisposable {
    readonly path: string;
}

/**
 * The directory that one process at a time builds `name` in, removed when it is done. Others wait until it is gone;
 * one whose owner has died is cleared away.
 */
export async function takeWorkDirectory(
    cacheDir: string,
    name: string,
    options: { readonly signal?: AbortSignal | undefined; readonly onProgress?: ((step: string) => void) | undefined },
): Promise<WorkDirectory> {
    const path = join(cacheDir, `${name}.building`);
    const ownerFile = join(path, 'owner');
    for (let polls = 0; ; polls++) {
        options.signal?.throwIfAborted();
        if (await made(path)) {
            await writeFile(ownerFile, JSON.stringify(identify(process.pid)));
            return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
        }
        if (polls === 0) options.onProgress?.(`waiting for another process that builds ${name}`);
        await sleep(lockPollMs, undefined, options.signal ? { signal: options.signal } : {});
        // Nothing is written in the first moment: a directory without an owner is given one more poll.
        const owner = await readFile(ownerFile, 'utf8').catch(() => undefined);
        const alive = owner === undefined ? polls < 1 : isSame(processId.parse(JSON.parse(owner)));
        if (!alive) await rm(path, { recursive: true, force: true });
    }
}

async function made(path: string): Promise<boolean> {
    return mkdir(path).then(
        () => true,
        (error: unknown) => {
            if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
            throw error;
        },
    );
}

const lockPollMs = 300;

export async function exists(path: string): Promise<boolean> {
    return stat(path).then(
        () => true,
        () => false,
    );
}
