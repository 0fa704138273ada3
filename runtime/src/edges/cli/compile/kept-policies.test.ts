import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { answer } from './compiler.js';
import { KeptPolicies } from './kept-policies.js';
import type { CompileRequest } from './request.js';

let home: string;
let kept: KeptPolicies;
beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'mig-kept-'));
    kept = new KeptPolicies(path.join(home, 'kept'), 'build 1');
});
afterEach(() => rm(home, { recursive: true }));

const text = 'import "other.mig"\nparam most: number = 2\npolicy p { move vms to hosts using precopy at most most at once per host }\n';

/** Of a policy with an import, both on disk. */
async function requested(changes: Partial<CompileRequest> = {}): Promise<CompileRequest> {
    await writeFile(path.join(home, 'other.mig'), 'param other: number = 1\n');
    const uri = pathToFileURL(path.join(home, 'p.mig')).href;
    const request = { uri, text, set: {}, environment: { PATH: '/bin' }, ...changes };
    await writeFile(path.join(home, 'p.mig'), request.text);
    return request;
}

async function compiledAndKept(): Promise<CompileRequest> {
    const request = await requested();
    const compiled = await answer(request);
    expect(compiled.findings).toEqual([]);
    await kept.keep(request, compiled);
    return request;
}

describe('a compiled policy', () => {
    test('is taken again to the letter', async () => {
        const request = await compiledAndKept();
        expect(await kept.recall(request)).toEqual(await answer(request));
        expect(kept.mayHave(path.join(home, 'p.mig'))).toBe(true);
    });

    test('is not that of another text, place, value, variable or compiler', async () => {
        const request = await compiledAndKept();
        expect(await kept.recall({ ...request, text: `${text} ` })).toBeUndefined();
        expect(await kept.recall({ ...request, uri: request.uri.replace('p.mig', 'q.mig') })).toBeUndefined();
        expect(await kept.recall({ ...request, set: { most: '3' } })).toBeUndefined();
        expect(await kept.recall({ ...request, environment: { MIG_MOST: '3' } })).toBeUndefined();
        expect(await new KeptPolicies(path.join(home, 'kept'), 'build 2').recall(request)).toBeUndefined();
        expect(await kept.recall(request)).toBeDefined();
    });

    test('stays that of an environment in which no param is set', async () => {
        const request = await compiledAndKept();
        expect(await kept.recall({ ...request, environment: { PATH: '/usr/bin', LANG: 'C' } })).toBeDefined();
    });

    test('is forgotten when what it imports has changed or gone', async () => {
        const request = await compiledAndKept();
        await writeFile(path.join(home, 'other.mig'), 'param other: number = 2\n');
        expect(await kept.recall(request)).toBeUndefined();
        await rm(path.join(home, 'other.mig'));
        expect(await kept.recall(request)).toBeUndefined();
    });

    test('with errors is not kept', async () => {
        const request = await requested({ text: 'policy p { move vms to hosts using other }\n' });
        await kept.keep(request, await answer(request));
        expect(await kept.recall(request)).toBeUndefined();
    });
});

describe('what cannot be had is compiled again', () => {
    test('a file that is not ours', async () => {
        const request = await compiledAndKept();
        const [name = ''] = await readdir(path.join(home, 'kept'));
        await writeFile(path.join(home, 'kept', name), 'not a policy');
        expect(await kept.recall(request)).toBeUndefined();
    });

    test('a place that cannot be written', async () => {
        await writeFile(path.join(home, 'file'), '');
        const nowhere = new KeptPolicies(path.join(home, 'file', 'kept'), 'build 1');
        const request = await requested();
        await nowhere.keep(request, await answer(request));
        expect(await nowhere.recall(request)).toBeUndefined();
    });

    test('a compiler that cannot be told from another', async () => {
        const request = await compiledAndKept();
        const unknown = new KeptPolicies(path.join(home, 'kept'), undefined);
        await unknown.keep(request, await answer(request));
        expect(await unknown.recall(request)).toBeUndefined();
        expect(await readdir(path.join(home, 'kept'))).toHaveLength(1);
    });
});

test('the policies compiled longest ago make room', async () => {
    await mkdir(path.join(home, 'kept'));
    for (let i = 0; i < 70; i++) {
        const file = path.join(home, 'kept', `old-${i}`);
        await writeFile(file, '');
        await utimes(file, 1000 + i, 1000 + i);
    }
    const request = await compiledAndKept();
    const names = await readdir(path.join(home, 'kept'));
    expect(names).toHaveLength(64);
    expect(names).not.toContain('old-6');
    expect(names).toContain('old-7');
    expect(await kept.recall(request)).toBeDefined();
});
