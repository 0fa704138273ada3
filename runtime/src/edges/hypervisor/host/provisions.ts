/** What a host provides for moves beyond memory and CPU: its lock manager, certificates, NUMA nodes, Node.js, and what may be locked. */
import { bytes } from '@mig/language';
import type { HostProvisions, NumaNode } from '../../../core/index.js';
import { readTlsFiles, tlsFilesScript } from './tls-files.js';

/** Which daemon answers: each may have limits of its own. */
export type Daemon = 'virtqemud' | 'libvirtd';

/**
 * Lines for a shell script that tell `key value`; `$1` stands before every path. What a user may not look at is not told.
 * Only what sits in large files is read by a process of its own; Node.js, the slowest to answer, is asked meanwhile.
 * `$2` is the directory of the certificates for migrations where no configuration of libvirt's says it (plain QEMU).
 */
export const provisionsScript = `
if command -v node >/dev/null 2>&1; then echo "node $(node --version 2>/dev/null)" & else echo 'node none'; fi
conf=$1/etc/libvirt/qemu.conf settings= known= migrate= peers= peersall=
if [ -r "$conf" ]; then
    known=yes settings=$(sed -n -e 's/^[[:space:]]*\\([a-z0-9_]*\\)[[:space:]]*=[[:space:]]*"\\([^"]*\\)".*/\\1 \\2/p' \\
        -e 's/^[[:space:]]*\\([a-z0-9_]*_verify\\)[[:space:]]*=[[:space:]]*\\([01]\\).*/\\1 \\2/p' "$conf")
elif [ -x "$1/etc/libvirt" ] && [ ! -e "$conf" ]; then known=yes; fi
if [ -n "$known" ]; then
    manager=none default=$1/etc/pki/qemu
    while read -r key value; do case $key in
        lock_manager) manager=$value;;
        migrate_tls_x509_cert_dir) migrate=$1$value;;
        default_tls_x509_cert_dir) default=$1$value;;
        migrate_tls_x509_verify) peers=$value;;
        default_tls_x509_verify) peersall=$value;;
    esac; done <<SETTINGS
$settings
SETTINGS
    echo "lock-manager $manager"
    if [ -z "$migrate" ]; then migrate=$default; [ -d "$1/etc/pki/libvirt-migrate" ] && migrate=$1/etc/pki/libvirt-migrate; fi
fi
[ -n "$2" ] && migrate=$1$2 peers=1
if [ -n "$migrate" ] && { [ ! -d "$migrate" ] || [ -x "$migrate" ]; }; then
    if [ ! -e "$migrate/ca-cert.pem" ]; then echo 'certificates none'
    elif [ -e "$migrate/server-cert.pem" ] && [ -e "$migrate/server-key.pem" ]; then echo 'certificates both'
    else echo 'certificates sending'; fi
${tlsFilesScript}
fi
for daemon in virtqemud libvirtd; do
    # The daemons write no end of line, and read says so.
    [ -r "$1/run/$daemon.pid" ] || continue
    read -r pid < "$1/run/$daemon.pid"
    [ -n "$pid" ] && [ -r "$1/proc/$pid/status" ] || continue
    while read -r key value _; do case $key in CapEff:) echo "capabilities-$daemon $value"; break;; esac; done < "$1/proc/$pid/status"
    while read -r _ locked _ _ most _; do case $locked in locked) echo "locked-$daemon $most"; break;; esac; done < "$1/proc/$pid/limits"
done 2>/dev/null
for node in "$1"/sys/devices/system/node/node[0-9]*; do
    [ -r "$node/meminfo" ] && read -r _ id _ size _ < "$node/meminfo" && echo "numa $id $size" || continue
    for pool in "$node"/hugepages/hugepages-*kB; do
        [ -r "$pool/nr_hugepages" ] && read -r pages < "$pool/nr_hugepages" || continue
        page=\${pool##*-}; echo "hugepages $id \${page%kB} $pages"
    done
done
wait
`;

/** From the lines that the script told, without their keys. */
export function readProvisions(told: (key: string) => readonly string[], daemon: Daemon): HostProvisions {
    const [manager] = told('lock-manager');
    const [certificates] = told('certificates');
    const [node] = told('node');
    const numaNodes = readNodes(told('numa'), told('hugepages'));
    const tlsFiles = readTlsFiles(told);
    const lockableMemory = readLockable(told(`capabilities-${daemon}`)[0], told(`locked-${daemon}`)[0]);
    return {
        ...(isOneOf(manager, ['none', 'lockd', 'sanlock']) && { lockManager: manager }),
        ...(manager === 'nop' && { lockManager: 'none' }),
        ...(isOneOf(certificates, ['none', 'sending', 'both']) && { tlsCertificates: certificates }),
        ...(tlsFiles && { tlsFiles }),
        ...(node !== undefined && /^(?:v\d|none$)/.test(node) && { node: node.replace(/^v/, '') }),
        ...(numaNodes.length > 0 && { numaNodes }),
        ...(lockableMemory !== undefined && { lockableMemory }),
    };
}

/** `numa`: id and KiB; `hugepages`: the node's id, KiB of one page, number of pages. */
function readNodes(numa: readonly string[], hugepages: readonly string[]): readonly NumaNode[] {
    const pools = hugepages.map((line) => line.split(' '));
    return numa.map((line) => {
        const [id, kib] = line.split(' ');
        const own = pools.filter(([node]) => node === id).map(([, page, count]) => ({ page: Number(page) * 1024, count: Number(count) }));
        return {
            memory: bytes(Number(kib) * 1024),
            hugepages: own
                .filter(({ count }) => count > 0)
                .map(({ page, count }) => ({ pageSize: bytes(page), memory: bytes(page * count) })),
        };
    });
}

/** CAP_SYS_RESOURCE: the daemon may raise the limits of the QEMUs that it starts. */
const mayRaiseLimits = 1n << 24n;

function readLockable(capabilities: string | undefined, most: string | undefined): HostProvisions['lockableMemory'] {
    if (capabilities !== undefined && /^[0-9a-f]+$/.test(capabilities) && (BigInt(`0x${capabilities}`) & mayRaiseLimits) !== 0n)
        return 'unlimited';
    if (most === 'unlimited') return 'unlimited';
    return capabilities !== undefined && most !== undefined && /^\d+$/.test(most) ? bytes(Number(most)) : undefined;
}

function isOneOf<const Word extends string>(text: string | undefined, words: readonly Word[]): text is Word {
    return words.some((word) => word === text);
}
