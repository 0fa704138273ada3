/**
 * The two scripts that a lab is made of, as text. Pure.
 *
 * A lab is one process tree. The lab's first process owns a PID namespace, in which every host's first process lives
 * with namespaces of its own; no namespace has a name and no mount is visible outside. So ending one process ends the
 * lab, whatever state it is in, and the kernel takes links, mounts and namespaces back.
 */
import {
    bitsPerByte,
    controlNetworkPrefix,
    guestBridge,
    guestNetworkPrefix,
    type LabSpec,
    migrationNetworkPrefix,
    type PlacedHost,
} from './spec.js';
import type { HostPaths } from './paths.js';
import { hostVariable } from './processes.js';
import type { BytesPerSecond } from '@mig/language';

export interface HostScriptInput {
    readonly host: PlacedHost;
    readonly paths: HostPaths;
    readonly guestTraffic: NonNullable<LabSpec['guestTraffic']>;
    /** The unpacked image, and what is known of its QEMU. */
    readonly imageRoot: string;
    readonly capabilities: string;
    readonly bootId: string;
}

/** A link's kernel-side names: in the host, and on the lab's bridge. */
export const controlLink = (index: number): string => `ctl${index}`;
export const migrationLink = (index: number): string => `mig${index}`;
export const hostControlLink = 'eth0';
export const hostMigrationLink = 'eth1';
export const guestLink = (index: number): string => `gst${index}`;
export const hostGuestLink = 'eth2';

/** Shapes what leaves through a link. The bucket holds 8 ms of the rate, and never less than two of the largest segments. */
export function shapeArguments(link: string, rate: BytesPerSecond): readonly string[] {
    const burst = Math.max(Math.round(rate * bucketSeconds), smallestBucket);
    const bits = Math.round(rate * bitsPerByte);
    return ['tc', 'qdisc', 'replace', 'dev', link, 'root', 'tbf', 'rate', `${bits}bit`, 'burst', `${burst}b`, 'latency', '50ms'];
}

const bucketSeconds = 0.008;
const smallestBucket = 128 * 1024;

/** What an owner writes to a lab that it has started: to go on by itself, or to end when its standard input does. */
export const releaseWord = 'stay';
export const tieWord = 'tied';

/** Run as the lab's first process, in new network, mount and PID namespaces. */
export function labScript(hosts: readonly HostScriptInput[], toolsDir: string): string {
    return lines([
        '#!/bin/sh',
        'set -eu',
        // Network tools come from the image, so that the machine needs none of its own.
        `mount --bind ${quote(hosts[0]?.imageRoot ?? '')} ${quote(toolsDir)}`,
        `mount -o remount,bind,ro ${quote(toolsDir)}`,
        `mount -t proc proc ${quote(`${toolsDir}/proc`)}`,
        `tool() { chroot ${quote(toolsDir)} "$@"; }`,
        'tool ip link set lo up',
        ...bridge('control', `${controlNetworkPrefix}.1/24`),
        ...bridge('migration', `${migrationNetworkPrefix}.1/24`),
        ...(hosts[0]?.guestTraffic === 'migration-link'
            ? [`tool ip address add ${guestNetworkPrefix}.1/24 dev migration`]
            : bridge('guests', `${guestNetworkPrefix}.1/24`)),
        // A host gets its network namespace first, while the lab's first process can still be named by number 1.
        ...hosts.map(
            (input) =>
                `${hostVariable}=${quote(input.host.name)} unshare --net sh ${quote(input.paths.script)} </dev/null >${quote(input.paths.log)} 2>&1 &`,
        ),
        // Until its owner says so, a lab ends with its owner: a start that is broken off leaves nothing.
        'read -r word || exit 0',
        `[ "$word" = ${releaseWord} ] || cat >/dev/null`,
        `[ "$word" != ${releaseWord} ] || while :; do sleep 86400 & wait $!; done`,
    ]);
}

/** Run with the host's network namespace, still in the lab's PID namespace: joins the networks, then becomes the host. */
export function hostScript(input: HostScriptInput, toolsDir: string): string {
    const { host, paths } = input;
    const shared = input.guestTraffic === 'migration-link';
    const tool = `chroot ${quote(toolsDir)}`;
    const inLab = `nsenter --target 1 --net -- ${tool}`;
    // A link that guests use is a port of their bridge, which has the link's addresses then.
    const links = [
        { here: hostControlLink, there: controlLink(host.index), bridge: 'control', addresses: [host.controlAddress], guests: false },
        {
            here: hostMigrationLink,
            there: migrationLink(host.index),
            bridge: 'migration',
            addresses: [host.migrationAddress, ...(shared ? [host.guestAddress] : [])],
            guests: shared,
        },
        ...(shared
            ? []
            : [{ here: hostGuestLink, there: guestLink(host.index), bridge: 'guests', addresses: [host.guestAddress], guests: true }]),
    ];
    return lines([
        '#!/bin/sh',
        'set -eu',
        `exec 3>>${quote(paths.status)}`,
        "trap '[ $? -eq 0 ] || echo failed >&3' EXIT",
        `${tool} ip link set lo up`,
        `${tool} ip link add ${guestBridge} type bridge forward_delay 0`,
        `${tool} ip link set ${guestBridge} up`,
        ...links.flatMap((link) => [
            `${tool} ip link add ${link.here} type veth peer name ${link.there} netns 1`,
            `${inLab} ip link set ${link.there} master ${link.bridge} up`,
            ...link.addresses.map((address) => `${tool} ip address add ${address}/24 dev ${link.guests ? guestBridge : link.here}`),
            `${tool} ip link set ${link.here} ${link.guests ? `master ${guestBridge} ` : ''}up`,
        ]),
        `${tool} ${shapeArguments(hostMigrationLink, host.linkRate).join(' ')}`,
        `${inLab} ${shapeArguments(migrationLink(host.index), host.linkRate).join(' ')}`,
        `exec unshare --mount --uts --ipc --pid --fork --kill-child --mount-proc sh -c ${quote(becomeHost(input))}`,
    ]);
}

/** Run as the host's first process: builds its file system from the image, moves into it and starts its daemons. */
function becomeHost(input: HostScriptInput): string {
    const { host, paths, imageRoot, capabilities, bootId } = input;
    return lines([
        'set -eu',
        "trap '[ $? -eq 0 ] || echo failed >&3' EXIT",
        `hostname ${quote(host.name)}`,
        `cd ${quote(paths.stage)}`,
        'mount -t tmpfs -o mode=755 mig-lab .',
        `cd ${quote(paths.stage)}`,
        'mkdir upper work root',
        `mount -t overlay -o lowerdir=${quote(imageRoot)},upperdir=upper,workdir=work mig-lab root`,
        `cp -a ${quote(`${paths.files}/.`)} root/`,
        `mkdir -p root/var/cache/libvirt/qemu/capabilities root/.outside`,
        `[ ! -d ${quote(capabilities)} ] || cp -a ${quote(`${capabilities}/.`)} root/var/cache/libvirt/qemu/capabilities/`,
        'mount -t proc proc root/proc',
        // sysfs shows the network namespace of who mounts it, and a fresh one has no cgroups below it.
        'mount -t sysfs -o ro sysfs root/sys',
        'mount -t tmpfs -o mode=755 dev root/dev',
        ...devices.map(([name, major, minor]) => `mknod -m 666 root/dev/${name} c ${major} ${minor}`),
        'mkdir root/dev/pts root/dev/shm root/dev/net',
        'mknod -m 666 root/dev/net/tun c 10 200',
        'mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts root/dev/pts',
        'ln -s pts/ptmx root/dev/ptmx',
        'ln -s /proc/self/fd root/dev/fd',
        'mount -t tmpfs -o mode=1777 shm root/dev/shm',
        'mount -t tmpfs -o mode=755 run root/run',
        // The kernel has one boot id; each host shows its own, new with each start, so that a reboot can be told.
        `echo ${quote(bootId)} >boot_id`,
        'mount --bind boot_id root/proc/sys/kernel/random/boot_id',
        'cd root',
        'pivot_root . .outside',
        `exec chroot . /bin/sh ${hostInitPath}`,
    ]);
}

const devices: readonly (readonly [string, number, number])[] = [
    ['null', 1, 3],
    ['zero', 1, 5],
    ['full', 1, 7],
    ['random', 1, 8],
    ['urandom', 1, 9],
    ['tty', 5, 0],
];

/** Where a host finds `hostInit`. */
export const hostInitPath = '/etc/lab-init';

/** What the host's first process goes on with once it is inside its own file system. */
export const hostInit: string = lines([
    '#!/bin/sh',
    'set -eu',
    "trap '[ $? -eq 0 ] || echo failed >&3' EXIT",
    'export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C',
    'cd /',
    'umount -l /.outside',
    'rmdir /.outside',
    'mkdir -p /run/sshd /run/libvirt /run/lock /run/mig-run /var/log/libvirt /var/lib/mig-lab',
    '/usr/sbin/sshd -f /etc/ssh/sshd_config -E /var/log/sshd.log 3>&-',
    // Once it is a daemon it speaks to its log alone.
    '/usr/sbin/libvirtd --daemon 3>&- || { tail -n 5 /var/log/libvirt/libvirtd.log; exit 1; }',
    'echo ready >&3',
    'exec 3>&-',
    'trap - EXIT',
    // The first process of a PID namespace inherits orphans; waiting for any child reaps them all.
    'while :; do sleep 86400 & wait $!; done',
]);

function bridge(name: string, address: string): readonly string[] {
    return [
        `tool ip link add ${name} type bridge forward_delay 0`,
        `tool ip address add ${address} dev ${name}`,
        `tool ip link set ${name} up`,
    ];
}

function lines(text: readonly string[]): string {
    return `${text.join('\n')}\n`;
}

/** Quotes a word for the shell. */
export function quote(word: string): string {
    return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
