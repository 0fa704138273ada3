/** The packaged extension in a real editor. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Editor, openEditor } from '../kit/editor.js';
import { type EditorTools, editorTools, ToolsMissing } from '../kit/editor-tools.js';
import { colourOf, errorsAre, goTo, hoverSays, openFile, problemSays, runCommand, statusSays, suggestionsWith } from './workbench.js';

const root = path.resolve(import.meta.dirname, '../..');
/** Kept, so that a person can look at them. */
const screenshots = process.env['MIG_SCREENSHOTS'] ?? path.join(tmpdir(), 'mig-editor-screenshots');
const opened = new AsyncDisposableStack();

let missing: string | undefined;
let editor: Editor;

beforeAll(async () => {
    const tools = await findTools();
    if (tools === undefined) return;
    await promisify(execFile)(process.execPath, [path.join(root, 'extension/build.mjs'), '--vsix'], { cwd: root });
    const workspace = opened.adopt(await mkdtemp(path.join(tmpdir(), 'mig-workspace-')), (folder) =>
        rm(folder, { recursive: true, force: true }),
    );
    await cp(path.join(root, 'examples'), workspace, { recursive: true });
    await writeFile(
        path.join(workspace, 'broken.mig'),
        'policy broken {\n  move vms where vm.memory > 3 s\n  to hosts\n  using precopy\n}\n',
    );
    await writeFile(
        path.join(workspace, 'draft.mig'),
        'inventory "lab.yaml"\n\npolicy draft {\n  move vms where vm.\n  to hosts where host.zone == ""\n  using precopy\n}\n',
    );
    await mkdir(screenshots, { recursive: true });
    const vsix = path.join(root, 'extension/dist/mig-policies.vsix');
    editor = opened.use(await openEditor({ tools, vsix, workspace, theme: 'dark' }));
});

afterAll(() => opened.disposeAsync());

beforeEach((context) => {
    context.skip(missing !== undefined, missing);
});

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
        await goTo(editor.page, 15, 19);
        expect(await hoverSays(editor.page, 'Memory that the VM has now')).toContain('balloon statistics');
        await photograph('hover-dark');
        await editor.page.keyboard.press('Escape');
    });

    test('an error is underlined and explained in the Problems view', async () => {
        const text = await openFile(editor.page, 'broken.mig');
        await errorsAre(text, 1);
        await runCommand(editor.page, 'Problems: Focus on Problems View');
        await problemSays(editor.page, 'MIG2');
        await photograph('problems-dark');
        await runCommand(editor.page, 'View: Close Panel');
    });

    test('what is typed wrong is underlined, and no more when it is mended', async () => {
        const text = await openFile(editor.page, 'evacuate.mig');
        await goTo(editor.page, 6, 1);
        await editor.page.keyboard.type('bananas ');
        await errorsAre(text, 1);
        for (let i = 0; i < 'bananas '.length; i += 1) await editor.page.keyboard.press('Backspace');
        await errorsAre(text, 0);
    });

    test('completion offers attributes after the dot and zones of the inventory in a string', async () => {
        await openFile(editor.page, 'draft.mig');
        await goTo(editor.page, 4, 21);
        expect(await suggestionsWith(editor.page, 'dirty_rate')).toEqual(expect.arrayContaining(['dirty_rate', 'memory', 'working_set']));
        await photograph('completion-dark');
        await editor.page.keyboard.press('Escape');
        await goTo(editor.page, 5, 32);
        expect(await suggestionsWith(editor.page, 'ZONE')).toEqual(['east', 'ZONE']);
        await editor.page.keyboard.press('Escape');
    });

    test('a light theme has its own colours', async () => {
        const text = await openFile(editor.page, 'evacuate.mig');
        const dark = await colourOf(text, 'policy');
        await editor.changeTheme('light');
        await editor.page.locator('.monaco-workbench.vs:not(.vs-dark)').waitFor({ timeout: 20_000 });
        expect(await colourOf(text, 'policy')).not.toBe(dark);
        await goTo(editor.page, 15, 19);
        await hoverSays(editor.page, 'Memory that the VM has now');
        await photograph('example-light');
    });
});
