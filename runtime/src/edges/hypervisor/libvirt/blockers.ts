/** What in a domain's definition stands against moving it, as rows. */
import type { XmlElement } from './xml.js';

interface BlockerRow {
    readonly holds: (domain: XmlElement) => boolean;
    readonly reason: string;
    readonly cure: string;
    /** Where the fact comes from. */
    readonly source: string;
}

export interface Blocker {
    readonly reason: string;
    readonly cure: string;
}

export function blockersOf(domain: XmlElement): readonly Blocker[] {
    return rows.filter((row) => row.holds(domain)).map(({ reason, cure }) => ({ reason, cure }));
}

const devices = (domain: XmlElement, name: string): readonly XmlElement[] => domain.at('devices').children(name);

const rows: readonly BlockerRow[] = [
    {
        holds: (domain) =>
            devices(domain, 'shmem').some(
                (shmem) => shmem.at('server').attribute('path') !== undefined || shmem.attribute('role') !== 'master',
            ),
        reason: 'it shares memory with other VMs (ivshmem)',
        cure: 'detach the shmem device, or give it the role master',
        source: 'QEMU: ivshmem blocks migration unless it is the master',
    },
    {
        holds: (domain) =>
            devices(domain, 'filesystem').some(
                (fs) => fs.attribute('type') === 'mount' && (fs.at('driver').attribute('type') ?? 'path') !== 'virtiofs',
            ),
        reason: 'it mounts a directory of its host (9p)',
        cure: 'unmount it in the guest and detach the filesystem',
        source: 'QEMU: virtio-9p blocks migration while mounted',
    },
    {
        holds: (domain) => devices(domain, 'filesystem').some((fs) => fs.at('driver').attribute('type') === 'virtiofs'),
        reason: 'it shares a directory of its host (virtiofs)',
        cure: 'detach the filesystem; the state of its server stays behind',
        source: 'QEMU: vhost-user-fs blocks migration without a migrating back-end',
    },
    {
        holds: (domain) => {
            const timer = domain
                .at('clock')
                .children('timer')
                .find((t) => t.attribute('name') === 'tsc');
            const invariant = domain
                .at('cpu')
                .children('feature')
                .some((f) => f.attribute('name') === 'invtsc' && f.attribute('policy') !== 'disable');
            return invariant && timer?.attribute('frequency') === undefined;
        },
        reason: 'its CPU has an invariant time-stamp counter without a fixed frequency (invtsc)',
        cure: "give the tsc timer a frequency, or take the feature invtsc from the VM's CPU",
        source: 'QEMU: invtsc blocks migration unless the TSC frequency is set',
    },
    {
        holds: (domain) => domain.at('launchSecurity').exists,
        reason: 'its memory is encrypted by the host (launch security)',
        cure: 'such a VM cannot be moved live: shut it down to move it',
        source: 'QEMU: SEV blocks migration',
    },
    {
        holds: (domain) => devices(domain, 'disk').some((disk) => disk.at('mirror').exists),
        reason: 'one of its disks is being copied (block job)',
        cure: 'let the block job end, or abort it',
        source: 'libvirt refuses a migration while a block job is active',
    },
    {
        holds: (domain) => devices(domain, 'tpm').some((tpm) => tpm.at('backend').attribute('type') === 'passthrough'),
        reason: "it uses the host's own TPM",
        cure: 'use an emulated TPM',
        source: 'libvirt: TPM passthrough cannot be migrated',
    },
];
