import { EmptyFileSystem, URI } from 'langium';
import { describe, expect, test } from 'vitest';
import type { Diagnostic } from 'vscode-languageserver';
import { createMigCoreServices } from './services.js';
import { compile, policyText } from './testing/kit.js';
import { evacuate } from './testing/tour.js';

const { shared } = createMigCoreServices(EmptyFileSystem);
const { DocumentBuilder, LangiumDocuments } = shared.workspace;

let opened = 0;

async function diagnostics(text: string): Promise<readonly Diagnostic[]> {
    const document = LangiumDocuments.createDocument(URI.parse(`file:///open/${opened++}.mig`), text);
    await DocumentBuilder.build([document], { validation: true });
    return document.diagnostics ?? [];
}

describe('in the editor', () => {
    test('a good policy has no diagnostics', async () => {
        expect(await diagnostics(evacuate)).toEqual([]);
    });

    test.each([['policy p { mve }'], [policyText('cooldown 10')], [policyText('using precopi')], ['let a = vm.memry > 3 GiB']])(
        'diagnostics are the findings of the compiler: %s',
        async (text) => {
            const shown = await diagnostics(text);
            const { findings } = await compile(text);
            expect(shown.length).toBeGreaterThan(0);
            expect(shown.map(({ code, range }) => [code, range])).toEqual(
                findings.map(({ id, range: { start, end } }) => [id, { start, end }]),
            );
        },
    );

    test('a fix travels with its diagnostic', async () => {
        const [first] = await diagnostics('let a = vm.memry > 3 GiB');
        expect(first).toMatchObject({
            code: 'MIG105',
            message: "vm has no attribute 'memry'.\nDid you mean 'memory'?",
            data: { fixes: [{ title: 'Write memory' }] },
        });
    });

    test('a mistake in an imported file is shown there, not where it is imported', async () => {
        const library = LangiumDocuments.createDocument(URI.parse('file:///two/lib.mig'), 'let hot = vm.cpuu > 5%');
        const main = LangiumDocuments.createDocument(
            URI.parse('file:///two/main.mig'),
            `import "lib.mig"\n${policyText('move vms where hot')}`,
        );
        await DocumentBuilder.build([main], { validation: true });
        expect(main.diagnostics).toEqual([]);
        expect(library.diagnostics?.map((one) => one.code)).toEqual(['MIG105']);
    });

    test('a file is checked anew when what it imports goes away', async () => {
        const library = LangiumDocuments.createDocument(URI.parse('file:///one/lib.mig'), 'technique slow = precopy');
        const main = LangiumDocuments.createDocument(URI.parse('file:///one/main.mig'), `import "lib.mig"\n${policyText('using slow')}`);
        await DocumentBuilder.build([main], { validation: true });
        expect(main.diagnostics).toEqual([]);
        DocumentBuilder.updateBuildOptions.validation = true;
        await DocumentBuilder.update([], [library.uri]);
        expect(main.diagnostics?.map((one) => one.code)).toEqual(['MIG002', 'MIG102']);
    });
});
