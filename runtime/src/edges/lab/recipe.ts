import { createHash } from 'node:crypto';

/** Debian releases that a lab host can be made from: trixie has QEMU 10.0 and libvirt 11.3, bookworm 7.2 and 9.0. */
export const releases = ['trixie', 'bookworm'] as const;
export type Release = (typeof releases)[number];

/** Everything that decides what an image contains; its digest names the image in the cache. */
export interface Recipe {
    readonly release: Release;
    readonly packages: readonly string[];
    /** Paths that packages bring and hosts do not need. */
    readonly without: readonly string[];
    /** Run by the builder with the new root as $1. */
    readonly hooks: readonly string[];
}

/** Where packages come from: what the machine's own apt uses. */
export interface Mirrors {
    /** Undefined: the builder's own default. */
    readonly main: string | undefined;
    readonly security: string | undefined;
    /** Settings of apt that reach the mirror, such as a proxy, as lines of apt.conf. */
    readonly aptSettings: readonly string[];
}

const packages = [
    'qemu-system-x86',
    'libvirt-daemon',
    'libvirt-daemon-driver-qemu',
    'libvirt-clients',
    'openssh-server',
    'openssh-client',
    'iproute2',
    'util-linux',
    'mount',
    'procps',
    // The second of the ways to libvirt past an SSH server that forbids forwarding; the first comes with libvirt.
    'netcat-openbsd',
];

/** Pools of storage: from libvirt 11 on in a package of their own. */
const furtherPackages: Readonly<Record<Release, readonly string[]>> = { trixie: ['libvirt-daemon-driver-storage'], bookworm: [] };

const without = [
    '/usr/share/doc/*',
    '/usr/share/man/*',
    '/usr/share/info/*',
    '/usr/share/locale/*',
    '/usr/share/icons/*',
    '/usr/bin/qemu-system-i386',
    '/usr/bin/qemu-system-x86_64-microvm',
    '/usr/share/OVMF/*',
    '/usr/lib/x86_64-linux-gnu/gconv/*',
];

/** bookworm's packages leave this user to one that hosts do not need, and the QEMU driver does not start without it. */
const libvirtUser =
    'chroot "$1" sh -c "getent passwd libvirt-qemu >/dev/null || useradd --system --no-create-home --home-dir /var/lib/libvirt libvirt-qemu"';

export function recipeFor(release: Release): Recipe {
    return { release, packages: [...packages, ...furtherPackages[release]], without, hooks: [libvirtUser] };
}

/** Names an image: release and the first twelve hex digits of its recipe's SHA-256. */
export function imageName(recipe: Recipe): string {
    return `${recipe.release}-${createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 12)}`;
}

/** The builder's command line; the image is written to `target` as a tar archive compressed with zstd. */
export function buildCommand(recipe: Recipe, mirrors: Mirrors, target: string): readonly string[] {
    return [
        'mmdebstrap',
        '--mode=root',
        '--variant=essential',
        '--architectures=amd64',
        `--include=${recipe.packages.join(',')}`,
        '--aptopt=Acquire::Languages "none"',
        // The image is not kept unless the build ends well, so nothing need be synced on the way.
        '--dpkgopt=force-unsafe-io',
        ...mirrors.aptSettings.map((setting) => `--aptopt=${setting}`),
        ...recipe.without.map((path) => `--dpkgopt=path-exclude=${path}`),
        ...recipe.hooks.map((hook) => `--customize-hook=${hook}`),
        recipe.release,
        target,
        ...sources(recipe.release, mirrors),
    ];
}

/** Lines of sources.list, as arguments of the builder. */
export function sources(release: Release, mirrors: Mirrors): readonly string[] {
    if (mirrors.main === undefined) return [];
    const security = mirrors.security === undefined ? [] : [`deb ${mirrors.security} ${release}-security main`];
    return [`deb ${mirrors.main} ${release} main`, ...security];
}

/**
 * Reads the mirrors from `apt-get indextargets` in the format of `mirrorFormat`, one target a line.
 * Repositories of others (a vendor's packages) are passed over.
 */
export function readMirrors(targets: string, aptConfig: string): Mirrors {
    const rows = targets
        .split('\n')
        .map((line) => line.split('\t'))
        .filter(([origin, , release = '']) => origin === 'Debian' || (origin === '' && debianReleases.test(release)));
    const uriOf = (wanted: (release: string) => boolean): string | undefined => rows.find(([, , release = '']) => wanted(release))?.[1];
    return {
        main: uriOf((release) => !release.includes('-')),
        security: uriOf((release) => release.endsWith('-security')),
        aptSettings: aptConfig.split('\n').filter((line) => /^Acquire::(?:http|https)::\S*proxy\S* "[^"]+";$/i.test(line)),
    };
}

export const mirrorFormat = '$(ORIGIN)\t$(REPO_URI)\t$(RELEASE)';

const debianReleases = /^(?:bullseye|bookworm|trixie|forky|sid|stable|testing|unstable|oldstable)/;
