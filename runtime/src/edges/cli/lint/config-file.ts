import path from 'node:path';
import { readFile } from 'node:fs/promises';
import type { RuleName } from '@mig/language';
import { configFileName, type LintConfig, MigrationError, parseConfig } from '../../../core/index.js';
import { type FindingsOf, shownPath, whyUnreadable } from '../load.js';
import { pathToFileURL } from 'node:url';

export interface LoadedConfig extends FindingsOf {
    /** Undefined where it has errors. */
    readonly config: LintConfig | undefined;
    readonly path: string;
}

/** The nearest mig.config.yaml, from a policy's directory upwards. Throws `file-unreadable` for one that is there and cannot be read. */
export async function configFor(policy: string, textRules: readonly RuleName[]): Promise<LoadedConfig | undefined> {
    let directory = path.dirname(path.resolve(policy));
    for (;;) {
        const file = path.join(directory, configFileName);
        const text = await textOf(file);
        if (text !== undefined) {
            const shown = shownPath(pathToFileURL(file).href);
            return { ...parseConfig(text, textRules), path: shown, sources: [{ path: shown, text }] };
        }
        const above = path.dirname(directory);
        if (above === directory) return undefined;
        directory = above;
    }
}

async function textOf(file: string): Promise<string | undefined> {
    try {
        return await readFile(file, 'utf8');
    } catch (cause) {
        const code = (cause as NodeJS.ErrnoException).code;
        if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
        throw new MigrationError(
            'file-unreadable',
            `cannot read the configuration ${shownPath(pathToFileURL(file).href)}: ${whyUnreadable(cause)}`,
            {
                cause,
                hint: 'it sets the severities of rules for all policies below it: mend it, or take it away',
            },
        );
    }
}
