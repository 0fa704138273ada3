/**
 * Compiling in a thread of its own: building the parser keeps a thread busy for longer than hosts take to let somebody
 * in, and both can be done at once.
 */
import { once } from 'node:events';
import module from 'node:module';
import path from 'node:path';
import v8 from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { CompileRequest, Compiled } from './request.js';

/** What a thread is started with. */
export interface ThreadData {
    /** Where compiled code is kept between two starts. */
    readonly compileCache: string | undefined;
}

/**
 * What V8 is told of the heap that a compiler needs. Most of what compiling makes is syntax trees, which stay to the end:
 * with the usual 1 MiB for new objects they are copied again and again while that room grows, and the old ones are gone
 * through for garbage several times where there is none. Together that is a fifth of the time that a long file takes.
 */
export const heapOfCompiler: readonly string[] = ['--min-semi-space-size=32', '--initial-old-space-size=512'];

/** Makes itself ready at once, and compiles one policy after another. It keeps no process alive. */
export class CompilerThread implements Disposable {
    readonly #worker: Worker;
    readonly #failed: Promise<never>;
    #last: Promise<unknown> = Promise.resolve();

    constructor() {
        const cache = module.getCompileCacheDir();
        // Node names a directory of its own in the one that it was given.
        const workerData: ThreadData = { compileCache: cache && path.dirname(cache) };
        // Threads that are begun from now on have it.
        for (const flag of heapOfCompiler) v8.setFlagsFromString(flag);
        this.#worker = new Worker(new URL('./thread-entry.js', import.meta.url), { workerData });
        this.#failed = new Promise((_, reject) => {
            this.#worker.once('error', reject);
            // What it made may be too deep for this thread's stack to take.
            this.#worker.once('messageerror', reject);
            this.#worker.once('exit', (code) => reject(new Error(`the compiler's thread ended with ${code}`)));
        });
        this.#failed.catch(() => undefined); // told to whoever waits for an answer
        this.#worker.unref();
    }

    /** Rejects only where the compiler itself has a fault. */
    compile(request: CompileRequest): Promise<Compiled> {
        const compiled = this.#last.then(async () => {
            this.#worker.ref();
            this.#worker.postMessage(request);
            try {
                const [value] = (await Promise.race([once(this.#worker, 'message'), this.#failed])) as [Compiled];
                return value;
            } finally {
                this.#worker.unref();
            }
        });
        this.#last = compiled.catch(() => undefined);
        return compiled;
    }

    /** Nobody waits for the thread's end. */
    [Symbol.dispose](): void {
        void this.#worker.terminate();
    }
}
