/** The server as a process, spoken to over its standard streams: what an editor would see. */
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
    CancellationTokenSource,
    CodeAction,
    CodeActionRequest,
    CompletionRequest,
    DefinitionRequest,
    type Diagnostic,
    DidChangeWatchedFilesNotification,
    DocumentHighlightRequest,
    DocumentSymbolRequest,
    ReferencesRequest,
    RenameRequest,
    FileChangeType,
    FoldingRangeRequest,
    type Hover,
    HoverRequest,
    LSPErrorCodes,
    SymbolKind,
    TextEdit,
} from 'vscode-languageserver-protocol';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { epochMs } from '@mig/language';
import { type Inventory, lookDirectoryOf, lookFileName, lookText, parseInventory, type Snapshot } from '@mig/runtime/core';
import { host, snapshot, vm } from '../../runtime/src/core/testing/builders.js';
import { atCursor, type BundledServer, bundledServer, spawnServer, TestClient } from './testing/client.js';

const inventory = `hosts:
  alpha: { ssh: alpha, zone: east, tags: { generation: "4" } }
  beta: { ssh: beta, zone: west, tags: [gpu] }
`;

const policy = `inventory "hosts.yaml"

/** What the moves may take in all. */
param uplink: rate = 8 Gbit/s

/** Ask for a short stop. */
technique patient = precopy {
  downtime 300 ms
  after 5 min: abort
}

policy drain {
  when host is in maintenance
  move vms on host order by vm.memory descending
  to hosts where host.zone == source.zone
  using patient
  bandwidth { total uplink }
}
`;

const resources = new AsyncDisposableStack();
let server: BundledServer;
let client: TestClient;
let folder: string;
let count = 0;

beforeAll(async () => {
    server = resources.use(await bundledServer());
    folder = resources.adopt(await mkdtemp(path.join(tmpdir(), 'mig-policies-')), (place) => rm(place, { recursive: true }));
    await writeFile(path.join(folder, 'hosts.yaml'), inventory);
    client = resources.use(new TestClient(server.file));
    await client.initialize();
}, 60_000);
afterAll(() => resources.disposeAsync());

const uriOf = (name: string): string => pathToFileURL(path.join(folder, name)).href;
/** A document of its own for each test. */
const fresh = (): string => uriOf(`policy-${(count += 1)}.mig`);
/** Without what could not be judged for want of a look at the hosts. */
const found = ({ diagnostics }: { readonly diagnostics: Diagnostic[] }): Diagnostic[] =>
    diagnostics.filter(({ code }) => code !== 'MIG400');
const brief = (diagnostics: readonly Diagnostic[]): string[] =>
    diagnostics.map(
        (d) => `${d.range.start.line + 1} ${d.code} ${(typeof d.message === 'string' ? d.message : d.message.value).split('\n')[0]}`,
    );

async function completions(marked: string): Promise<readonly string[]> {
    const uri = fresh();
    const { text, at } = atCursor(uri, marked);
    await client.open(uri, text);
    const result = await client.connection.sendRequest(CompletionRequest.type, at);
    return (Array.isArray(result) ? result : (result?.items ?? [])).map((item) => item.label);
}

async function hover(marked: string): Promise<string> {
    const uri = fresh();
    const { text, at } = atCursor(uri, marked);
    await client.open(uri, text);
    const result: Hover | null = await client.connection.sendRequest(HoverRequest.type, at);
    return result !== null && typeof result.contents === 'object' && 'kind' in result.contents ? result.contents.value : '';
}

describe('diagnostics', () => {
    test('a sound policy has none', async () => {
        expect(brief(found(await client.open(fresh(), policy)))).toEqual([]);
    });

    test('a wrong unit is found, and found mended', async () => {
        const uri = fresh();
        const diagnostics = found(await client.open(uri, policy.replace('downtime 300 ms', 'downtime 300 MiB')));
        expect(diagnostics).toHaveLength(1);
        expect(diagnostics[0]).toMatchObject({ severity: 1, source: 'mig', range: { start: { line: 7 } } });
        expect(diagnostics[0]?.code).toMatch(/^MIG2/);
        expect(found(await client.change(uri, 2, policy))).toEqual([]);
    });

    test('a zone that the inventory does not have is found, with the one that was meant as a fix', async () => {
        const uri = fresh();
        const diagnostics = found(await client.open(uri, policy.replace('source.zone', '"eest"')));
        expect(brief(diagnostics)).toEqual(['15 MIG123 no host of the inventory is in a zone "eest"']);
        const [range] = diagnostics.map((diagnostic) => diagnostic.range);
        if (range === undefined) throw new Error('no diagnostic');
        const actions = await client.connection.sendRequest(CodeActionRequest.type, {
            textDocument: { uri },
            range,
            context: { diagnostics, only: ['quickfix'] },
        });
        expect(actions).toMatchObject([{ title: 'Change to "east"', edit: { changes: { [uri]: [{ newText: '"east"' }] } } }]);
    });

    test('what cannot be carried out yet is a warning with its id', async () => {
        const { diagnostics } = await client.open(fresh(), policy.replace('using patient', 'using agile'));
        expect(diagnostics.map((d) => [d.code, d.severity])).toContainEqual(['MIG090', 2]);
    });

    test('an inventory that is not there is an error at its name', async () => {
        const { diagnostics } = await client.open(fresh(), policy.replace('hosts.yaml', 'none.yaml'));
        expect(diagnostics).toMatchObject([{ code: 'MIG015', severity: 1, range: { start: { line: 0, character: 10 } } }]);
    });

    test('an inventory that changes on disk is read again, and its own problems are shown in its file', async () => {
        const uri = fresh();
        const yaml = uriOf('changing.yaml');
        await writeFile(path.join(folder, 'changing.yaml'), inventory);
        expect(found(await client.open(uri, policy.replace('hosts.yaml', 'changing.yaml')))).toEqual([]);
        expect((await client.inventoryOf(uri)).hosts).toBe(2);
        await writeFile(path.join(folder, 'changing.yaml'), inventory.replace('zone: west', 'zoen: west'));
        client.forget(uri);
        client.forget(yaml);
        await client.connection.sendNotification(DidChangeWatchedFilesNotification.type, {
            changes: [{ uri: yaml, type: FileChangeType.Changed }],
        });
        expect(brief((await client.diagnostics(uri)).diagnostics)).toEqual([expect.stringContaining('1 MIG015')]);
        expect(brief((await client.diagnostics(yaml)).diagnostics)).toEqual([expect.stringContaining('3 MIG011 unknown key zoen')]);
    });
});

describe('what mig-run saw of the hosts', () => {
    const apart = policy.replace('hosts.yaml', 'seen.yaml').replace('where host.zone == source.zone', 'apart by vm.tag.role');
    const hosts = ['alpha', 'beta']
        .map((name) => `  ${name}: { ssh: ${name}, migration: { network: mig, address: ${name}.mig } }\n`)
        .join('');
    beforeAll(() => writeFile(path.join(folder, 'seen.yaml'), `hosts:\n${hosts}`));
    const withLook = async (look: (inventory: Inventory) => Snapshot, text = apart) => {
        const state = await mkdtemp(path.join(folder, 'state-'));
        const file = path.join(folder, 'seen.yaml');
        const { inventory: parsed } = parseInventory(`hosts:\n${hosts}`, file);
        if (!parsed) throw new Error('the inventory does not parse');
        await mkdir(lookDirectoryOf(path.join(state, 'mig-run')), { recursive: true });
        await writeFile(path.join(lookDirectoryOf(path.join(state, 'mig-run')), lookFileName(file)), lookText(file, parsed, look(parsed)));
        await using other = new TestClient(server.file, state);
        await other.initialize();
        const uri = fresh();
        return { diagnostics: (await other.open(uri, text)).diagnostics, use: await other.inventoryOf(uri) };
    };
    const libvirt = (takenAt: number): Snapshot => {
        const at = (name: string, zone: string) => host(name, { zone, tags: {} });
        const dbs = ['db1', 'db2', 'db3'].map((name) => vm(name, 'alpha', { tags: { role: 'db' } }));
        return snapshot([at('alpha', 'east'), at('beta', 'west')], dbs, { takenAt: epochMs(takenAt) });
    };

    test('is what rules on VMs go by, and nothing is said to be missing', async () => {
        const now = Date.now();
        const { diagnostics, use } = await withLook(() => libvirt(now - 3_600_000));
        expect(brief(diagnostics)).toEqual([expect.stringContaining('MIG505')]);
        expect(use.seen).toBe(now - 3_600_000);
    });

    test('is missed quietly where there is none, and said to be too old after a week', async () => {
        const { diagnostics } = await client.open(fresh(), apart);
        expect(diagnostics.map((d) => [d.code, d.severity])).toEqual([['MIG400', 4]]);
        const old = await withLook(() => libvirt(Date.now() - 9 * 24 * 3_600_000));
        expect(old.diagnostics.map((d) => d.code)).toEqual(['MIG400']);
        expect(JSON.stringify(old.diagnostics)).toContain('the last look at the hosts is 9 days old');
        expect(old.use.seen).toBeUndefined();
    });
});

describe('the linter', () => {
    const stale = '// mig-disable-next-line unused-param -- it was not used once\n';
    const actionsOf = async (uri: string, diagnostics: Diagnostic[], only?: string[]) => {
        const range = diagnostics[0]?.range ?? { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
        const context = { diagnostics, ...(only && { only }) };
        const found = await client.connection.sendRequest(CodeActionRequest.type, { textDocument: { uri }, range, context });
        return (found ?? []).filter((action) => CodeAction.is(action));
    };
    const changed = (text: string, uri: string, action: CodeAction | undefined): string =>
        TextDocument.applyEdits(
            TextDocument.create(uri, 'mig', 1, text),
            (action?.edit?.changes?.[uri] ?? []).filter((edit) => TextEdit.is(edit)),
        );

    test('finds a comment that silences nothing, and takes it out', async () => {
        const uri = fresh();
        const diagnostics = found(await client.open(uri, `${stale}${policy}`));
        expect(brief(diagnostics)).toEqual([expect.stringContaining('1 MIG009')]);
        expect(changed(`${stale}${policy}`, uri, (await actionsOf(uri, diagnostics))[0])).toBe(policy);
    });

    test('silences a rule on a line, once its reason is written', async () => {
        const uri = fresh();
        const text = policy.replace('bandwidth { total uplink }', '');
        const { diagnostics } = await client.open(uri, text);
        const unused = diagnostics.filter((d) => d.code === 'MIG130');
        expect(unused).toHaveLength(1);
        const action = (await actionsOf(uri, unused)).find((one) => one.title.startsWith('Silence'));
        const silenced = changed(text, uri, action);
        expect(silenced).toContain('\n// mig-disable-next-line MIG130 -- \nparam uplink');
        const asked = (await client.change(uri, 2, silenced)).diagnostics.map((d) => d.code);
        expect(asked).toEqual(expect.arrayContaining(['MIG007', 'MIG130']));
        const reasoned = await client.change(uri, 3, silenced.replace('MIG130 -- ', 'MIG130 -- set from outside'));
        expect(reasoned.diagnostics.map((d) => d.code)).not.toContain('MIG130');
    });

    test('makes all fixes at once', async () => {
        const uri = fresh();
        const text = `${stale}${policy.replace('using patient', 'using patiet').replace('total uplink', 'total uplnk')}`;
        const { diagnostics } = await client.open(uri, text);
        const [action, ...more] = await actionsOf(uri, diagnostics.slice(0, 1), ['source.fixAll']);
        expect(action?.kind).toBe('source.fixAll.mig');
        expect(more).toEqual([]);
        const mended = await client.change(uri, 2, changed(text, uri, action));
        expect(mended.diagnostics.filter((d) => d.severity === 1)).toEqual([]);
        expect(await actionsOf(uri, diagnostics, ['refactor'])).toEqual([]);
    });

    test('keeps to mig.config.yaml, reads it again when it changes, and shows what is wrong in it', async () => {
        const place = path.join(folder, 'configured');
        await mkdir(place);
        const uri = pathToFileURL(path.join(place, 'p.mig')).href;
        const config = pathToFileURL(path.join(place, 'mig.config.yaml')).href;
        const write = async (text: string): Promise<void> => {
            await writeFile(path.join(place, 'mig.config.yaml'), text);
            for (const one of [uri, config]) client.forget(one);
            await client.connection.sendNotification(DidChangeWatchedFilesNotification.type, {
                changes: [{ uri: config, type: FileChangeType.Changed }],
            });
        };
        const text = `${stale}${policy.replace('inventory "hosts.yaml"', '')}`;
        expect(found(await client.open(uri, text)).map((d) => [d.code, d.severity])).toEqual([['MIG009', 2]]);
        await write('rules: { stale-suppression: error }\n');
        expect(found(await client.diagnostics(uri)).map((d) => [d.code, d.severity])).toEqual([['MIG009', 1]]);
        await write('rules:\n  stale-suppression: loud\n');
        expect(found(await client.diagnostics(uri)).map((d) => [d.code, d.severity])).toEqual([['MIG009', 2]]);
        expect(brief((await client.diagnostics(config)).diagnostics)).toEqual([expect.stringMatching(/^2 MIG012/)]);
    });

    test('links to the page of each finding where the client says where they are', async () => {
        await using other = new TestClient(server.file);
        await other.initialize({ initializationOptions: { rulePages: 'https://example.org/rules/' } });
        const { diagnostics } = await other.open(fresh(), `${stale}${policy.replace('using patient', 'using patiet')}`);
        expect(diagnostics.map((d) => d.code)).toContain('MIG102');
        for (const { code, codeDescription } of diagnostics) expect(codeDescription?.href).toBe(`https://example.org/rules/${code}.md`);
    });
});

test('a policy that names no inventory is checked against the one in the settings', async () => {
    await using other = new TestClient(server.file);
    const workspaceFolders = [{ uri: pathToFileURL(folder).href, name: 'policies' }];
    await other.initialize({ workspaceFolders }, { inventory: 'hosts.yaml' });
    const uri = fresh();
    const diagnostics = found(await other.open(uri, policy.replace('inventory "hosts.yaml"\n', '').replace('source.zone', '"nowhere"')));
    expect(brief(diagnostics)).toEqual(['14 MIG123 no host of the inventory is in a zone "nowhere"']);
    expect(await other.inventoryOf(uri)).toEqual({ policy: uri, inventory: uriOf('hosts.yaml'), hosts: 2 });
});

describe('completion', () => {
    test('after a dot the attributes of the entity', async () => {
        expect(await completions('policy p {\n  move vms where vm.|\n}')).toEqual(
            expect.arrayContaining(['memory', 'dirty_rate', 'net.tx', 'tags']),
        );
        expect(await completions('policy p {\n  move vms where vm.net.|\n}')).toEqual(['tx', 'rx']);
        expect(await completions('policy p {\n  when source.|\n}')).toContain('zone');
    });

    test('after a number the units, first those that are meant there', async () => {
        const units = await completions('technique t = precopy {\n  downtime 300 |\n}');
        expect(units.slice(0, 6)).toEqual(['us', 'ms', 's', 'min', 'h', 'd']);
    });

    test('in a string the names of the inventory', async () => {
        const start = 'inventory "hosts.yaml"\npolicy p {\n  move vms\n  to hosts where ';
        expect(await completions(`${start}host.zone == "|"\n}`)).toEqual(['east', 'west']);
        expect(await completions(`${start}host.name != "|"\n}`)).toEqual(['alpha', 'beta']);
        expect(await completions(`${start}host.tags contains "|"\n}`)).toEqual(['generation', 'generation=4', 'gpu']);
    });

    test('the clauses of a policy as words and as snippets', async () => {
        const clauses = await completions('policy p {\n  |\n}');
        expect(clauses).toEqual(
            expect.arrayContaining(['when', 'move', 'to', 'using', 'bandwidth', 'on failure …', 'at most … at once per host']),
        );
        expect(clauses).not.toContain('scenario');
    });

    test('a keyword of several words from its second word on', async () => {
        expect(await completions('policy p {\n  on fai|\n}')).toEqual(['on failure', 'on failure …']);
        expect(await completions('policy p {\n  on |\n}')).toEqual(expect.arrayContaining(['on failure', 'on demand']));
    });

    test('where a condition begins: states, entities and declared names', async () => {
        const start = 'param most: ratio = 90%\nlet hot = vm.dirty_rate > 100 MiB/s\npolicy p {\n  ';
        expect(await completions(`${start}when |\n}`)).toEqual(
            expect.arrayContaining(['most', 'hot', 'host is in maintenance', 'host', 'cluster', 'not']),
        );
        expect(await completions(`${start}move vms where vm.cpu > |\n}`)).not.toContain('host is in maintenance');
        expect(await completions('technique t = precopy {\n  when |\n}')).toEqual(
            expect.arrayContaining(['iteration', 'stalled for … iterations: …']),
        );
    });

    test('the declared techniques and the built-in ones after using', async () => {
        const offered = await completions(`${policy}\npolicy other { move vms to hosts using | }`);
        expect(offered).toEqual(expect.arrayContaining(['patient', 'precopy', 'postcopy', 'choose']));
        expect(offered).not.toContain('uplink');
    });

    test('calendars where days are meant', async () => {
        const calendar = 'calendar freeze = [2026-12-24..2027-01-01]\n';
        expect(await completions(`${calendar}policy p { every day at 22:00 except |\n}`)).toEqual(['freeze']);
        expect(await completions(`${calendar}policy p { between 22:00 and 05:00 on Sat, |\n}`)).toEqual(
            expect.arrayContaining(['freeze', 'workdays', 'Mon']),
        );
    });

    test('nothing in a comment', async () => {
        expect(await completions('// move vms where vm.|\n')).toEqual([]);
    });
});

describe('hover', () => {
    const at = (place: string): string => policy.replace(place.replace('|', ''), place);

    test('an attribute from the catalogue', async () => {
        expect(await hover(at('vm.mem|ory'))).toContain('Memory that the VM has now (its balloon).');
        expect(await hover(at('host.zo|ne'))).toContain('name the zone in the inventory');
    });

    test('a quantity in other units', async () => {
        expect(await hover(at('3|00 ms'))).toContain('0.3 s');
    });

    test('a param with its value, its doc comment and how to set it', async () => {
        const text = await hover(at('total upl|ink'));
        expect(text).toContain('param uplink: rate = 8 Gbit/s');
        expect(text).toContain('What the moves may take in all.');
        expect(text).toContain('--set uplink=');
    });

    test('a technique with its doc comment', async () => {
        expect(await hover(at('using pat|ient'))).toMatch(/technique patient = precopy[^]*Ask for a short stop\./);
    });

    test('a word of the language', async () => {
        expect(await hover(at('band|width'))).toContain('Caps that all hold at the same time.');
    });

    test('nothing between words', async () => {
        expect(await hover('| policy p { move vms to hosts using precopy }')).toBe('');
    });
});

describe('navigation', () => {
    test('where a technique is used, in other files and after edits too, and its name everywhere', async () => {
        const lender = fresh();
        const user = fresh();
        const lent = 'technique quick = precopy { downtime 5 ms; after 5 min: abort }\n';
        const using = (name: string): string => `import "${path.basename(lender)}"\npolicy ${name} { move vms to hosts using quick }\n`;
        await client.open(lender, lent);
        await client.open(user, using('p'));
        await client.change(user, 2, `\n${using('renamed')}`);
        const at = { textDocument: { uri: lender }, position: { line: 0, character: 12 } };
        const found = await client.connection.sendRequest(ReferencesRequest.type, { ...at, context: { includeDeclaration: false } });
        const character = using('renamed').split('\n')[1]?.indexOf('quick') ?? -1;
        expect(found).toEqual([{ uri: user, range: { start: { line: 2, character }, end: { line: 2, character: character + 5 } } }]);
        const edit = await client.connection.sendRequest(RenameRequest.type, { ...at, newName: 'swift' });
        expect(Object.entries(edit?.changes ?? {}).map(([uri, edits]) => [uri, edits.map(({ newText }) => newText)])).toEqual([
            [lender, ['swift']],
            [user, ['swift']],
        ]);
    });

    test('definition, highlight, symbols and folding', async () => {
        const uri = fresh();
        const { text, at } = atCursor(uri, policy.replace('using patient', 'using pat|ient'));
        await client.open(uri, text);
        expect(await client.connection.sendRequest(DefinitionRequest.type, at)).toMatchObject([
            { targetUri: uri, targetSelectionRange: { start: { line: 6, character: 10 } } },
        ]);
        expect(await client.connection.sendRequest(DocumentHighlightRequest.type, at)).toHaveLength(2);
        const symbols = await client.connection.sendRequest(DocumentSymbolRequest.type, { textDocument: { uri } });
        expect(symbols?.map(({ name, kind }) => [name, kind])).toEqual([
            ['uplink', SymbolKind.Variable],
            ['patient', SymbolKind.Class],
            ['drain', SymbolKind.Function],
        ]);
        const folds = await client.connection.sendRequest(FoldingRangeRequest.type, { textDocument: { uri } });
        expect(folds?.map(({ startLine }) => text.split('\n')[startLine])).toEqual(['technique patient = precopy {', 'policy drain {']);
    });
});

describe('the process', () => {
    test('a request for a document that is not open is answered, and the server goes on', async () => {
        const uri = fresh();
        const at = { textDocument: { uri }, position: { line: 0, character: 0 } };
        await client.connection.sendRequest(HoverRequest.type, at).catch((error: unknown) => expect(error).toHaveProperty('code'));
        expect(found(await client.open(uri, policy))).toEqual([]);
    });

    test('a request that is cancelled while the text is still being read comes back as an error', async () => {
        const uri = fresh();
        const long = Array.from({ length: 300 }, (_, n) => policy.replaceAll(/patient|drain|uplink/g, `$&${n}`)).join('\n');
        const source = new CancellationTokenSource();
        const opened = client.open(uri, long);
        const answer = client.connection.sendRequest(
            HoverRequest.type,
            { textDocument: { uri }, position: { line: 1, character: 0 } },
            source.token,
        );
        source.cancel();
        await expect(answer).rejects.toHaveProperty('code', LSPErrorCodes.RequestCancelled);
        await opened;
    });

    test('it ends when its input ends', async () => {
        const child = spawnServer(server.file);
        const ended = once(child, 'exit');
        child.stdin.end();
        expect(await ended).toEqual([1, null]);
    });

    test('it ends with an error on what is no message', async () => {
        const child = spawnServer(server.file);
        const ended = once(child, 'exit');
        child.stdin.write('this is no header\r\n\r\n');
        const [code] = (await ended) as [number];
        expect(code).toBe(1);
    });
});
