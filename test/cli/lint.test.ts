/** `check`, `lint` and `explain`, as a person and a code scanner use them. */
import { mkdir, readFile, readdir, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { epochMs } from '@mig/language';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseInventory } from '../../runtime/src/core/index.js';
import { host, snapshot, vm } from '../../runtime/src/core/testing/builders.js';
import { keepLook } from '../../runtime/src/edges/observe/looks.js';
import { Desk, root } from '../kit/mig-run.js';

const hosts = `
hosts:
  a: { driver: simulated, zone: east, simulated: { memory: 8 GiB, cpus: 4 }, migration: { network: m, address: 10.0.0.1 } }
  b: { driver: simulated, zone: east, simulated: { memory: 8 GiB, cpus: 4 }, migration: { network: m, address: 10.0.0.2 } }
`;
const stale = '  // mig-disable-next-line MIG401 -- upgraded tonight\n';
const policy = ({ above = '', zone = 'east', top = '' } = {}): string => `inventory "hosts.yaml"
${top}
policy drain {
  when host is in maintenance
${above}  move vms on host
  to hosts where host.zone == "${zone}"
  using precopy { after 5 min: abort }
  on failure leave and report
}
`;

let desk: Desk;
beforeEach(async () => {
    desk = await Desk.clear();
    await desk.write('hosts.yaml', hosts);
});
afterEach(async () => desk[Symbol.asyncDispose]());

const check = async (text: string, ...args: string[]) => {
    await desk.write('p.mig', text);
    return desk.migRun(['check', 'p.mig', ...args]);
};

describe('what nothing in a file uses', () => {
    const spare = 'technique spare = precopy { after 5 min: abort }\n';

    test('is told of the file alone, and not where a file that may use it is checked along', async () => {
        await desk.write('shared.mig', policy({ top: spare }));
        await desk.write('p.mig', `import "shared.mig"\n${policy().replace('policy drain', 'policy other')}`);
        const idsOf = async (...files: string[]) => {
            const { stdout } = await desk.migRun(['check', '--json', ...files]);
            return (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id);
        };
        expect(await idsOf('shared.mig')).toContain('MIG133');
        expect(await idsOf('p.mig')).not.toContain('MIG133');
        expect(await idsOf('shared.mig', 'p.mig')).not.toContain('MIG133');
    });
});

describe('what is found', () => {
    test('is nothing where a policy is right', async () => {
        const { code, stdout } = await check(policy());
        expect({ code, stdout }).toEqual({ code: 0, stdout: 'p.mig: nothing found\n' });
    });

    test('ends with 0 for a warning and with 3 for an error', async () => {
        const warned = await check(policy({ above: stale }));
        expect(warned.all).toMatch(/warning: .*MIG401.*p\.mig:5:3/s);
        expect(warned.stdout).toBe('0 errors, 1 warning (1 of them can be mended with --fix)\n');
        expect(warned.code).toBe(0);
        expect((await check(policy({ zone: 'west' }))).code).toBe(3);
    });

    test('is the same by the name of lint, and as JSON', async () => {
        await desk.write('p.mig', policy({ above: stale }));
        for (const args of [
            ['lint', '--json'],
            ['check', '--format', 'json'],
        ]) {
            const { code, stdout } = await desk.migRun([...args, 'p.mig']);
            const found = JSON.parse(stdout) as { id: string; file: string; severity: string }[];
            expect(found.filter((f) => f.severity !== 'info')).toEqual([expect.objectContaining({ id: 'MIG009', file: 'p.mig' })]);
            expect(code).toBe(0);
        }
    });

    test('includes an inventory that is not there', async () => {
        const { code, all } = await check(policy().replace('hosts.yaml', 'none.yaml'));
        expect(all).toMatch(/none\.yaml: there is no such file \[MIG015\].*p\.mig:1:11/s);
        expect(code).toBe(3);
    });

    test('is said once where it is what could not be looked at', async () => {
        await desk.write('library.mig', 'technique patient = precopy { after 5 min: abort }\n');
        for (const name of ['p.mig', 'q.mig']) await desk.write(name, policy().replace('inventory "hosts.yaml"', ''));
        const { stderr } = await desk.migRun(['check', '.']);
        expect(stderr.match(/MIG400/g)).toHaveLength(1);
        expect((await desk.migRun(['check', 'library.mig'])).all).toBe('library.mig: nothing found\n');
    });

    test('is said once where several policies share it', async () => {
        await desk.write('shared.mig', 'technique quick = precopi\n');
        for (const name of ['p.mig', 'q.mig']) await desk.write(name, `import "shared.mig"\n${policy()}`);
        const { stdout } = await desk.migRun(['check', '--json', '.']);
        const found = JSON.parse(stdout) as { id: string; file: string }[];
        expect(found.filter((f) => f.id === 'MIG102')).toEqual([expect.objectContaining({ file: 'shared.mig' })]);
    });
});

describe('files', () => {
    beforeEach(async () => {
        await mkdir(desk.at('teams/web/.old'), { recursive: true });
        await desk.write('teams/hosts.yaml', hosts);
        await desk.write('teams/a.mig', policy());
        await desk.write('teams/web/b.mig', policy().replace('hosts.yaml', '../hosts.yaml'));
        await desk.write('teams/web/.old/c.mig', 'nothing of the kind');
    });

    test.each([
        ['a directory', ['teams'], '2 files: nothing found\n'],
        ['a pattern over directories', ['teams/**/*.mig'], '2 files: nothing found\n'],
        ['a pattern with choices', ['teams/{a,z}.mig'], 'teams/a.mig: nothing found\n'],
        ['the same file twice', ['teams/a.mig', 'teams/?.mig'], 'teams/a.mig: nothing found\n'],
    ])('are found by %s', async (_, args, expected) => {
        const { code, stdout, stderr } = await desk.migRun(['check', ...args]);
        expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: expected });
    });

    test('from standard input are judged as if they stood here', async () => {
        const fed = (text: string) => ({ through: ['sh', '-c', 'printf %s "$MIG_TEXT" | "$0" "$@"'], env: { MIG_TEXT: text } });
        expect(await desk.migRun(['check', '-'], fed(policy()))).toMatchObject({ code: 0, stdout: '<stdin>: nothing found\n' });
        const wrong = await desk.migRun(['check', '-'], fed(policy().replace('precopy', 'precopi')));
        expect(wrong.all).toContain('<stdin>:7:9');
        expect(wrong.stdout).toBe('1 error, 0 warnings\n');
        expect(wrong.code).toBe(3);
        expect(await desk.migRun(['check', '--fix', '-'], fed(policy()))).toMatchObject({ code: 2, stdout: '' });
        const planned = await desk.migRun(['plan', '-', '--maintenance', 'a'], fed(policy()));
        expect(planned.code, planned.all).toBe(0);
    });

    test("that cannot be read stand in no other one's way", async () => {
        await symlink('nowhere.mig', desk.at('teams/lost.mig'));
        const { code, stdout, stderr } = await desk.migRun(['check', 'teams']);
        expect(stderr).toContain('cannot read the policy teams/lost.mig: there is no such file');
        expect({ code, stdout }).toEqual({ code: 2, stdout: '2 files: nothing found\n' });
        const log = JSON.parse((await desk.migRun(['check', '--format', 'sarif', 'teams'])).stdout) as {
            readonly runs: readonly { readonly invocations: readonly object[] }[];
        };
        expect(log.runs[0]?.invocations).toEqual([
            {
                executionSuccessful: false,
                toolExecutionNotifications: [{ level: 'error', message: { text: expect.stringContaining('lost.mig') } }],
            },
        ]);
        const fixed = await desk.migRun(['check', '--fix', 'teams']);
        expect(fixed.stderr.match(/lost\.mig/g)).toHaveLength(1);
    });

    test.each([
        ['an inventory', 'hosts.yaml', /hosts\.yaml is not a policy.*--inventory/s],
        ['a file below a file', 'teams/a.mig/b.mig', /before its last \/ is no directory/],
        ['a directory of that name', 'dir.mig', /dir\.mig has no policies/],
        ['no name', '', /'' is not a policy/],
    ])('that are none are told apart: %s', async (_, word, expected) => {
        await mkdir(desk.at('dir.mig'));
        expect(await desk.migRun(['check', word])).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(expected) });
    });

    test('are the same with a byte order mark and with other line ends', async () => {
        const text = policy({ above: stale });
        const finds = async (name: string, of: string) => {
            await desk.write(name, of);
            const { stdout } = await desk.migRun(['check', '--json', name]);
            return (JSON.parse(stdout) as { id: string; range: object; message: string }[]).map(({ id, range, message }) => ({
                id,
                range,
                message,
            }));
        };
        const plain = await finds('plain.mig', text);
        expect(plain.map(({ id }) => id)).toContain('MIG009');
        expect(await finds('mark.mig', `\uFEFF${text}`)).toEqual(plain);
        expect(await finds('ends.mig', text.replaceAll('\n', '\r\n'))).toEqual(plain);
    });

    test('that are not there are named', async () => {
        expect(await desk.migRun(['check', 'x*.mig'])).toMatchObject({ code: 2, stderr: expect.stringContaining('no file fits x*.mig') });
        await mkdir(desk.at('empty'));
        expect(await desk.migRun(['check', 'empty'])).toMatchObject({ code: 2, stderr: expect.stringContaining('empty has no policies') });
    });
});

describe('mig.config.yaml', () => {
    test('sets severities for what stands below it, also where a plan is made', async () => {
        await mkdir(desk.at('team'));
        await desk.write('team/hosts.yaml', hosts);
        await desk.write('team/p.mig', policy({ above: stale }));
        await desk.write('mig.config.yaml', 'rules:\n  stale-suppression: error\n  MIG400: off\n');
        const { code, all } = await desk.migRun(['check', 'team/p.mig']);
        expect(all).toMatch(/^error: .*MIG401/);
        expect(code).toBe(3);
        await desk.write('team/mig.config.yaml', 'rules: { stale-suppression: off, MIG400: off }\n');
        expect(await desk.migRun(['check', 'team/p.mig'])).toMatchObject({ code: 0, all: 'team/p.mig: nothing found\n' });
    });

    test('with errors is shown with line and column, and nothing is done', async () => {
        await desk.write('mig.config.yaml', 'rules:\n  MIG009: loud\n');
        const checked = await check(policy());
        expect(checked.all).toMatch(/write off, info, warning or error \[MIG012\].*mig\.config\.yaml:2:11/s);
        expect(checked.code).toBe(3);
        const planned = await desk.migRun(['plan', 'p.mig', '--maintenance', 'a']);
        expect(planned.all).toContain('mig.config.yaml:2:11');
        expect(planned.code).toBe(3);
    });

    test('that is none is told of by its path from here', async () => {
        await mkdir(desk.at('mig.config.yaml'));
        const { code, stderr } = await check(policy());
        expect(stderr).toContain('cannot read the configuration mig.config.yaml: it is a directory');
        expect(code).toBe(2);
    });

    test('and comments hold for what the rules say of a plan', async () => {
        const text = (above = '') => policy({ above, top: 'let heavy = vm.memory > 1 GiB\n' }).replace('"east"', '"east" and 2 > 1');
        const name = 'p.mig';
        await desk.write(name, text());
        const found = JSON.parse((await desk.migRun(['check', '--json', name])).stdout) as {
            id: string;
            severity: string;
            range: { start: { line: number } };
        }[];
        const warning = found.find((f) => f.severity === 'warning');
        if (warning === undefined) throw new Error('a rule warns of a name that is not used');
        await desk.write('mig.config.yaml', `rules: { ${warning.id}: error }\n`);
        const refused = await desk.migRun(['plan', name, '--maintenance', 'a']);
        expect(refused.all).toContain(`[${warning.id}]`);
        expect(refused.code).toBe(3);
        const lines = text().split('\n');
        lines.splice(warning.range.start.line, 0, `// mig-disable-next-line ${warning.id} -- it is right here`);
        await desk.write(name, lines.join('\n'));
        const planned = await desk.migRun(['plan', name, '--maintenance', 'a']);
        expect(planned.all).not.toContain(`[${warning.id}]`);
        expect(planned.code).toBe(0);
    });
});

describe('--fix', () => {
    test('mends what it can, says what, and leaves the rest', async () => {
        const text = policy({ above: stale }).replace('precopy', 'precopi').replace('when host', 'when hots');
        const { code, stdout } = await check(text, '--fix');
        expect(await readFile(desk.at('p.mig'), 'utf8')).toBe(policy());
        expect(stdout).toMatch(/fixed p\.mig:\d+:\d+ MIG102: .*precopy/);
        expect(stdout).toMatch(/fixes made\np\.mig: nothing found\n$/);
        expect(code).toBe(0);
    });

    test('leaves to a person which host was meant, and which unit', async () => {
        const text = policy({ zone: 'eats' }).replace('5 min', '5');
        const { code, stdout, stderr } = await check(text, '--fix');
        expect(await readFile(desk.at('p.mig'), 'utf8')).toBe(text);
        expect(stderr).toMatch(/needs a unit/);
        expect({ code, stdout }).toEqual({ code: 3, stdout: '1 error, 0 warnings\n' });
        expect((await check(policy({ zone: 'eats' }), '--fix')).stderr).toContain('did you mean "east"?');
    });

    test('keeps a link and the permissions, and leaves nothing behind', async () => {
        const file = await desk.write('real.mig', policy({ above: stale }));
        const { mode } = await stat(file);
        await symlink('real.mig', desk.at('p.mig'));
        expect((await desk.migRun(['lint', '--fix', 'p.mig'])).code).toBe(0);
        expect(await readFile(file, 'utf8')).toBe(policy());
        expect((await stat(file)).mode).toBe(mode);
        expect((await readdir(desk.directory)).filter((name) => name.includes('.mig'))).toEqual(['p.mig', 'real.mig']);
    });

    test('says as JSON only what is left', async () => {
        const { stdout, stderr } = await check(policy({ above: stale }), '--fix', '--json');
        expect((JSON.parse(stdout) as { id: string }[]).map((f) => f.id)).not.toContain('MIG009');
        expect(stderr).toMatch(/fixed p\.mig:5:3 MIG009/);
    });
});

interface Region {
    readonly startLine: number;
    readonly startColumn: number;
    readonly endLine: number;
    readonly endColumn: number;
}
interface Location {
    readonly uri: string;
    readonly uriBaseId?: string;
}
interface Sarif {
    readonly $schema: string;
    readonly version: string;
    readonly runs: readonly {
        readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly Record<string, unknown>[] } };
        readonly columnKind: string;
        readonly originalUriBaseIds: Readonly<Record<string, { readonly uri: string }>>;
        readonly results: readonly {
            readonly ruleId: string;
            readonly ruleIndex: number;
            readonly level: string;
            readonly message: { readonly text: string };
            readonly locations: readonly { readonly physicalLocation: { readonly artifactLocation: Location; readonly region: Region } }[];
            readonly fixes?: readonly {
                readonly description: { readonly text: string };
                readonly artifactChanges: readonly {
                    readonly artifactLocation: Location;
                    readonly replacements: readonly {
                        readonly deletedRegion: Region;
                        readonly insertedContent?: { readonly text: string };
                    }[];
                }[];
            }[];
        }[];
    }[];
}

test('SARIF has what its schema asks for: rules with help, regions from 1, fixes as replacements', async () => {
    await desk.write('hosts.yaml', hosts.replace('zone: east', 'zoen: east'));
    await desk.write('q s.mig', policy({ above: stale }).replace('precopy', 'precopi').replace('hosts.yaml', 'none.yaml'));
    await desk.write('p.mig', policy({ above: '  // mig-disable-next-line unused-param -- tuned from outside\n' }));
    const { code, stdout } = await desk.migRun(['check', '--format', 'sarif', '.']);
    expect(code).toBe(3);
    const log = JSON.parse(stdout) as Sarif;
    expect(log.version).toBe('2.1.0');
    expect(log.$schema).toContain('sarif-2.1.0');
    const [run, ...more] = log.runs;
    if (!run) throw new Error('there is a run');
    expect(more).toEqual([]);
    const { rules, name } = run.tool.driver;
    expect(name).toBe('mig-run');
    expect(new Set(rules.map((rule) => rule['id'])).size).toBe(rules.length);
    for (const rule of rules)
        expect(rule).toMatchObject({ id: expect.stringMatching(/^MIG\d+$/), shortDescription: { text: expect.stringMatching(/./) } });
    expect(rules.find((rule) => rule['id'] === 'MIG009')).toMatchObject({
        name: 'StaleSuppression',
        help: { text: expect.stringContaining('Prefer'), markdown: expect.stringContaining('```mig') },
    });
    const right = ({ startLine, startColumn, endLine, endColumn }: Region): boolean =>
        startLine >= 1 && startColumn >= 1 && (endLine > startLine || (endLine === startLine && endColumn >= startColumn));
    const placed = ({ uri, uriBaseId }: Location): boolean =>
        !uri.includes(' ') && uriBaseId !== undefined && uriBaseId in run.originalUriBaseIds;
    expect(run.results.map((r) => r.ruleId)).toEqual(expect.arrayContaining(['MIG009', 'MIG011', 'MIG102']));
    for (const result of run.results) {
        expect(rules[result.ruleIndex]?.['id']).toBe(result.ruleId);
        expect(['error', 'warning', 'note']).toContain(result.level);
        expect(result.message.text).not.toBe('');
        for (const { physicalLocation } of result.locations) {
            expect(right(physicalLocation.region)).toBe(true);
            expect(placed(physicalLocation.artifactLocation)).toBe(true);
        }
        for (const { description, artifactChanges } of result.fixes ?? []) {
            expect(description.text).not.toBe('');
            for (const change of artifactChanges) {
                expect(placed(change.artifactLocation)).toBe(true);
                expect(change.replacements.length).toBeGreaterThan(0);
                for (const { deletedRegion } of change.replacements) expect(right(deletedRegion)).toBe(true);
            }
        }
    }
    const technique = run.results.find((r) => r.ruleId === 'MIG102');
    expect(technique?.locations[0]?.physicalLocation).toMatchObject({
        artifactLocation: { uri: 'q%20s.mig' },
        region: { startLine: 8, startColumn: 9 },
    });
    expect(technique?.fixes?.[0]?.artifactChanges[0]?.replacements).toEqual([
        { deletedRegion: { startLine: 8, startColumn: 9, endLine: 8, endColumn: 16 }, insertedContent: { text: 'precopy' } },
    ]);
});

test('a command that is misspelt, and words too many, are told of', async () => {
    await desk.write('p.mig', policy());
    const usage = async (...words: string[]) => {
        const { code, stdout, stderr } = await desk.migRun(words);
        expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
        return stderr;
    };
    expect(await usage('chek', 'p.mig')).toBe("mig-run has no command 'chek': did you mean check?\n");
    expect(await usage('p.mig', 'q.mig')).toContain('one policy at a time: q.mig would be left out');
    // A file that is there is meant, whatever it is called.
    await desk.write('check1', policy());
    expect((await desk.migRun(['check1', '--dry-run'])).all).not.toContain('no command');
    expect(await usage('explain', 'MIG001', 'MIG002')).toContain('too many arguments');
    expect(await usage('check', 'p.mig', '--json', '--format', 'sarif')).toContain("'--json' cannot be used with option '--format");
});

test('help is told of all commands and of one', async () => {
    expect(await desk.migRun(['help'])).toMatchObject({ code: 0, stdout: (await desk.migRun(['--help'])).stdout });
    expect((await desk.migRun(['help', 'plan'])).stdout).toContain('Usage: mig-run plan');
});

describe('explain', () => {
    test('shows the page of a rule by id and by name', async () => {
        const byId = await desk.migRun(['explain', 'mig009']);
        expect(byId.stdout).toMatch(/^MIG009 stale-suppression \(warning\)\n.*Avoid:.*Prefer:.*Why:.*Source:/s);
        expect((await desk.migRun(['explain', 'stale-suppression'])).stdout).toBe(byId.stdout);
        expect(byId.code).toBe(0);
    });

    test('shows the page of an error as well', async () => {
        const { code, stdout } = await desk.migRun(['explain', 'MIG101']);
        expect(stdout).toMatch(/^MIG101 \(error\)\n\nAn unknown name\.\n.*Avoid:.*Prefer:.*Why:.*no comment silences it/s);
        expect(code).toBe(0);
        expect(JSON.parse((await desk.migRun(['explain', 'MIG101', '--json'])).stdout)).toMatchObject({
            avoid: expect.stringMatching(/./),
        });
        expect((await desk.migRun(['explain', 'MIG301'])).stdout).toMatch(/^MIG301 \(error\)/);
    });

    test('lists all rules, and guesses a misspelt one', async () => {
        const { stdout } = await desk.migRun(['explain', '--json']);
        expect((JSON.parse(stdout) as { id: string }[]).map((r) => r.id)).toEqual(expect.arrayContaining(['MIG007', 'MIG125', 'MIG401']));
        expect(await desk.migRun(['explain', 'stale-supression'])).toMatchObject({
            code: 2,
            stderr: expect.stringContaining('stale-suppression'),
        });
    });
});

test('a run loads neither the compiler nor what only it needs', async () => {
    const bundle = path.join(root, 'runtime/dist/bundle');
    const [, build = ''] = /'\.\/(\w+)\//.exec(await readFile(path.join(bundle, 'mig-run.js'), 'utf8')) ?? [];
    const directory = path.join(bundle, build);
    const parts = await readdir(directory);
    const seen = new Set<string>();
    const load = async (part: string): Promise<void> => {
        if (seen.has(part)) return;
        seen.add(part);
        const text = await readFile(path.join(directory, part), 'utf8');
        expect(text.includes('chevrotain') || text.includes('Unexpected_RuleMatch'), part).toBe(false);
        for (const [, next = ''] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) await load(next);
    };
    for (const part of parts.filter((name) => /^(?:command-line|run|plan|check)-.*\.js$/.test(name))) await load(part);
    expect(seen.size).toBeGreaterThan(4);
});

describe('what was seen of the hosts last', () => {
    const real =
        'hosts:\n  a: { ssh: a, migration: { network: m, address: a.m } }\n  b: { ssh: b, migration: { network: m, address: b.m } }\n';
    const apart = policy().replace('where host.zone == "east"', 'apart by vm.tag.role');
    const seenAt = (takenAt: number) =>
        snapshot(
            ['a', 'b'].map((name) => host(name)),
            ['db1', 'db2', 'db3'].map((name) => vm(name, 'a', { tags: { role: 'db' } })),
            { takenAt: epochMs(takenAt) },
        );
    const keep = (takenAt: number): void => {
        const file = desk.at('hosts.yaml');
        const { inventory } = parseInventory(real, file);
        if (!inventory) throw new Error('the inventory does not parse');
        keepLook(desk.at('state/mig-run'), file, inventory, seenAt(takenAt));
    };

    test('is what check goes by, and says how old it is', async () => {
        await desk.write('hosts.yaml', real);
        const before = await check(apart);
        expect(before.stderr.replaceAll(/\s+/g, ' ')).toMatch(
            /for want of a look at the VMs nothing is said of .*VMs that are to be apart/,
        );
        expect(before.stderr).not.toContain('MIG505]');
        keep(Date.now() - 2 * 3_600_000);
        const after = await check(apart);
        expect(after.stderr).toContain('MIG505]');
        expect(after.stderr).not.toContain('MIG400]');
        expect(after.stdout).toBe('0 errors, 1 warning; hosts and VMs as they were 2 hours ago\n');
        keep(Date.now() - 30 * 24 * 3_600_000);
        expect((await check(apart)).stderr).toContain('the last look at the hosts is 30 days old');
    });

    test('gives way to a snapshot that is named', async () => {
        await desk.write('hosts.yaml', real);
        await desk.write('seen.json', JSON.stringify(seenAt(0)));
        expect((await check(apart, '--snapshot', 'seen.json')).stderr).toContain('MIG505]');
        const gone = await check(apart, '--snapshot', 'gone.json');
        expect([gone.code, gone.stderr]).toEqual([2, expect.stringContaining('cannot read the snapshot gone.json: there is no such file')]);
    });
});
