import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { compileText, formatText } from '@mig/language';
import { isMigrationError, MigrationError } from '../../../core/index.js';
import { type Console, Exit } from '../console.js';
import { policyFiles } from '../lint/files.js';
import { replaceFile } from '../lint/fix.js';
import { read, standardInput } from '../load.js';
import { showError, showFindings } from '../show.js';

export interface FormatOptions {
    /** Write nothing; end with `broken` where something would change. */
    readonly check?: boolean;
    /** From standard input to standard output. */
    readonly stdin?: boolean;
}

/**
 * Brings policies into the canonical style, in place. A file with syntax errors is left alone, its errors are shown, and
 * the command ends with `invalid`. Throws `file-unreadable`, `file-unwritable`.
 */
export async function formatPolicies(words: readonly string[], options: FormatOptions, console: Console): Promise<void> {
    if (words.length === 1 && words[0] === standardInput.word) return formatInput(options, console);
    if (words.includes(standardInput.word)) {
        console.err('mig-run fmt takes - (standard input) alone, since it writes to standard output.');
        throw new Exit('usage');
    }
    if ((options.stdin === true) === words.length > 0) {
        console.err(
            options.stdin === true
                ? 'mig-run fmt --stdin takes no files.'
                : 'mig-run fmt needs files, directories or patterns, or - for standard input.',
        );
        throw new Exit('usage');
    }
    if (options.stdin === true) return formatInput(options, console);
    const files = await policyFiles(words);
    const ends: End[] = [];
    for (const file of files) ends.push(await formatFile(file, options, console).catch((error: unknown) => unread(error, console)));
    console.out(summary(ends, options));
    leave(ends, options);
}

/** What became of a text. */
type End = 'right' | 'changed' | 'invalid' | 'unread';

/** One that cannot be read stands in no other's way. */
function unread(error: unknown, console: Console): End {
    if (!isMigrationError(error) || error.code !== 'file-unreadable') throw error;
    showError(error, console);
    return 'unread';
}

async function formatFile(file: string, options: FormatOptions, console: Console): Promise<End> {
    const text = await read(file, 'the policy');
    // What is no text would not be the same when it is written again.
    if (text.includes('\uFFFD') && !isUtf8(await readFile(file))) {
        throw new MigrationError('file-unreadable', `cannot read the policy ${file}: it is not UTF-8`, { hint: 'save it as UTF-8' });
    }
    const formatted = formatText(text);
    if (formatted === undefined) return refuse(file, text, console);
    if (formatted === text) return 'right';
    if (options.check !== true) await replaceFile(file, formatted);
    console.out(`${options.check === true ? 'would format' : 'formatted'} ${file}`);
    return 'changed';
}

async function formatInput(options: FormatOptions, console: Console): Promise<void> {
    const text = await textOf(process.stdin);
    const formatted = formatText(text);
    const end = formatted === undefined ? await refuse(standardInput.shown, text, console) : formatted === text ? 'right' : 'changed';
    if (options.check !== true && formatted !== undefined && formatted !== '') console.out(formatted);
    leave([end], options);
}

/** Shows the syntax errors of a text that cannot be formatted. */
async function refuse(path: string, text: string, console: Console): Promise<End> {
    const { findings } = await compileText({ uri: 'file:///policy.mig', text });
    showFindings({ findings: findings.filter(({ id }) => id === 'MIG001'), sources: [{ path, text }] }, console, {});
    return 'invalid';
}

function leave(ends: readonly End[], { check }: FormatOptions): void {
    if (ends.includes('unread')) throw new Exit('usage');
    if (ends.includes('invalid')) throw new Exit('invalid');
    if (check === true && ends.includes('changed')) throw new Exit('broken');
}

function summary(ends: readonly End[], { check }: FormatOptions): string {
    const count = (end: End): number => ends.filter((one) => one === end).length;
    const files = (n: number): string => `${n} ${n === 1 ? 'file' : 'files'}`;
    const parts = [
        `${files(count('changed'))} ${check === true ? 'would be formatted' : 'formatted'}`,
        `${files(count('right'))} in style already`,
        ...(count('invalid') > 0 ? [`${files(count('invalid'))} with syntax errors left alone`] : []),
        ...(count('unread') > 0 ? [`${files(count('unread'))} not read`] : []),
    ];
    return parts.join(', ');
}
