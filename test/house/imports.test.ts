import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

/** Rooms from the inside out; a file may import from its own room and from those to the left of it (`sees`). */
const rooms = [
    { name: 'language', folder: 'language/src', door: '@mig/language', sees: [], platform: 'none' },
    { name: 'core', folder: 'runtime/src/core', door: '@mig/runtime/core', sees: ['language'], platform: 'none' },
    { name: 'edges', folder: 'runtime/src/edges', door: '@mig/runtime/edges', sees: ['language', 'core'], platform: 'node' },
    { name: 'server', folder: 'server/src', door: '@mig/server', sees: ['language', 'core'], platform: 'node' },
    { name: 'extension', folder: 'extension/src', door: 'mig-policies', sees: ['language', 'core', 'server'], platform: 'node' },
] as const;

interface Import {
    readonly from: string;
    readonly what: string;
    /** Types are gone at run time. */
    readonly typeOnly: boolean;
}

const isTest = (file: string) => /\.test\.ts$|\/testing\//.test(file);

function sources(folder: string): string[] {
    return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts') && !file.includes('generated'))
        .map((file) => path.join(folder, file));
}

/** Reads the import and export-from statements of a text. */
function importsOf(text: string): Omit<Import, 'from'>[] {
    const statements = text.matchAll(/^\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm);
    const dynamic = text.matchAll(/import\('([^']+)'\)/g);
    return [
        ...[...statements].map((m) => ({ what: m[2] ?? '', typeOnly: m[1] !== undefined })),
        ...[...dynamic].map((m) => ({ what: m[1] ?? '', typeOnly: false })),
    ];
}

function roomOf(file: string, what: string): string | undefined {
    if (!what.startsWith('.')) return rooms.find((room) => what === room.door || what.startsWith(`${room.door}/`))?.name;
    const target = path.normalize(path.join(path.dirname(file), what));
    return rooms.find((room) => target.startsWith(`${room.folder}/`) || target === room.folder)?.name;
}

const allImports = (folder: string): Import[] =>
    sources(folder).flatMap((from) => importsOf(readFileSync(path.join(root, from), 'utf8')).map((found) => ({ ...found, from })));

describe.each(rooms)('$name', (room) => {
    const imports = allImports(room.folder);

    test('imports only from rooms that lie inside it', () => {
        const allowed: readonly (string | undefined)[] = [room.name, ...room.sees];
        const wrong = imports.filter(({ from, what }) => {
            const target = roomOf(from, what);
            const outside = what.startsWith('.') && target === undefined && !/package\.json$/.test(what);
            return outside || (target !== undefined && !allowed.includes(target));
        });
        expect(wrong.map((i) => `${i.from} imports ${i.what}`)).toEqual([]);
    });

    test('has no cycles between its files', () => {
        const edges = new Map<string, string[]>();
        for (const { from, what, typeOnly } of imports) {
            if (typeOnly || !what.startsWith('.')) continue;
            const target = path.normalize(path.join(path.dirname(from), what)).replace(/\.js$/, '.ts');
            edges.set(from, [...(edges.get(from) ?? []), target]);
        }
        expect(cycles(edges)).toEqual([]);
    });
});

test.each(rooms.filter((room) => room.platform === 'none'))('$name runs in a browser: no node built-in, no vscode', ({ folder }) => {
    const imports = allImports(folder);
    const native = new Set(builtinModules);
    const wrong = imports.filter(({ from, what }) => !isTest(from) && (what.startsWith('node:') || native.has(what) || what === 'vscode'));
    expect(wrong.map((i) => `${i.from} imports ${i.what}`)).toEqual([]);
});

test('a cycle is found', () => {
    expect(
        cycles(
            new Map([
                ['a', ['b']],
                ['b', ['c', 'd']],
                ['c', ['a']],
            ]),
        ),
    ).toEqual(['a -> b -> c -> a']);
});

function cycles(edges: ReadonlyMap<string, readonly string[]>): string[] {
    const found = new Set<string>();
    const done = new Set<string>();
    const walk = (file: string, trail: readonly string[]): void => {
        const at = trail.indexOf(file);
        if (at >= 0) {
            found.add([...trail.slice(at), file].join(' -> '));
            return;
        }
        if (done.has(file)) return;
        for (const next of edges.get(file) ?? []) walk(next, [...trail, file]);
        done.add(file);
    };
    for (const file of edges.keys()) walk(file, []);
    return [...found];
}
