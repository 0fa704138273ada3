import { randomUUID } from 'node:crypto';
import { chmod, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { type Finding, fixesTogether, withEdits } from '@mig/language';
import { MigrationError } from '../../../core/index.js';
import type { JudgedPolicy } from './judge.js';

export interface Fixed {
    readonly path: string;
    readonly finding: Finding;
    readonly title: string;
}

/** A fix may bring about what another one mends; one that never comes to an end is a fault of its rule. */
const mostRounds = 10;

/** Makes what fixes there are in one policy, until there are none. Throws `file-unwritable`. */
export async function fixPolicy(file: string, judge: (file: string) => Promise<JudgedPolicy>): Promise<readonly Fixed[]> {
    const fixed: Fixed[] = [];
    for (let round = 0; round < mostRounds; round += 1) {
        const { findings, sources } = await judge(file);
        const text = sources[0]?.text ?? '';
        const taken = fixesTogether(findings.filter((finding) => finding.range.source === 0));
        const changed = withEdits(
            text,
            taken.flatMap(({ fix }) => fix.edits),
        );
        if (changed === text) break;
        await replaceFile(file, changed);
        fixed.push(...taken.map(({ finding, fix }) => ({ path: file, finding, title: fix.title })));
    }
    return fixed;
}

/** Whoever reads the file meanwhile sees the old text or the new one. A link goes on pointing to where it did. */
export async function replaceFile(file: string, text: string): Promise<void> {
    let unfinished: string | undefined;
    try {
        const target = await realpath(file);
        const { mode } = await stat(target);
        unfinished = `${target}.${randomUUID()}`;
        await writeFile(unfinished, text, { flag: 'wx' });
        await chmod(unfinished, mode & 0o7777);
        await rename(unfinished, target);
    } catch (cause) {
        if (unfinished !== undefined) await rm(unfinished, { force: true });
        throw new MigrationError('file-unwritable', `cannot write ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, {
            cause,
            hint: 'nothing of it was changed; check its permissions and the space on its disk',
        });
    }
}
