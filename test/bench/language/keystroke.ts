/** From one keystroke to the diagnostics that it brings: language servers as processes of their own, spoken to by one client. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { createMessageConnection, type MessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import { inventory, policyFile, prismaSchema, yamlDocument } from './policies.js';

export interface Keystrokes {
    readonly mig: readonly number[];
    readonly prisma: readonly number[];
    readonly yaml: readonly number[];
}

interface Typed {
    readonly languageId: string;
    readonly uri: string;
    readonly text: string;
    /** A digit or a letter is typed after this, and taken away again. */
    readonly after: string;
    readonly key: string;
}

const settleMs = 20;
const slowestMs = 10_000;

/** Types into a file of so many lines, in turns in each server: `strokes` are counted, after as many again that warm it up. */
export async function keystrokes(lines: number, vms: number, strokes: number): Promise<Keystrokes> {
    const folder = await mkdtemp(path.join(tmpdir(), 'mig-bench-'));
    try {
        const server = path.join(folder, 'server.cjs');
        await promisify(execFile)(process.execPath, ['server/bundle.mjs', server]);
        await writeFile(path.join(folder, 'hosts.yaml'), inventory(vms));
        const uriOf = (name: string): string => pathToFileURL(path.join(folder, name)).href;
        const require = createRequire(import.meta.url);
        const beside = (name: string, file: string): string => path.join(path.dirname(require.resolve(`${name}/package.json`)), file);
        const prisma = path.resolve('node_modules/@prisma/language-server/dist/bin.js');
        await using mig = await Editor.open(server, {
            languageId: 'mig',
            uri: uriOf('main.mig'),
            text: policyFile(lines),
            after: ' priority ',
            key: '1',
        });
        await using other = await Editor.open(prisma, {
            languageId: 'prisma',
            uri: uriOf('schema.prisma'),
            text: prismaSchema(lines),
            after: '  size',
            key: 's',
        });
        await using third = await Editor.open(beside('yaml-language-server', 'bin/yaml-language-server'), {
            languageId: 'yaml',
            uri: uriOf('policies.yaml'),
            text: yamlDocument(lines),
            after: ' priority: ',
            key: '1',
        });
        const found = { mig: [] as number[], prisma: [] as number[], yaml: [] as number[] };
        const editors = [
            [mig, found.mig],
            [other, found.prisma],
            [third, found.yaml],
        ] as const;
        for (let stroke = 0; stroke < 2 * strokes; stroke++) {
            // Each is as often behind each other one: what a slow server still does after it has answered disturbs the next.
            for (let turn = 0; turn < editors.length; turn++) {
                const [editor, times] = editors[(stroke + turn) % editors.length] ?? editors[0];
                const took = await editor.type(stroke);
                if (stroke >= strokes) times.push(took);
            }
        }
        return found;
    } finally {
        await rm(folder, { recursive: true, force: true });
    }
}

/** An editor without a screen, with one file open in it. */
class Editor implements AsyncDisposable {
    private readonly process: ChildProcessWithoutNullStreams;
    private readonly connection: MessageConnection;
    private readonly typed: Typed;
    private published: (() => void) | undefined;
    private version = 1;

    private constructor(server: string, typed: Typed) {
        this.typed = typed;
        this.process = spawn(process.execPath, [server, '--stdio'], { stdio: 'pipe' });
        this.process.stderr.resume();
        this.connection = createMessageConnection(
            new StreamMessageReader(this.process.stdout),
            new StreamMessageWriter(this.process.stdin),
        );
        this.connection.onNotification('textDocument/publishDiagnostics', ({ uri, version }: { uri: string; version?: number }) => {
            if (uri === typed.uri && (version ?? this.version) === this.version) this.published?.();
        });
        this.connection.onRequest('workspace/configuration', ({ items }: { items: readonly unknown[] }) => items.map(() => ({})));
        this.connection.onRequest('client/registerCapability', () => null);
        this.connection.listen();
    }

    static async open(server: string, typed: Typed): Promise<Editor> {
        const editor = new Editor(server, typed);
        const { connection } = editor;
        const textDocument = { publishDiagnostics: { versionSupport: true }, synchronization: {} };
        await connection.sendRequest('initialize', {
            processId: process.pid,
            rootUri: null,
            workspaceFolders: null,
            capabilities: { workspace: { configuration: true }, textDocument },
        });
        await connection.sendNotification('initialized', {});
        const { uri, languageId, text } = typed;
        await editor.untilPublished(() =>
            connection.sendNotification('textDocument/didOpen', { textDocument: { uri, languageId, version: 1, text } }),
        );
        return editor;
    }

    /** Types a key at an even stroke and takes it away at an odd one; milliseconds until the diagnostics are there. */
    async type(stroke: number): Promise<number> {
        const { uri, text, after, key } = this.typed;
        const at = text.indexOf(after, Math.floor(text.length / 2)) + after.length;
        if (at < after.length) throw new Error(`nothing to type at in ${uri}`);
        const before = text.slice(0, at).split('\n');
        const start = { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
        const isTyped = stroke % 2 === 0;
        const end = isTyped ? start : { ...start, character: start.character + key.length };
        await new Promise((resolve) => setTimeout(resolve, settleMs));
        const version = ++this.version;
        const change = { textDocument: { uri, version }, contentChanges: [{ range: { start, end }, text: isTyped ? key : '' }] };
        const began = performance.now();
        await this.untilPublished(() => this.connection.sendNotification('textDocument/didChange', change));
        return performance.now() - began;
    }

    private async untilPublished(send: () => Promise<void>): Promise<void> {
        const { promise, resolve, reject } = Promise.withResolvers<undefined>();
        this.published = () => {
            resolve(undefined);
        };
        const late = setTimeout(() => {
            reject(new Error(`no diagnostics of ${this.typed.uri} for ${slowestMs} ms`));
        }, slowestMs);
        try {
            await send();
            await promise;
        } finally {
            clearTimeout(late);
        }
    }

    async [Symbol.asyncDispose](): Promise<void> {
        const ended = new Promise((resolve) => this.process.once('exit', resolve));
        await this.connection.sendRequest('shutdown');
        await this.connection.sendNotification('exit');
        await ended;
        this.connection.dispose();
    }
}
