/**
 * What a test in a real editor needs, and how it is brought here: code-server, which is VS Code in a browser, from npm
 * (its own tree of dependencies, in the user's cache), and Debian's chromium.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const version = '4.139.1';
const chromiumPaths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const installLimitMs = 280_000;

export interface EditorTools {
    /** Start with the running Node. */
    readonly codeServer: string;
    readonly browser: string;
}

/** Why there are no tools: shown as the reason of a skipped test, or as its failure. */
export class ToolsMissing extends Error {}

/** Finds or installs the tools. @throws {ToolsMissing} */
export async function editorTools(): Promise<EditorTools> {
    return { browser: await findBrowser(), codeServer: await findCodeServer() };
}

async function findCodeServer(): Promise<string> {
    const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'mig-run', 'editor');
    const place = join(cache, `code-server-${version}`);
    const entry = join(place, 'node_modules/code-server/out/node/entry.js');
    if (await exists(entry)) return entry;
    await mkdir(cache, { recursive: true });
    // Installed beside its place and then renamed, so that an installation that was interrupted is never taken for a whole one.
    const unfinished = await mkdtemp(join(cache, 'unfinished-'));
    try {
        await writeFile(join(unfinished, 'package.json'), '{"private":true}');
        const vscode = join(unfinished, 'node_modules/code-server/lib/vscode');
        await npm(unfinished, ['install', '--no-save', `code-server@${version}`]);
        await npm(vscode, ['install', '--omit=dev']);
        await npm(join(vscode, 'extensions'), ['install', '--omit=dev']);
        await rename(unfinished, place);
    } catch (error) {
        if (!(await exists(entry))) throw new ToolsMissing(`code-server ${version} could not be installed in ${place}: ${reasonOf(error)}`);
    } finally {
        await rm(unfinished, { recursive: true, force: true });
    }
    return entry;
}

async function findBrowser(): Promise<string> {
    const found = await firstExisting(chromiumPaths);
    if (found !== undefined) return found;
    const how = 'install it: apt-get install chromium';
    if (process.getuid?.() !== 0 || !(await exists('/usr/bin/apt-get'))) throw new ToolsMissing(`no chromium in /usr/bin; ${how}`);
    try {
        const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
        await run('apt-get', ['update', '-qq'], { env, timeout: installLimitMs });
        await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'], {
            env,
            timeout: installLimitMs,
        });
    } catch (error) {
        throw new ToolsMissing(`chromium could not be installed: ${reasonOf(error)}; ${how}`);
    }
    const installed = await firstExisting(chromiumPaths);
    if (installed === undefined) throw new ToolsMissing(`no chromium in /usr/bin after its installation; ${how}`);
    return installed;
}

/** npm with the running Node first on the path and without the settings of an npm around us. */
async function npm(cwd: string, args: readonly string[]): Promise<void> {
    await run('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund'], {
        cwd,
        env: { ...cleanEnvironment(), PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` },
        timeout: installLimitMs,
        maxBuffer: 64 * 1024 ** 2,
    });
}

/** The environment without what an editor or npm around the test run has put there. */
export function cleanEnvironment(): Record<string, string> {
    const own = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return Object.fromEntries(
        own.filter(
            ([name]) =>
                !/^(VSCODE_|ELECTRON_|npm_package|npm_lifecycle|npm_config_(local|global)_prefix|npm_command|NODE_OPTIONS$|VITEST)/i.test(
                    name,
                ),
        ),
    );
}

async function firstExisting(paths: readonly string[]): Promise<string | undefined> {
    for (const path of paths) if (await exists(path)) return path;
    return undefined;
}

export const exists = (path: string): Promise<boolean> =>
    access(path).then(
        () => true,
        () => false,
    );

export const reasonOf = (error: unknown): string =>
    error instanceof Error ? error.message.split('\n').slice(0, 5).join(' ') : String(error);
