/** Formatting as an editor asks for it: of a file, of a range, and while typing. */
import { TextDocument } from 'langium';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
    DocumentFormattingRequest,
    DocumentOnTypeFormattingRequest,
    DocumentRangeFormattingRequest,
    type InitializeResult,
    type TextEdit,
} from 'vscode-languageserver-protocol';
import { atCursor, type BundledServer, bundledServer, TestClient } from '../testing/client.js';

const options = { tabSize: 8, insertSpaces: false };
const resources = new AsyncDisposableStack();
let client: TestClient;
let capabilities: InitializeResult['capabilities'];
let count = 0;

beforeAll(async () => {
    const server: BundledServer = resources.use(await bundledServer());
    client = resources.use(new TestClient(server.file));
    ({ capabilities } = await client.initialize());
}, 60_000);
afterAll(() => resources.disposeAsync());

const freshUri = (): string => `file:///policies/format-${(count += 1)}.mig`;

function edited(uri: string, text: string, edits: readonly TextEdit[] | null): string {
    return TextDocument.applyEdits(TextDocument.create(uri, 'mig', 1, text), [...(edits ?? [])]);
}

async function formatted(text: string): Promise<string> {
    const uri = freshUri();
    await client.open(uri, text);
    return edited(uri, text, await client.connection.sendRequest(DocumentFormattingRequest.type, { textDocument: { uri }, options }));
}

/** Formats the lines from one to another, both included and counted from 0. */
async function formattedLines(text: string, first: number, last: number): Promise<string> {
    const uri = freshUri();
    await client.open(uri, text);
    const range = { start: { line: first, character: 1 }, end: { line: last + 1, character: 0 } };
    return edited(
        uri,
        text,
        await client.connection.sendRequest(DocumentRangeFormattingRequest.type, { textDocument: { uri }, range, options }),
    );
}

/** What becomes of a text when the character before `|` has just been typed, and the editor has indented a new line. */
async function typed(marked: string): Promise<string> {
    const uri = freshUri();
    const { text, at } = atCursor(uri, marked);
    await client.open(uri, text);
    const ch = marked.slice(0, marked.indexOf('|')).replace(/ +$/, '').slice(-1);
    return edited(uri, text, await client.connection.sendRequest(DocumentOnTypeFormattingRequest.type, { ...at, ch, options }));
}

describe('formatting in the editor', () => {
    test('is offered for files, ranges and while typing', () => {
        expect(capabilities).toMatchObject({
            documentFormattingProvider: true,
            documentRangeFormattingProvider: true,
            documentOnTypeFormattingProvider: { firstTriggerCharacter: '}', moreTriggerCharacter: [';', '\n'] },
        });
    });
    test('of a file brings it into the canonical style, whatever the editor indents with', async () => {
        expect(await formatted('technique  t=precopy{downtime 300ms;streams 4}')).toBe(
            'technique t = precopy {\n  downtime 300 ms\n  streams 4\n}\n',
        );
    });
    test('leaves a file with syntax errors alone', async () => {
        expect(await formatted('technique  t=precopy{')).toBe('technique  t=precopy{');
    });
    test('of a range leaves the other lines as they are', async () => {
        expect(await formattedLines('param  a=1\nparam  b=2 // of  b\n    param  c=3\nparam  d=4', 1, 2)).toBe(
            'param  a=1\nparam b = 2 // of  b\nparam c = 3\nparam  d=4',
        );
    });
});

describe('formatting while typing', () => {
    test('a closing brace formats what it closes', async () => {
        expect(await typed('param  a=1\ntechnique  t=precopy{downtime 300ms;streams 4}|\nparam  b=2')).toBe(
            'param  a=1\ntechnique t = precopy {\n  downtime 300 ms\n  streams 4\n}\nparam  b=2',
        );
    });
    test('a closing brace in a comment formats nothing', async () => {
        expect(await typed('param  a=1 // }|')).toBe('param  a=1 // }');
    });
    test('a semicolon formats its line up to there', async () => {
        expect(await typed('technique  t=precopy {\n      downtime 300ms;|   streams  4\n}')).toBe(
            'technique  t=precopy {\n  downtime 300 ms;   streams  4\n}',
        );
    });
    test('a new line formats the one before it, and stays where it is', async () => {
        expect(await typed('policy p {\nwhen   host is failing\n\n|\n  move  vms\n}')).toBe(
            'policy p {\nwhen   host is failing\n\n\n  move  vms\n}',
        );
        expect(await typed('policy p {\nwhen   host is failing\n|\n  move  vms\n}')).toBe(
            'policy p {\n  when host is failing\n\n  move  vms\n}',
        );
    });
    test('a new line does not take the one before it into the line above: more is to follow', async () => {
        expect(await typed('policy p {\n  move vms on host\n    except  vm.memory > 4GiB\n    |\n  to  hosts\n}')).toBe(
            'policy p {\n  move vms on host\n    except vm.memory > 4 GiB\n    \n  to  hosts\n}',
        );
    });
});
