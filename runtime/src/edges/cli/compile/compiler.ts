import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { compileText, makeCompiler, textRules } from '@mig/language';
import type { CompileRequest, Compiled } from './request.js';

/** Builds the parser, before there is a text. */
export const makeReady = makeCompiler;

/** Compiles, reading imports from files. */
export async function answer({ uri, text, set, environment }: CompileRequest): Promise<Compiled> {
    const texts = new Map([[uri, text]]);
    const compilation = await compileText(
        { uri, text },
        {
            set,
            environment,
            read: async (imported) => {
                const content = await readFile(fileURLToPath(imported), 'utf8').catch(() => undefined);
                if (content !== undefined) texts.set(imported, content);
                return content;
            },
        },
    );
    return { ...compilation, texts, rules: textRules.map(({ id, name }) => ({ id, name })) };
}
