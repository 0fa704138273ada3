/** The schemas that the package contributes, in the language server that the YAML extension runs. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
    createProtocolConnection,
    type ProtocolConnection,
    type PublishDiagnosticsParams,
    StreamMessageReader,
    StreamMessageWriter,
} from 'vscode-languageserver-protocol/node';
import { offerSchemas, type YamlExtension } from './yaml-schemas.js';

const root = path.resolve(import.meta.dirname, '../..');
const server = path.join(path.dirname(createRequire(import.meta.url).resolve('yaml-language-server')), '../../bin/yaml-language-server');
const inventories = new Set(['file:///work/rack40.yaml']);

let child: ChildProcessWithoutNullStreams;
let connection: ProtocolConnection;
const published = new Map<string, (params: PublishDiagnosticsParams) => void>();

beforeAll(async () => {
    child = spawn(process.execPath, [server, '--stdio'], { stdio: 'pipe' });
    connection = createProtocolConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
    connection.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) => published.get(params.uri)?.(params));
    connection.onRequest('workspace/configuration', ({ items }: { items: unknown[] }) => items.map(() => ({})));
    connection.onRequest('client/registerCapability', () => null);
    connection.listen();
    await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
    await connection.sendNotification('initialized', {});
    await connection.sendNotification('yaml/registerCustomSchemaRequest');
    await connection.sendNotification('json/schemaAssociations', await associations());
    offerSchemas(yaml, {
        isInventory: (uri) => inventories.has(uri),
        schema: await readFile(path.join(root, 'docs/inventory.schema.json'), 'utf8'),
    });
});

afterAll(async () => {
    const ended = once(child, 'exit');
    await connection.sendRequest('shutdown');
    await connection.sendNotification('exit');
    await ended;
    connection.dispose();
});

/** What the YAML extension makes of package.json; the package has its schemas from docs/. */
async function associations(): Promise<Readonly<Record<string, readonly string[]>>> {
    const manifest = JSON.parse(await readFile(path.join(root, 'extension/package.json'), 'utf8')) as {
        readonly contributes: { readonly yamlValidation: readonly { readonly fileMatch: readonly string[]; readonly url: string }[] };
    };
    return Object.fromEntries(
        manifest.contributes.yamlValidation.map(({ fileMatch, url }) => [
            pathToFileURL(path.join(root, 'docs', path.basename(url))).href,
            fileMatch,
        ]),
    );
}

/** What the YAML extension offers to others: it asks them when its server asks it. */
const yaml: YamlExtension = {
    registerContributor: (_, schemaOf, contentOf) => {
        connection.onRequest('custom/schema/request', (uri: string) => schemaOf(uri) ?? null);
        connection.onRequest('custom/schema/content', (uri: string) => contentOf(uri) ?? null);
        return true;
    },
};

async function messages(name: string, text: string): Promise<readonly string[]> {
    const uri = `file:///work/${name}`;
    const found = new Promise<PublishDiagnosticsParams>((resolve) => published.set(uri, resolve));
    await connection.sendNotification('textDocument/didOpen', { textDocument: { uri, languageId: 'yaml', version: 1, text } });
    return (await found).diagnostics.map((d) => (typeof d.message === 'string' ? d.message : d.message.value));
}

const wrong = 'hosts:\n  a: { drivr: simulated }\n';

describe('in the YAML server', () => {
    test('a configuration is checked by its name, and its rules are completed', async () => {
        expect(await messages('mig.config.yaml', 'rules:\n  MIG401: loud\n')).toEqual([expect.stringContaining('"warning"')]);
        const { items } = await connection.sendRequest<{ items: { label: string }[] }>('textDocument/completion', {
            textDocument: { uri: 'file:///work/mig.config.yaml' },
            position: { line: 1, character: 2 },
        });
        expect(items.map((item) => item.label)).toEqual(expect.arrayContaining(['stale-suppression']));
    });

    test('an inventory is checked by its name', async () => {
        expect(await messages('rack.inventory.yaml', wrong)).toEqual([expect.stringContaining('drivr')]);
    });

    test('an inventory of any name is checked where a policy uses it, and no other file is', async () => {
        expect(await messages('rack40.yaml', wrong)).toEqual([expect.stringContaining('drivr')]);
        expect(await messages('hosts.yaml', wrong)).toEqual([]);
    });
});
