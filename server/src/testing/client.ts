/** A small client of the language server for tests: a real process, real messages over its standard streams. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import {
    createProtocolConnection,
    DidChangeTextDocumentNotification,
    DidOpenTextDocumentNotification,
    ExitNotification,
    InitializedNotification,
    InitializeRequest,
    type InitializeParams,
    type InitializeResult,
    type ProtocolConnection,
    PublishDiagnosticsNotification,
    type PublishDiagnosticsParams,
    ShutdownRequest,
    StreamMessageReader,
    StreamMessageWriter,
    type TextDocumentPositionParams,
    ConfigurationRequest,
    RegistrationRequest,
} from 'vscode-languageserver-protocol/node';
import { inventoryInUse, type InventoryUse } from '../protocol/index.js';

/** A server that was bundled for this test run. */
export interface BundledServer extends AsyncDisposable {
    readonly file: string;
}

export async function bundledServer(): Promise<BundledServer> {
    const folder = await mkdtemp(path.join(tmpdir(), 'mig-server-'));
    const file = path.join(folder, 'server.cjs');
    const script = path.resolve(import.meta.dirname, '../../bundle.mjs');
    await promisify(execFile)(process.execPath, [script, file]);
    return { file, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/** `state`: where mig-run keeps what it has seen of hosts; the user's own is left out of tests. */
export function spawnServer(file: string, state = path.join(path.dirname(file), 'state')): ChildProcessWithoutNullStreams {
    return spawn(process.execPath, [file, '--stdio'], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, XDG_STATE_HOME: state } });
}

/** An editor without a screen. */
export class TestClient implements AsyncDisposable {
    readonly process: ChildProcessWithoutNullStreams;
    readonly connection: ProtocolConnection;
    readonly #published = new Map<string, PublishDiagnosticsParams>();
    readonly #uses = new Map<string, InventoryUse>();
    readonly #waiting = new Set<() => void>();
    #settings: Readonly<Record<string, unknown>> = {};

    constructor(serverFile: string, state?: string) {
        this.process = spawnServer(serverFile, state);
        this.connection = createProtocolConnection(
            new StreamMessageReader(this.process.stdout),
            new StreamMessageWriter(this.process.stdin),
        );
        this.connection.onNotification(PublishDiagnosticsNotification.type, (params) => {
            this.#published.set(params.uri, params);
            this.#wake();
        });
        this.connection.onNotification(inventoryInUse, (use) => {
            this.#uses.set(use.policy, use);
            this.#wake();
        });
        this.connection.onRequest(ConfigurationRequest.type, (params) => params.items.map(() => this.#settings));
        this.connection.onRequest(RegistrationRequest.type, () => undefined);
        this.connection.listen();
    }

    async initialize(params: Partial<InitializeParams> = {}, settings: Readonly<Record<string, unknown>> = {}): Promise<InitializeResult> {
        this.#settings = settings;
        const result = await this.connection.sendRequest<InitializeResult>(InitializeRequest.method, {
            processId: process.pid,
            workspaceFolders: null,
            capabilities: {
                workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true } },
                textDocument: { completion: { completionItem: { snippetSupport: true } }, publishDiagnostics: { versionSupport: true } },
            },
            ...params,
        });
        await this.connection.sendNotification(InitializedNotification.type, {});
        return result;
    }

    /** Opens a policy and waits for what the server finds in it. */
    async open(uri: string, text: string): Promise<PublishDiagnosticsParams> {
        this.#published.delete(uri);
        await this.connection.sendNotification(DidOpenTextDocumentNotification.type, {
            textDocument: { uri, languageId: 'mig', version: 1, text },
        });
        return this.diagnostics(uri);
    }

    /** Replaces the whole text and waits for what the server finds in the new one. */
    async change(uri: string, version: number, text: string): Promise<PublishDiagnosticsParams> {
        this.#published.delete(uri);
        await this.connection.sendNotification(DidChangeTextDocumentNotification.type, {
            textDocument: { uri, version },
            contentChanges: [{ text }],
        });
        return this.diagnostics(uri);
    }

    /** The diagnostics of a document, as soon as there are any. */
    async diagnostics(uri: string): Promise<PublishDiagnosticsParams> {
        return this.#until(() => this.#published.get(uri));
    }

    async inventoryOf(policy: string): Promise<InventoryUse> {
        return this.#until(() => this.#uses.get(policy));
    }

    /** Forgets what was published for a document, so that the next publication can be waited for. */
    forget(uri: string): void {
        this.#published.delete(uri);
    }

    async [Symbol.asyncDispose](): Promise<void> {
        if (this.process.exitCode !== null) return;
        const ended = once(this.process, 'exit');
        await this.connection.sendRequest(ShutdownRequest.type);
        await this.connection.sendNotification(ExitNotification.type);
        await ended;
        this.connection.dispose();
    }

    async #until<T>(look: () => T | undefined): Promise<T> {
        for (;;) {
            const found = look();
            if (found !== undefined) return found;
            await new Promise<void>((resolve) => this.#waiting.add(resolve));
        }
    }

    #wake(): void {
        for (const resume of this.#waiting) resume();
        this.#waiting.clear();
    }
}

/** A text with `|` where the cursor stands, as text and position. */
export function atCursor(uri: string, marked: string): { readonly text: string; readonly at: TextDocumentPositionParams } {
    const offset = marked.indexOf('|');
    const before = marked.slice(0, offset).split('\n');
    return {
        text: marked.slice(0, offset) + marked.slice(offset + 1),
        at: { textDocument: { uri }, position: { line: before.length - 1, character: before.at(-1)?.length ?? 0 } },
    };
}
