import { DocumentState, type LangiumDocument, EmptyFileSystem, EmptyFileSystemProvider, URI } from 'langium';
import { programOf } from './compile/analyse.js';
import type { Entered } from './compile/context.js';
import type { Finding } from './finding.js';
import type { MigFile } from './generated/ast.js';
import type { Program } from './program.js';
import { createMigCoreServices, type MigCoreServices } from './services.js';

export interface CompileOptions {
    /** Reads an imported file; undefined where there is none. Without it nothing can be imported. */
    read?(uri: string): Promise<string | undefined>;
    /** Values of params, as given by `--set name=value`. */
    readonly set?: Readonly<Record<string, string>>;
    /** The environment: `MIG_UPLINK` sets the param `uplink`, unless `set` does. */
    readonly environment?: Readonly<Record<string, string | undefined>>;
    readonly entered?: Entered;
}

export interface Compilation {
    /** Undefined where there are errors. */
    readonly program: Program | undefined;
    /** In the order of the text, the main file first. */
    readonly findings: readonly Finding[];
    /** What `SourceRange.source` counts in: the main file, then its imports. */
    readonly sources: readonly { readonly uri: string }[];
}

/** Parses, links, checks and compiles a policy file together with what it imports. Never throws for what stands in the text. */
export function compileText(main: { readonly uri: string; readonly text: string }, options: CompileOptions = {}): Promise<Compilation> {
    return compilerOfOurs().compile(main, options);
}

/** Builds the parser ahead of the first text: that takes longer than compiling many policies. Otherwise it is built when needed. */
export function makeCompiler(): void {
    compilerOfOurs().makeReady();
}

let compiler: Compiler | undefined;
const compilerOfOurs = (): Compiler => (compiler ??= new Compiler());

/** Compiles one text after another with one set of services, which hold nothing between two of them. */
class Compiler {
    private readonly imports = new ImportReader();
    private readonly services: MigCoreServices = createMigCoreServices({ ...EmptyFileSystem, fileSystemProvider: () => this.imports });
    private last: Promise<unknown> = Promise.resolve();

    makeReady(): void {
        const { parser } = this.services.mig;
        // Services are made when they are first asked for.
        for (const make of [() => parser.Lexer, () => parser.LangiumParser]) make();
    }

    compile(main: { readonly uri: string; readonly text: string }, options: CompileOptions): Promise<Compilation> {
        const compilation = this.last.then(() => this.compileNow(main, options));
        // Whoever asked hears of a failure; the next one in the queue only waits for the end.
        this.last = compilation.catch(() => undefined);
        return compilation;
    }

    private async compileNow(main: { readonly uri: string; readonly text: string }, options: CompileOptions): Promise<Compilation> {
        const { shared, mig } = this.services;
        const { LangiumDocuments: documents, DocumentBuilder: builder } = shared.workspace;
        options.entered?.('parse');
        const linking = builder.onBuildPhase(DocumentState.Parsed, () => options.entered?.('link'));
        this.imports.read = (uri) => options.read?.(uri) ?? Promise.resolve(undefined);
        const document = documents.createDocument(URI.parse(main.uri), main.text) as LangiumDocument<MigFile>;
        try {
            await builder.build([document], { validation: false });
            const settings = { set: options.set ?? {}, environment: options.environment ?? {} };
            const { program, findings, sources } = programOf(document, mig, settings, { entered: options.entered });
            const opened = [{ uri: main.uri }, ...sources.slice(1)];
            return { program: program && { ...program, sources: opened }, findings, sources: opened };
        } finally {
            this.imports.read = undefined;
            linking.dispose();
            await builder.update([], documents.all.map((one) => one.uri).toArray());
        }
    }
}

/** Reads imports by the function that the caller of `compileText` gave. */
class ImportReader extends EmptyFileSystemProvider {
    read: ((uri: string) => Promise<string | undefined>) | undefined;

    override async readFile(uri?: URI): Promise<string> {
        const text = uri && (await this.read?.(uri.toString()));
        if (text === undefined) throw new Error(`There is no file ${uri?.toString() ?? ''}`);
        return text;
    }
}
