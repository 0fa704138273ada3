import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import * as protocol from 'vscode-languageserver-protocol';
import * as server from 'vscode-languageserver';
import { describe, expect, test } from 'vitest';

/** With two copies a cancelled request would come back as a result: the error of one is no error to the other. */
describe('there is one copy of the protocol', () => {
    test('the server throws the error that the protocol knows', () => {
        expect(server.ResponseError).toBe(protocol.ResponseError);
    });

    test.each(['vscode-languageserver', 'vscode-languageclient', 'langium/lsp'])('%s finds the same copy as we do', (name) => {
        const own = createRequire(import.meta.url).resolve('vscode-languageserver-protocol');
        const inside = fileURLToPath(import.meta.resolve(name));
        expect(createRequire(inside).resolve('vscode-languageserver-protocol')).toBe(own);
    });
});
