/** The editor and the command line find the same, in the examples and in all that the pages of rules show. */
import { cpSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkDocs, textRules } from '@mig/language';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Diagnostic } from 'vscode-languageserver-protocol';
import { ruleDocs } from '../../runtime/src/core/lint/docs.js';
import { type BundledServer, bundledServer, TestClient } from '../../server/src/testing/client.js';
import { Desk, root } from '../kit/mig-run.js';

interface Found {
    readonly id: string;
    readonly severity: string;
    readonly message: string;
    readonly hint?: string;
    readonly file: string;
    readonly range: { readonly start: object; readonly end: object };
}

const pages = [...ruleDocs(), ...Object.entries(checkDocs).map(([id, doc]) => ({ id, ...doc }))];
const opened = new AsyncDisposableStack();
let desk: Desk;
let server: BundledServer;
let client: TestClient;
let policies: readonly string[];
let checked: readonly Found[];

beforeAll(async () => {
    desk = opened.use(await Desk.clear());
    for (const { id, avoid, prefer, files = {} } of pages) {
        await mkdir(desk.at(id));
        for (const [name, text] of Object.entries({ ...files, 'avoid.mig': avoid, 'prefer.mig': prefer }))
            await desk.write(`${id}/${name}`, text);
    }
    cpSync(path.join(root, 'examples'), desk.at('examples'), { recursive: true });
    const all = await readdir(desk.directory, { recursive: true });
    policies = all.filter((name) => name.endsWith('.mig')).sort();
    checked = JSON.parse((await desk.migRun(['check', '--json', '.'])).stdout) as readonly Found[];
    server = opened.use(await bundledServer());
    client = opened.use(new TestClient(server.file));
    await client.initialize();
});
afterAll(() => opened.disposeAsync());

/** Where an inventory is, is said as each has been asked for it. */
const withoutPath = (id: unknown, message: string): string => (id === 'MIG015' ? '' : message);

/** What an editor shows in a policy. What could not be looked at is told once for all policies on the command line (MIG400). */
const shown = (file: string): readonly string[] =>
    checked
        .filter((found) => found.file === file && found.id !== 'MIG400')
        .map(({ id, severity, message, hint, range: { start, end } }) =>
            JSON.stringify([id, severity, withoutPath(id, hint === undefined ? message : `${message}\n${hint}`), start, end]),
        )
        .sort();

const severities = ['', 'error', 'warning', 'info', 'info'];
const textOf = (message: Diagnostic['message']): string => (typeof message === 'string' ? message : message.value);
const said = ({ code, severity, message, range: { start, end } }: Diagnostic): string =>
    JSON.stringify([code, severities[severity ?? 0], withoutPath(code, textOf(message)), start, end]);

describe('the editor and mig-run check', () => {
    test('find the same in every policy', async () => {
        expect(policies.length).toBeGreaterThan(2 * pages.length);
        const unlike: object[] = [];
        const missed = new Set<string>();
        for (const policy of policies) {
            const file = desk.at(policy);
            const { diagnostics } = await client.open(pathToFileURL(file).href, await readFile(file, 'utf8'));
            for (const { code, message } of diagnostics) if (code === 'MIG400') missed.add(textOf(message));
            const [editor, line] = [
                diagnostics
                    .filter(({ code }) => code !== 'MIG400')
                    .map(said)
                    .sort(),
                shown(policy),
            ];
            if (editor.join('\n') !== line.join('\n'))
                unlike.push({
                    policy,
                    editorOnly: editor.filter((one) => !line.includes(one)),
                    lineOnly: line.filter((one) => !editor.includes(one)),
                });
        }
        expect(unlike).toEqual([]);
        expect([...missed].sort()).toEqual(
            checked.flatMap(({ id, message, hint = '' }) => (id === 'MIG400' ? [`${message}\n${hint}`] : [])).sort(),
        );
    });

    test('find what the pages of rules on texts are about', () => {
        const ids = new Set(checked.map(({ id }) => id));
        expect(textRules.filter(({ id }) => !ids.has(id)).map(({ id }) => id)).toEqual([]);
    });
});
