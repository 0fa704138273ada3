/** A real editor with one extension in it, for one test run: fresh home, fresh settings, no network. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { cleanEnvironment, type EditorTools } from './editor-tools.js';

const run = promisify(execFile);
const startLimitMs = 60_000;
const stopLimitMs = 5_000;

/** Everything that would move, ask or fetch by itself is off. */
const settings = {
    'workbench.colorTheme': 'Default Dark Modern',
    'workbench.preferredDarkColorTheme': 'Default Dark Modern',
    'workbench.preferredLightColorTheme': 'Default Light Modern',
    'workbench.startupEditor': 'none',
    'workbench.tips.enabled': false,
    'workbench.enableExperiments': false,
    'security.workspace.trust.enabled': false,
    'telemetry.telemetryLevel': 'off',
    'update.mode': 'none',
    'extensions.autoUpdate': false,
    'extensions.autoCheckUpdates': false,
    'extensions.ignoreRecommendations': true,
    'chat.disableAIFeatures': true,
    'workbench.secondarySideBar.defaultVisibility': 'hidden',
    'git.enabled': false,
    'editor.minimap.enabled': false,
    'editor.cursorBlinking': 'solid',
    'files.autoSave': 'off',
};

export interface Editor extends AsyncDisposable {
    readonly page: Page;
    /** The folder that is open: a copy, which a test may write to. */
    readonly workspace: string;
}

export interface EditorOptions {
    readonly tools: EditorTools;
    /** The packaged extension. */
    readonly vsix: string;
    /** Copied before it is opened. */
    readonly workspace: string;
}

/** Starts the editor and waits until its workbench stands. Disposing ends all of its processes and removes its folders. */
export async function openEditor(options: EditorOptions): Promise<Editor> {
    await using opened = new AsyncDisposableStack();
    const home = await mkdtemp(join(tmpdir(), 'mig-editor-'));
    opened.defer(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
    const workspace = join(home, 'workspace');
    await cp(options.workspace, workspace, { recursive: true });
    const server = await startServer(options, home, workspace);
    opened.defer(() => endGroup(server.process));
    const browser = opened.adopt(await startBrowser(options.tools.browser, home), (b) => b.close());
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${server.url}/?folder=${encodeURIComponent(workspace)}`, { timeout: startLimitMs });
    await page.locator('.monaco-workbench .part.statusbar').waitFor({ timeout: startLimitMs });
    const owned = opened.move();
    return { page, workspace, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function startServer(
    { tools, vsix }: EditorOptions,
    home: string,
    workspace: string,
): Promise<{ url: string; process: ChildProcess }> {
    await mkdir(join(home, 'data/User'), { recursive: true });
    await writeFile(join(home, 'data/User/settings.json'), JSON.stringify(settings));
    const folders = [
        '--user-data-dir',
        join(home, 'data'),
        '--extensions-dir',
        join(home, 'extensions'),
        '--config',
        join(home, 'config.yaml'),
    ];
    const env = {
        ...cleanEnvironment(),
        HOME: home,
        XDG_CONFIG_HOME: join(home, '.config'),
        XDG_DATA_HOME: join(home, '.local'),
        EXTENSIONS_GALLERY: '{}',
    };
    await writeFile(join(home, 'config.yaml'), 'auth: none\n');
    await run(process.execPath, [tools.codeServer, ...folders, '--install-extension', vsix], { env, timeout: startLimitMs });
    const quiet = ['--disable-telemetry', '--disable-update-check', '--disable-workspace-trust', '--disable-getting-started-override'];
    // A process group of its own, so that its children end with it.
    const child = spawn(process.execPath, [tools.codeServer, ...folders, ...quiet, '--bind-addr', '127.0.0.1:0', workspace], {
        env,
        cwd: home,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
        return { url: await listening(child), process: child };
    } catch (error) {
        await endGroup(child);
        throw error;
    }
}

function listening(child: ChildProcess): Promise<string> {
    return new Promise((resolve, reject) => {
        let said = '';
        const timer = setTimeout(
            () => reject(new Error(`code-server does not listen after ${startLimitMs / 1000} s: ${said}`)),
            startLimitMs,
        );
        const hear = (chunk: Buffer): void => {
            said += chunk.toString();
            const url = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
            if (url === undefined) return;
            clearTimeout(timer);
            resolve(url);
        };
        child.stdout?.on('data', hear);
        child.stderr?.on('data', hear);
        child.once('exit', (code) => {
            clearTimeout(timer);
            reject(new Error(`code-server ended with ${code ?? 'a signal'}: ${said}`));
        });
    });
}

async function endGroup(child: ChildProcess): Promise<void> {
    if (child.pid === undefined) return;
    const group = -child.pid;
    const ended = child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, 'exit');
    signal(group, 'SIGTERM');
    await Promise.race([ended, pause(stopLimitMs, undefined, { ref: false })]);
    signal(group, 'SIGKILL');
}

/** A group that is gone already is what we want. */
function signal(group: number, name: NodeJS.Signals): void {
    try {
        process.kill(group, name);
    } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
}

function startBrowser(executablePath: string, home: string): Promise<Browser> {
    const args = [
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
    ];
    return chromium.launch({
        executablePath,
        headless: true,
        chromiumSandbox: process.getuid?.() !== 0,
        args: [...args, '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
        env: { ...cleanEnvironment(), HOME: home },
        timeout: startLimitMs,
    });
}
