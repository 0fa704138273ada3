import { fc, test } from '@fast-check/vitest';
import { EmptyFileSystem, EmptyFileSystemProvider, type LangiumDocument, URI } from 'langium';
import { expect } from 'vitest';
import type { MigFile } from '../generated/ast.js';
import type { Policy } from '../program.js';
import { type Compilation, compileText } from '../compile-text.js';
import { createMigCoreServices } from '../services.js';
import { programOf } from './analyse.js';
import { CompileMemory } from './memory.js';

const settings = { set: {}, environment: {} };
const main = URI.parse('file:///policies/main.mig');
const library = URI.parse('file:///policies/library.mig');

/** Files that are edited, in an editor that compiles the main one after each change. */
class Desk extends EmptyFileSystemProvider {
    readonly memory = new CompileMemory();
    private readonly texts = new Map<string, string>();
    private readonly services = createMigCoreServices({ ...EmptyFileSystem, fileSystemProvider: () => this });

    override readFile(uri?: URI): Promise<string> {
        const text = this.texts.get(uri?.toString() ?? '');
        return text === undefined ? Promise.reject(new Error('there is no such file')) : Promise.resolve(text);
    }

    async write(uri: URI, text: string): Promise<void> {
        this.texts.set(uri.toString(), text);
        const { LangiumDocuments: documents, DocumentBuilder: builder, LangiumDocumentFactory: factory } = this.services.shared.workspace;
        if (documents.hasDocument(uri)) {
            await builder.update([uri], []);
            return;
        }
        documents.addDocument(factory.fromString(text, uri));
        await builder.build(documents.all.toArray(), { validation: false });
    }

    compiled(): Compilation {
        const document = this.services.shared.workspace.LangiumDocuments.getDocument(main) as LangiumDocument<MigFile>;
        return programOf(document, this.services.mig, settings, { memory: this.memory });
    }
}

/** The same by a compiler that remembers nothing. */
function fresh(texts: ReadonlyMap<URI, string>): Promise<unknown> {
    const read = (uri: string): Promise<string | undefined> => Promise.resolve([...texts].find(([one]) => one.toString() === uri)?.[1]);
    return compileText({ uri: main.toString(), text: texts.get(main) ?? '' }, { read });
}

const lent = [
    'param least: duration = 200 ms',
    'let busy = vm.dirty_rate > 100 MiB/s',
    'group web = vms where vm.tags contains "web" and not busy',
    'technique patient(limit: duration = least) = precopy { downtime limit; after 5 min: abort }',
    '/** What others are like. */\npolicy shared { move vms in web to hosts where host.zone == source.zone using patient }',
].join('\n');
const own = [
    'import "library.mig"',
    'param uplink: rate = 8 Gbit/s',
    'let quiet = not busy and vm.cpu < 20%',
    'technique eager = patient(limit: 100 ms) { streams 2 }',
    '/** First. */\npolicy a like shared priority 1 { using eager }',
    'policy b priority 2 {\n  when host is in maintenance\n  move vms on host where quiet\n  to hosts prefer least loaded\n  using choose { busy: postcopy; otherwise: eager }\n  bandwidth { total uplink }\n}',
    'policy c like b { using patient }',
    'scenario "s" { given host "h" is in maintenance run b expect moved vms == 0 }',
].join('\n');

const put = fc.constantFrom(
    '',
    '',
    ' ',
    '\n',
    '7',
    '1',
    'x',
    ' 50%',
    '// note\n',
    '/** Doc. */',
    'eager',
    'patient',
    'shared',
    'busy',
    'policy d like a { }\n',
    'let busy = vm.cpu > 3%\n',
    '}',
);
const edit = fc.record({ where: fc.boolean(), at: fc.nat(), cut: fc.oneof(fc.constant(0), fc.nat(4), fc.nat(80)), put });

test.prop([fc.array(edit, { minLength: 1, maxLength: 8 })], { numRuns: 60 })(
    'what is taken over from earlier compilations is what would be found now',
    async (edits) => {
        const desk = new Desk();
        const texts = new Map([
            [library, lent],
            [main, own],
        ]);
        for (const [uri, text] of texts) await desk.write(uri, text);
        desk.compiled();
        for (const { where, at, cut, put } of edits) {
            const uri = where ? main : library;
            const text = texts.get(uri) ?? '';
            const place = at % (text.length + 1);
            texts.set(uri, text.slice(0, place) + put + text.slice(place + cut));
            await desk.write(uri, texts.get(uri) ?? '');
            expect(desk.compiled()).toEqual(await fresh(texts));
        }
    },
    // Compiles hundreds of programs.
    60_000,
);

test('a policy stays the same object until something changes that it follows from', async () => {
    const desk = new Desk();
    await desk.write(library, lent);
    await desk.write(main, own);
    const policies = (): ReadonlyMap<string, Policy> => {
        const { program, findings } = desk.compiled();
        expect(program === undefined ? findings : []).toEqual([]);
        return new Map(program?.policies.map((policy) => [policy.name, policy]));
    };
    const kept = (before: ReadonlyMap<string, Policy>): readonly string[] =>
        [...policies()].flatMap(([name, policy]) => (policy === before.get(name) ? [name] : [])).sort();
    const first = policies();
    const edited = own.replace('priority 1 ', 'priority 0 ');
    await desk.write(main, edited);
    expect(kept(first)).toEqual(['b', 'c']);
    const second = policies();
    // What a and c name, directly or not, needs it; b has it by way of eager.
    await desk.write(library, lent.replace('= least', '= 300 ms'));
    expect(kept(second)).toEqual([]);
    const third = policies();
    await desk.write(main, `${edited}\nlet late = quiet`);
    expect(kept(third)).toEqual(['a', 'b', 'c']);
});
