import { describe, expect, test } from 'vitest';
import { compile, shown } from '../testing/kit.js';
import { checkDocs } from './check-docs.js';
import { checks } from './checks.js';

test('every check of the compiler is documented', () => {
    expect(Object.keys(checkDocs)).toEqual(Object.keys(checks));
});

describe.each(Object.entries(checkDocs))('%s', (id, { avoid, prefer, files = {}, set = {} }) => {
    const found = async (text: string): Promise<readonly string[]> => {
        const all: Readonly<Record<string, string>> = { ...files, 'main.mig': text };
        const read = (uri: string): Promise<string | undefined> => Promise.resolve(all[uri.replace('file:///policies/', '')]);
        return (await compile(text, { read, set })).findings.filter(({ severity }) => severity !== 'info').map(shown);
    };

    test('is found in what is to be avoided', async () => {
        expect((await found(avoid)).filter((one) => one.startsWith(`${id} `))).not.toEqual([]);
    });

    test('nothing is found in what is to be preferred', async () => {
        expect(await found(prefer)).toEqual([]);
    });
});
