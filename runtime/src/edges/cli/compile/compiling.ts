import { KeptPolicies } from './kept-policies.js';
import type { CompileRequest, Compiled } from './request.js';
import { CompilerThread } from './thread.js';

/** Compiles policies, each once: what was compiled at an earlier start is kept. */
export class Compiling implements Disposable {
    static #ahead: CompilerThread | undefined;
    readonly #kept: KeptPolicies;
    #thread: CompilerThread | undefined;

    constructor(kept: KeptPolicies = KeptPolicies.ofThisBuild()) {
        this.#kept = kept;
        this.#thread = Compiling.#ahead;
        Compiling.#ahead = undefined;
    }

    /** Starts the compiler for the first of these, unless it will hardly be needed for the policy in `file`. */
    static beginAhead(file: string, kept: KeptPolicies = KeptPolicies.ofThisBuild()): void {
        if (!kept.mayHave(file)) Compiling.#ahead = new CompilerThread();
    }

    /** Rejects only where the compiler itself has a fault. Of many policies none is `kept`: they would drive out those that are run. */
    async compile(request: CompileRequest, { kept = true }: { readonly kept?: boolean } = {}): Promise<Compiled> {
        const known = kept ? await this.#kept.recall(request) : undefined;
        if (known) return known;
        this.#thread ??= new CompilerThread();
        const compiled = await this.#thread.compile(request);
        if (kept) await this.#kept.keep(request, compiled);
        return compiled;
    }

    [Symbol.dispose](): void {
        this.#thread?.[Symbol.dispose]();
    }
}
