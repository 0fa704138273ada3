/** The files that make an image into one particular host, as text by path. Pure. */
import { hostInit, hostInitPath } from './scripts.js';
import type { PlacedHost } from './spec.js';

export interface HostKeys {
    /** The host's own key, which clients find in known_hosts. */
    readonly hostKey: string;
    /** The lab's key: opens this host, and lets a person on this host reach the others. */
    readonly identity: string;
    readonly identityPublic: string;
    readonly knownHosts: string;
}

export interface HostFile {
    readonly path: string;
    readonly text: string;
    readonly mode: number;
}

export function hostFiles(host: PlacedHost, all: readonly PlacedHost[], keys: HostKeys): readonly HostFile[] {
    const file = (path: string, lines: readonly string[], mode = 0o644): HostFile => ({ path, text: `${lines.join('\n')}\n`, mode });
    return [
        { path: hostInitPath, text: hostInit, mode: 0o755 },
        file('/etc/hostname', [host.name]),
        file('/etc/machine-id', [host.machineId]),
        file('/etc/hosts', ['127.0.0.1 localhost', ...all.map((other) => `${other.controlAddress} ${other.name}`)]),
        file('/etc/nsswitch.conf', ['passwd: files', 'group: files', 'shadow: files', 'hosts: files']),
        file('/etc/libvirt/qemu.conf', qemuConf(host)),
        file('/etc/libvirt/libvirtd.conf', libvirtdConf(host)),
        file('/etc/ssh/sshd_config', sshdConf),
        { path: '/etc/ssh/lab_host_key', text: keys.hostKey, mode: 0o600 },
        file('/root/.ssh/authorized_keys', [keys.identityPublic], 0o600),
        { path: '/root/.ssh/id_ed25519', text: keys.identity, mode: 0o600 },
        { path: '/root/.ssh/known_hosts', text: keys.knownHosts, mode: 0o644 },
        file('/root/.ssh/config', ['Host *', '    StrictHostKeyChecking yes', '    BatchMode yes'], 0o600),
    ];
}

/** One line a host, by address and by name. */
export function knownHostsText(hosts: readonly PlacedHost[], publicKeys: ReadonlyMap<string, string>): string {
    return hosts.map((host) => `${host.controlAddress},${host.name} ${bareKey(publicKeys.get(host.name) ?? '')}\n`).join('');
}

/**
 * The host has neither cgroups nor a security driver, and everything in it runs as root: its walls are the namespaces.
 * The two monitors of namespaces and ownership are off because every host's files are its own already.
 */
function qemuConf(host: PlacedHost): readonly string[] {
    return [
        'user = "root"',
        'group = "root"',
        'security_driver = "none"',
        'cgroup_controllers = []',
        'namespaces = []',
        'dynamic_ownership = 0',
        'remember_owner = 0',
        'stdio_handler = "file"',
        `migration_address = "${host.migrationAddress}"`,
        `migration_host = "${host.migrationAddress}"`,
    ];
}

function libvirtdConf(host: PlacedHost): readonly string[] {
    return [
        `host_uuid = "${host.uuid}"`,
        'auth_unix_rw = "none"',
        'auth_unix_ro = "none"',
        'unix_sock_group = "root"',
        'log_outputs = "3:file:/var/log/libvirt/libvirtd.log"',
    ];
}

const sshdConf: readonly string[] = [
    'HostKey /etc/ssh/lab_host_key',
    'PidFile /run/sshd.pid',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UsePAM no',
    'UseDNS no',
    'StrictModes no',
    'PrintMotd no',
    'MaxStartups 100',
    'MaxSessions 100',
    'AllowStreamLocalForwarding yes',
];

const bareKey = (publicKey: string): string => publicKey.trim().split(/\s+/).slice(0, 2).join(' ');
