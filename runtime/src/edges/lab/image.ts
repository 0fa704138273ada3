/** The root file systems that lab hosts run from: built once, packed, kept in a cache, unpacked once. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { LabError } from './errors.js';
import { buildCommand, imageName, mirrorFormat, readMirrors, recipeFor, type Mirrors, type Release } from './recipe.js';
import { run } from './run.js';
import { exists, takeWorkDirectory } from './work-directory.js';

export interface ImageOptions {
    readonly cacheDir?: string | undefined;
    readonly signal?: AbortSignal | undefined;
    /** Told in words what is being done. */
    readonly onProgress?: ((step: string) => void) | undefined;
}

export interface Image {
    readonly release: Release;
    readonly name: string;
    /** The unpacked root file system, never written to by hosts. */
    readonly root: string;
    /** What libvirt found out about this image's QEMU, kept between labs: probing is the slowest part of a first start. */
    readonly capabilities: string;
}

/** `$XDG_CACHE_HOME/mig-run/lab`, or `~/.cache/mig-run/lab`. */
export function defaultCacheDir(environment: Readonly<Record<string, string | undefined>> = process.env): string {
    const base = environment['XDG_CACHE_HOME'];
    return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'mig-run', 'lab');
}

/**
 * The image of a release, from the cache or built now (about a minute, and network).
 * Parts are renamed into place when complete, so that an interrupted build leaves nothing that looks like an image.
 * @throws LabError `lab-image-failed` with what the builder said last
 */
export async function ensureImage(release: Release, options: ImageOptions = {}): Promise<Image> {
    const recipe = recipeFor(release);
    const name = imageName(recipe);
    const cacheDir = options.cacheDir ?? defaultCacheDir();
    const root = imageRoot(release, cacheDir);
    const image: Image = { release, name, root, capabilities: join(cacheDir, `${name}.capabilities`) };
    if (await exists(root)) return image;

    await mkdir(cacheDir, { recursive: true });
    await using work = await takeWorkDirectory(cacheDir, name, options);
    if (await exists(root)) return image;
    const archive = join(cacheDir, `${name}.tar.zst`);
    if (!(await exists(archive))) {
        options.onProgress?.(`building the ${release} image (once, about a minute)`);
        const part = join(work.path, 'image.tar.zst');
        await build(buildCommand(recipe, await machineMirrors(options.signal), part), work.path, `${release} image`, options);
        await rename(part, archive);
    }
    options.onProgress?.(`unpacking the ${release} image`);
    await unpack(archive, join(work.path, 'root'), root, options.signal);
    return image;
}

/** Whether `ensureImage` would find the image in the cache. */
export async function imageIsCached(release: Release, cacheDir: string = defaultCacheDir()): Promise<boolean> {
    return exists(imageRoot(release, cacheDir));
}

/** Where the unpacked image of a release is, once it is there. */
export function imageRoot(release: Release, cacheDir: string): string {
    return join(cacheDir, imageName(recipeFor(release)));
}

/**
 * Runs a builder; a failure quotes what it said.
 * @throws LabError `lab-image-failed`
 */
export async function build(command: readonly string[], work: string, what: string, options: ImageOptions): Promise<void> {
    // In namespaces of its own: when the build is interrupted, its mounts and processes end with its first process,
    // and that one ends with us.
    const contained = [
        'setpriv',
        '--pdeathsig',
        'KILL',
        'unshare',
        '--mount',
        '--pid',
        '--fork',
        '--kill-child',
        '--mount-proc',
        '--',
        ...command,
    ];
    const result = await run(contained, {
        signal: options.signal,
        env: { ...process.env, TMPDIR: work, LC_ALL: 'C' },
        onLine: (line) => {
            if (line.startsWith('I: ')) options.onProgress?.(`${what}: ${line.slice(3)}`);
        },
    });
    if (result.code === 0) return;
    const said = result.stderr
        .split('\n')
        .filter((line) => /^(?:E:|W:|Err)/.test(line.trim()))
        .slice(-6)
        .join('\n');
    throw new LabError('lab-image-failed', `the ${what} could not be built: ${said || result.stderr.slice(-600)}`, {
        hint: "the mirror is the one of this machine's apt (apt-get indextargets): see that it is reachable and carries this release",
    });
}

async function unpack(archive: string, part: string, root: string, signal: AbortSignal | undefined): Promise<void> {
    await mkdir(part);
    const result = await run(['tar', '--zstd', '-x', '-f', archive, '-C', part, '--exclude=./dev/*', '--numeric-owner'], { signal });
    if (result.code !== 0) {
        await rm(archive, { force: true });
        throw new LabError('lab-image-failed', `${archive} could not be unpacked: ${result.stderr.trim().slice(-400)}`, {
            hint: 'the archive was removed from the cache: try again to build it anew; see that the disk has room',
        });
    }
    await rename(part, root);
}

/** What the machine's own apt uses. A machine without apt's tools gets the builder's default. */
export async function machineMirrors(signal: AbortSignal | undefined): Promise<Mirrors> {
    const targets = await run(['apt-get', 'indextargets', '--format', mirrorFormat, 'Created-By: Packages', 'Component: main'], { signal });
    const config = await run(['apt-config', 'dump'], { signal });
    return readMirrors(targets.stdout, config.stdout);
}
