/** The packaged extension in a real editor. */
import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Editor, openEditor } from '../kit/editor.js';
import { type EditorTools, editorTools, ToolsMissing } from '../kit/editor-tools.js';
import {
    closePage,
    colourOf,
    errorsAre,
    errorsVanish,
    followLink,
    goTo,
    hoverSays,
    openFile,
    pageSays,
    problemSays,
    quickFix,
    runCommand,
    statusSays,
    suggestionsWith,
} from './workbench.js';

const root = path.resolve(import.meta.dirname, '../..');
/** Kept, so that a person can look at them. */
const screenshots = process.env['MIG_SCREENSHOTS'] ?? path.join(tmpdir(), 'mig-editor-screenshots');
const opened = new AsyncDisposableStack();

let missing: string | undefined;
let editor: Editor;
let example: string;

beforeAll(async () => {
    const tools = await findTools();
    if (tools === undefined) return;
    await promisify(execFile)(process.execPath, [path.join(root, 'extension/build.mjs'), '--vsix'], { cwd: root });
    const workspace = opened.adopt(await mkdtemp(path.join(tmpdir(), 'mig-workspace-')), (folder) =>
        rm(folder, { recursive: true, force: true }),
    );
    example = await readFile(path.join(root, 'examples/evacuate.mig'), 'utf8');
    await cp(path.join(root, 'examples'), workspace, { recursive: true });
    await mkdir(path.join(workspace, '.vscode'));
    await writeFile(
        path.join(workspace, '.vscode/settings.json'),
        JSON.stringify({ '[mig]': { 'editor.codeActionsOnSave': { 'source.fixAll.mig': 'explicit' } } }),
    );
    for (const [name, text] of Object.entries(drafts)) await writeFile(path.join(workspace, name), text);
    await mkdir(screenshots, { recursive: true });
    const vsix = path.join(root, 'extension/dist/mig-policies.vsix');
    editor = opened.use(await openEditor({ tools, vsix, workspace }));
});

afterAll(() => opened.disposeAsync());

beforeEach((context) => {
    context.skip(missing !== undefined, missing);
    context.onTestFailed(async ({ task }) => {
        await photograph(`failed: ${task.name}`);
    });
});

/** Files beside the examples: what a person has half written. */
const drafts = {
    'tired.mig': `inventory "cluster.yaml"

policy tired {
  // mig-disable-next-line host-too-old -- all hosts are new since Monday
  move vms
  to hosts
  using precopy { when stalled for 3 iterations: downtime 450 ms }
}
`,
    'cluster.yaml': `hosts:
  alpha: { driver: simulated, zone: east, simulated: { memory: 8 GiB, cpus: 4 } }
  gamma: { driver: simulated, zone: west, simulated: { memory: 8 GiB, cpus: 4 } }
`,
    'broken.mig': `policy broken {
  move vms where vm.memory > 3 s
  to hosts
  using precopy
}
`,
    'draft.mig': `inventory "cluster.yaml"

policy draft {
  move vms where vm.
  to hosts where host.zone == ""
  using precopy
}
`,
};

/** On a build machine a test that cannot run is a failure; elsewhere it is skipped with the reason. */
async function findTools(): Promise<EditorTools | undefined> {
    try {
        return await editorTools();
    } catch (error) {
        if (!(error instanceof ToolsMissing) || process.env['CI'] !== undefined) throw error;
        missing = error.message;
        return undefined;
    }
}

const photograph = (name: string): Promise<Buffer> => editor.page.screenshot({ path: path.join(screenshots, `${name}.png`) });

describe('a policy in the editor', () => {
    test('the example opens without an error, coloured, with its inventory in the status bar', async () => {
        const text = await openFile(editor.page, 'evacuate.mig');
        await statusSays(editor.page, 'lab.yaml: 3 hosts');
        await errorsAre(text, 0);
        expect(await colourOf(text, 'policy')).not.toBe(await colourOf(text, 'evacuate'));
        await photograph('example-dark');
    });

    test('hover documents an attribute', async () => {
        await openFile(editor.page, 'evacuate.mig');
        await goTo(editor.page, example, 'vm.mem|ory');
        expect(await hoverSays(editor.page, 'Memory that the VM has now')).toContain('balloon statistics');
        await photograph('hover-dark');
        await editor.page.keyboard.press('Escape');
    });

    test('an error is underlined and explained in the Problems view', async () => {
        const text = await openFile(editor.page, 'broken.mig');
        await errorsAre(text, 1);
        await runCommand(editor.page, 'Problems: Focus on Problems View');
        await problemSays(editor.page, 'vm.memory is a size and 3 s is a duration');
        await photograph('problems-dark');
        await editor.page.keyboard.press('Control+J');
    });

    test('what is typed wrong is underlined, and no more when it is mended', async () => {
        const text = await openFile(editor.page, 'evacuate.mig');
        await goTo(editor.page, example, '|technique');
        await editor.page.keyboard.type('bananas ');
        await errorsAre(text, 1);
        for (let i = 0; i < 'bananas '.length; i += 1) await editor.page.keyboard.press('Backspace');
        await errorsAre(text, 0);
    });

    test('completion offers attributes after the dot and zones of the inventory in a string', async () => {
        await openFile(editor.page, 'draft.mig');
        await goTo(editor.page, drafts['draft.mig'], 'where vm.|');
        expect(await suggestionsWith(editor.page, 'dirty_rate')).toEqual(expect.arrayContaining(['dirty_rate', 'memory', 'net.tx']));
        await photograph('completion-dark');
        await editor.page.keyboard.press('Escape');
        await goTo(editor.page, drafts['draft.mig'], '"|"');
        expect(await suggestionsWith(editor.page, 'west')).toEqual(['east', 'west']);
        await editor.page.keyboard.press('Escape');
    });

    test('the id of a finding leads to the page of its rule', async () => {
        const text = await openFile(editor.page, 'tired.mig');
        await text.locator('.squiggly-warning').first().waitFor({ timeout: 60_000 });
        await goTo(editor.page, drafts['tired.mig'], '|when stalled');
        await hoverSays(editor.page, 'MIG303');
        await followLink(editor.page, 'MIG303');
        expect(await pageSays(editor.page, 'MIG303.md', 'ladder-without-end')).toContain('Prefer');
        await photograph('rule-page');
        await closePage(editor.page, 'MIG303.md');
    });

    test('a rule is silenced from the editor, and all fixes are made on saving', async () => {
        const text = await openFile(editor.page, 'tired.mig');
        await goTo(editor.page, drafts['tired.mig'], '|when stalled');
        await quickFix(editor.page, 'Silence ladder-without-end (MIG303)');
        const comment = '  // mig-disable-next-line MIG303 -- ';
        await text.locator('.view-line').filter({ hasText: 'mig-disable-next-line MIG303' }).waitFor({ timeout: 60_000 });
        await goTo(editor.page, drafts['tired.mig'].replace('  using', `${comment}\n  using`), `${comment}|`);
        await editor.page.keyboard.type('nobody waits for it');
        await editor.page.keyboard.press('Control+S');
        const saved = () => readFile(path.join(editor.workspace, 'tired.mig'), 'utf8');
        await expect
            .poll(saved, { timeout: 60_000 })
            .toBe(drafts['tired.mig'].replace(/ {2}\/\/ .*\n/, '').replace('  using', `${comment}nobody waits for it\n  using`));
        await photograph('fixed-on-save');
    });

    test('an inventory that changes on disk is read again', async () => {
        await openFile(editor.page, 'draft.mig');
        await statusSays(editor.page, 'cluster.yaml: 2 hosts');
        await appendFile(
            path.join(editor.workspace, 'cluster.yaml'),
            '  delta: { driver: simulated, simulated: { memory: 8 GiB, cpus: 4 } }\n',
        );
        await statusSays(editor.page, 'cluster.yaml: 3 hosts');
    });

    test('after a restart of the server its findings are back', async () => {
        const text = await openFile(editor.page, 'broken.mig');
        await errorsAre(text, 1);
        const cleared = errorsVanish(editor.page);
        await runCommand(editor.page, 'Migration policies: Restart the language server');
        await cleared;
        await errorsAre(text, 1);
    });

    test('a light theme has its own colours', async () => {
        const text = await openFile(editor.page, 'evacuate.mig');
        const dark = await colourOf(text, 'policy');
        await runCommand(editor.page, 'Preferences: Toggle between Light/Dark Themes');
        await editor.page.locator('.monaco-workbench.vs:not(.vs-dark)').waitFor({ timeout: 60_000 });
        expect(await colourOf(text, 'policy')).not.toBe(dark);
        await goTo(editor.page, example, 'vm.mem|ory');
        await hoverSays(editor.page, 'Memory that the VM has now');
        await photograph('example-light');
    });
});
