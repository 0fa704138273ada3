/** What a system must have to carry a lab, and how to get what is missing. */
import { constants } from 'node:fs';
import { access, readFile, statfs } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { gibibyte } from '@mig/language';
import { LabError } from './errors.js';
import { defaultCacheDir, imageIsCached, imageRoot } from './image.js';
import type { Release } from './recipe.js';
import { run } from './run.js';

export interface MissingRequirement {
    readonly id: 'linux' | 'x86-64' | 'root' | 'command' | 'namespaces' | 'overlayfs' | 'links' | 'disk-space';
    /** What is missing, as a sentence without its full stop. */
    readonly missing: string;
    readonly cure: string;
}

export interface RequirementOptions {
    readonly cacheDir?: string | undefined;
    /** Images that would be needed; what only building them needs is not asked for when they are cached. */
    readonly releases?: readonly Release[];
}

/** Everything that stands in the way of a lab on this system; empty when nothing does. Changes nothing. */
export async function labRequirements(options: RequirementOptions = {}): Promise<readonly MissingRequirement[]> {
    if (process.platform !== 'linux') {
        return [
            {
                id: 'linux',
                missing: `a lab needs Linux, and this is ${process.platform}`,
                cure: 'run it in a Linux virtual machine, or use simulated hosts',
            },
        ];
    }
    const missing: MissingRequirement[] = [];
    if (process.arch !== 'x64')
        missing.push({
            id: 'x86-64',
            missing: `a lab's hosts are x86-64, and this machine is ${process.arch}`,
            cure: 'use an x86-64 machine, or simulated hosts',
        });
    const isRoot = process.getuid?.() === 0;
    if (!isRoot) missing.push({ id: 'root', missing: 'a lab needs root', cure: 'run it with sudo, or use simulated hosts' });

    const cacheDir = options.cacheDir ?? defaultCacheDir();
    const releases = options.releases ?? ['trixie'];
    const cached = await Promise.all(releases.map((release) => imageIsCached(release, cacheDir)));
    const mustBuild = cached.includes(false);
    for (const command of commandsFor(mustBuild)) {
        if (!(await onPath(command.name)))
            missing.push({ id: 'command', missing: `${command.name} is not installed`, cure: `apt-get install ${command.package}` });
    }
    if (mustBuild) missing.push(...(await diskSpace(cacheDir)));
    missing.push(...(await kernelParts()));
    if (isRoot && missing.length === 0) missing.push(...(await namespaces()), ...(await links(releases, cacheDir)));
    return missing;
}

/** @throws LabError `lab-unsupported`, whose hint has every cure */
export async function assertSupported(options: RequirementOptions = {}): Promise<void> {
    const missing = await labRequirements(options);
    if (missing.length > 0) throw unsupported(missing);
}

export function unsupported(missing: readonly MissingRequirement[]): LabError {
    return new LabError('lab-unsupported', `this system cannot carry a lab: ${missing.map((each) => each.missing).join('; ')}`, {
        hint: missing.map((each) => each.cure).join('; '),
    });
}

interface NeededCommand {
    readonly name: string;
    /** Debian's package. */
    readonly package: string;
    /** Only to build an image, not to run from one. */
    readonly toBuild: boolean;
}

const commands: readonly NeededCommand[] = [
    { name: 'unshare', package: 'util-linux', toBuild: false },
    { name: 'nsenter', package: 'util-linux', toBuild: false },
    { name: 'mount', package: 'mount', toBuild: false },
    { name: 'setpriv', package: 'util-linux', toBuild: false },
    { name: 'chroot', package: 'coreutils', toBuild: false },
    { name: 'mmdebstrap', package: 'mmdebstrap', toBuild: true },
    { name: 'apt-get', package: 'apt', toBuild: true },
    { name: 'zstd', package: 'zstd', toBuild: true },
    { name: 'tar', package: 'tar', toBuild: true },
];

const commandsFor = (mustBuild: boolean): readonly NeededCommand[] => commands.filter((command) => mustBuild || !command.toBuild);

/** An image is 240 MB unpacked and 60 MB packed; the builder needs as much again meanwhile. */
const roomToBuild = gibibyte;

async function diskSpace(cacheDir: string): Promise<readonly MissingRequirement[]> {
    const place = await nearestExisting(cacheDir);
    const { bavail, bsize } = await statfs(place);
    if (bavail * bsize >= roomToBuild) return [];
    return [
        {
            id: 'disk-space',
            missing: `${place} has less than 1 GiB free for the host images`,
            cure: 'make room, or set XDG_CACHE_HOME to a place that has it',
        },
    ];
}

/** Parts of the kernel that may be modules, with the file or word that shows them present. */
async function kernelParts(): Promise<readonly MissingRequirement[]> {
    const filesystems = await readFile('/proc/filesystems', 'utf8');
    if (/\boverlay$/m.test(filesystems) || (await loadable('overlay'))) return [];
    return [{ id: 'overlayfs', missing: 'this kernel has no overlayfs', cure: 'load or install the kernel module overlay' }];
}

async function loadable(module: string): Promise<boolean> {
    if (!(await onPath('modprobe'))) return false;
    return (await run(['modprobe', '--dry-run', '--quiet', module])).code === 0;
}

/** Tried rather than guessed: containers and hardened kernels forbid some of it in many ways. */
async function namespaces(): Promise<readonly MissingRequirement[]> {
    const trial = ['unshare', '--mount', '--uts', '--ipc', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', '--'];
    const result = await run([...trial, 'mount', '-t', 'tmpfs', 'none', '/mnt']);
    if (result.code === 0) return [];
    return [
        {
            id: 'namespaces',
            missing: `namespaces cannot be made here: ${result.stderr.trim()}`,
            cure: 'leave the container, or run it privileged',
        },
    ];
}

/** Tried with the image's tools or the machine's, on a link that nobody sees; where there are neither yet, starting a lab tells. */
async function links(releases: readonly Release[], cacheDir: string): Promise<readonly MissingRequirement[]> {
    const [release] = releases;
    const image = release !== undefined && (await imageIsCached(release, cacheDir)) ? imageRoot(release, cacheDir) : undefined;
    if (image === undefined && !((await onPath('ip')) && (await onPath('tc')))) return [];
    const shape = 'tc qdisc add dev trial-a root tbf rate 1gbit burst 1mb latency 50ms';
    const steps = `ip link add trial type bridge && ip link add trial-a type veth peer name trial-b && ${shape}`;
    const result = await run(['unshare', '--net', '--', ...(image === undefined ? [] : ['chroot', image]), 'sh', '-c', steps]);
    if (result.code === 0) return [];
    return [
        {
            id: 'links',
            missing: `links between hosts cannot be made here: ${result.stderr.trim()}`,
            cure: 'load the kernel modules bridge, veth and sch_tbf',
        },
    ];
}

async function onPath(command: string): Promise<boolean> {
    const places = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
    for (const place of places) {
        const found = await access(join(place, command), constants.X_OK).then(
            () => true,
            () => false,
        );
        if (found) return true;
    }
    return false;
}

async function nearestExisting(path: string): Promise<string> {
    const there = await access(path).then(
        () => true,
        () => false,
    );
    return there || path === dirname(path) ? path : nearestExisting(dirname(path));
}
