import { describe, expect, test } from 'vitest';
import type { CompileOptions } from '../compile-text.js';
import { compile, findings, program, shown } from '../testing/kit.js';

/** Files beside the main one, by name. */
const files = (texts: Readonly<Record<string, string>>): CompileOptions => ({
    read: (path) => Promise.resolve(texts[path.replace('file:///policies/', '')]),
});

const ending = 'move vms to hosts using precopy';

describe('imports', () => {
    test('lend their names, and those of what they import', async () => {
        const { policies, params } = await program(
            'import "lib/a.mig"\npolicy p { move vms where hot to hosts using slow bandwidth { total uplink } }',
            {
                ...files({
                    'lib/a.mig': 'import "../b.mig"\ntechnique slow = precopy { downtime 5 ms }\nlet hot = vm.cpu > 50%',
                    'b.mig': 'param uplink: rate = 8 Mbit/s',
                }),
                set: { uplink: '16 Mbit/s' },
            },
        );
        expect(policies[0]?.technique[0]).toMatchObject({ name: 'slow', options: { downtimeMs: 5 } });
        expect(policies[0]?.bandwidth?.caps[0]?.limit).toEqual({ kind: 'rate', rate: 2e6 });
        expect(params[0]?.range.source).toBe(2);
    });

    test('start no policies of their own; a scenario may run them all the same', async () => {
        const library = files({ 'a.mig': `policy theirs { ${ending} }\npolicy idle { ${ending} }` });
        const compiled = await program(
            `import "a.mig"\npolicy mine like theirs { }\nscenario "s" { run theirs expect moved vms == 0 }`,
            library,
        );
        expect(compiled.policies.map((one) => one.name)).toEqual(['mine']);
        expect(compiled.imported?.map((one) => one.name)).toEqual(['theirs']);
    });

    test('that cannot be read, or lead back, are reported where they stand', async () => {
        expect(await findings('import "none.mig"', files({}))).toEqual([
            'MIG002 The import "none.mig" cannot be read. Looked for /policies/none.mig.',
        ]);
        const round = files({ 'a.mig': 'import "b.mig"', 'b.mig': 'import "a.mig"' });
        const { findings: found } = await compile('import "a.mig"', round);
        expect(found.map((one) => [one.range.source, shown(one)])).toEqual([
            [1, 'MIG003 The import "b.mig" leads back to this file. Put what both need into a file of its own.'],
            [2, 'MIG003 The import "a.mig" leads back to this file. Put what both need into a file of its own.'],
        ]);
    });

    test('an error in an imported file points into that file', async () => {
        const {
            program: none,
            findings: found,
            sources,
        } = await compile('import "a.mig"', files({ 'a.mig': '\ntechnique t = precopy { downtime 3 GiB }' }));
        expect(none).toBeUndefined();
        expect(found[0]?.range).toMatchObject({ source: 1, start: { line: 1, character: 33 } });
        expect(sources[1]?.uri).toBe('file:///policies/a.mig');
    });

    test('a name that an imported file declares cannot be declared again', async () => {
        expect(await findings('import "a.mig"\nlet a = 3 > 2', files({ 'a.mig': 'param a: number = 1' }))).toEqual([
            "MIG106 'a' is already declared in a.mig. Give one of the two another name.",
        ]);
    });
});

test('a file that is imported twice is read once', async () => {
    const twice = 'import "a.mig"\nimport "a.mig"\npolicy p { move vms where hot to hosts using precopy }';
    expect((await program(twice, files({ 'a.mig': 'let hot = vm.cpu > 50%' }))).policies).toHaveLength(1);
});

test('an import that is no policy file by its name cannot be read', async () => {
    const found = await findings('import "hosts.yaml"', { read: () => Promise.resolve('hosts: {}') });
    expect(found[0]).toMatch(/^MIG002 The import "hosts.yaml" cannot be read/);
});

describe('names', () => {
    test.each([
        [`policy p { move vms where hott to hosts using precopy }\nlet hot = 3 > 2`, "MIG101 'hott' is not declared. Did you mean 'hot'?"],
        [`policy p { move vms in wb to hosts using precopy }\ngroup web = vms`, "MIG104 There is no group 'wb'. Did you mean 'web'?"],
        [`policy p { move vms in x to hosts using precopy }\ngroup web = vms`, "MIG104 There is no group 'x'. Declared: web."],
        [`policy drain { ${ending} }\nscenario "s" { run drian }`, "MIG103 There is no policy 'drian'. Did you mean 'drain'?"],
        [
            `policy p { move vms in racks to hosts using precopy }\ngroup racks = hosts`,
            "MIG203 'racks' is a group of hosts, and here vms are chosen.",
        ],
    ])('%s', async (text, message) => {
        expect(await findings(text)).toEqual([message]);
    });

    test('a parameter of a technique hides what the file declares', async () => {
        const { policies } = await program(
            'param limit: duration = 1 s\ntechnique t(limit: duration = 2 s) = precopy { downtime limit }\npolicy p { move vms to hosts using t }',
        );
        expect(policies[0]?.technique[0]).toMatchObject({ options: { downtimeMs: 2000 } });
    });

    test('thousands of techniques and policies find each other', async () => {
        const many = Array.from(
            { length: 2000 },
            (_, n) => `technique t${n} = precopy { downtime ${n + 1} ms }\npolicy p${n} { move vms to hosts using t${n} }`,
        );
        const { policies } = await program(many.join('\n'));
        expect(policies).toHaveLength(2000);
    });
});
