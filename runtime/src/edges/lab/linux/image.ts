/** Kernel and first file system of the lab's Linux guests: from Debian's packages, put together once, kept in the cache. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, defaultCacheDir, type ImageOptions, machineMirrors } from '../image.js';
import { type Mirrors, type Release, sources } from '../recipe.js';
import { exists, takeWorkDirectory } from '../work-directory.js';
import { type ArchiveEntry, cpioArchive } from './cpio.js';
import { initScript } from './init.js';
import { dependsOf, loadOrder, sameName } from './modules.js';

export interface LinuxImage {
    readonly kernel: string;
    readonly initramfs: string;
}

/** bookworm's kernel leaves its modules uncompressed, as busybox loads them. */
const release: Release = 'bookworm';
const kernelPackage = 'linux-image-cloud-amd64';
const shellPackage = 'busybox-static';
/** Of what the kernel has as modules: a network card of a virtual machine, the channel of its agent, and its power button. */
const moduleFiles = [
    'drivers/virtio/*.ko',
    'drivers/char/virtio_console.ko',
    'drivers/net/net_failover.ko',
    'drivers/net/virtio_net.ko',
    'net/core/failover.ko',
    'drivers/acpi/button.ko',
    'drivers/input/evdev.ko',
];
const wantedModules = ['virtio_pci', 'virtio_net', 'virtio_console', 'evdev', 'button'];

/**
 * The guests' kernel and file system, from the cache or built now (some seconds, and network).
 * @throws LabError `lab-image-failed` with what the builder said last
 */
export async function ensureLinuxImage(options: ImageOptions = {}): Promise<LinuxImage> {
    const cacheDir = options.cacheDir ?? defaultCacheDir();
    const dir = linuxImageDir(cacheDir);
    const image: LinuxImage = { kernel: join(dir, 'vmlinuz'), initramfs: join(dir, 'initramfs') };
    if (await exists(dir)) return image;
    await mkdir(cacheDir, { recursive: true });
    await using work = await takeWorkDirectory(cacheDir, 'linux-guest', options);
    if (await exists(dir)) return image;
    options.onProgress?.('building the Linux guest (once, some seconds)');
    const parts = join(work.path, 'parts');
    await mkdir(parts);
    await build(buildCommand(await machineMirrors(options.signal), parts), work.path, 'Linux guest', options);
    const made = join(work.path, 'made');
    await mkdir(made);
    await rename(join(parts, 'vmlinuz'), join(made, 'vmlinuz'));
    await writeFile(join(made, 'initramfs'), await initramfs(parts));
    await rename(made, dir);
    return image;
}

/** Named after everything that decides what is in it. */
export function linuxImageDir(cacheDir: string): string {
    const recipe = [release, kernelPackage, shellPackage, moduleFiles, wantedModules, applets, initScript(wantedModules)];
    return join(cacheDir, `linux-guest-${createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 12)}`);
}

/** The package of the kernel's latest build is taken apart, never installed: nothing of it runs here. */
function buildCommand(mirrors: Mirrors, target: string): readonly string[] {
    const fetchKernel = [
        'set -e',
        'export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"',
        `package=$(apt-cache depends ${kernelPackage} | sed -n 's/^ *Depends: \\(linux-image-[0-9].*\\)/\\1/p' | head -n 1)`,
        'cd "$1"',
        'apt-get -o APT::Sandbox::User=root download "$package"',
        'mkdir kernel',
        'dpkg-deb -x linux-image-*.deb kernel',
        `cp kernel/boot/vmlinuz-* "${target}/vmlinuz"`,
        `cp bin/busybox "${target}/busybox"`,
        `for file in ${moduleFiles.join(' ')}; do cp kernel/lib/modules/*/kernel/$file "${target}"; done`,
    ].join('\n');
    return [
        'mmdebstrap',
        '--mode=root',
        '--variant=extract',
        '--architectures=amd64',
        `--include=${shellPackage}`,
        '--aptopt=Acquire::Languages "none"',
        ...mirrors.aptSettings.map((setting) => `--aptopt=${setting}`),
        `--extract-hook=${fetchKernel}`,
        release,
        '/dev/null',
        ...sources(release, mirrors),
    ];
}

async function initramfs(parts: string): Promise<Uint8Array> {
    const files = new Map<string, Uint8Array>();
    for (const file of await readdir(parts))
        if (file.endsWith('.ko')) files.set(sameName(file.slice(0, -'.ko'.length)), await readFile(join(parts, file)));
    const needs = new Map([...files].map(([name, content]) => [name, dependsOf(content)] as const));
    const order = neededOf(wantedModules, needs);
    const entries: ArchiveEntry[] = [
        ...['bin', 'dev', 'lib', 'proc', 'sys'].map((path): ArchiveEntry => ({ path, mode: 0o755, content: 'directory' })),
        // Before devtmpfs is there the kernel wants a console for init.
        { path: 'dev/console', mode: 0o600, content: { device: [5, 1] } },
        { path: 'init', mode: 0o755, content: Buffer.from(initScript(order)) },
        { path: 'bin/busybox', mode: 0o755, content: await readFile(join(parts, 'busybox')) },
        ...applets.map((name): ArchiveEntry => ({ path: `bin/${name}`, mode: 0o777, content: { linkTo: 'busybox' } })),
        ...order.map((name): ArchiveEntry => ({ path: `lib/${name}.ko`, mode: 0o644, content: files.get(name) ?? new Uint8Array() })),
    ];
    return cpioArchive(entries);
}

/** The modules that are wanted and what they need, in order. */
function neededOf(wanted: readonly string[], needs: ReadonlyMap<string, readonly string[]>): readonly string[] {
    const among = new Map<string, readonly string[]>();
    const visit = (name: string): void => {
        const needed = needs.get(name);
        if (among.has(name) || needed === undefined) return;
        among.set(name, needed);
        needed.forEach(visit);
    };
    wanted.forEach(visit);
    return loadOrder(among);
}

const applets: readonly string[] = [
    'sh',
    'mount',
    'mkdir',
    'insmod',
    'ip',
    'dd',
    'cat',
    'nc',
    'cut',
    'ping',
    'sha256sum',
    'sleep',
    'poweroff',
];
