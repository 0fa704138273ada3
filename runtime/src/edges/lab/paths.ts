import { join } from 'node:path';

/** Where labs keep their state. Fixed, because inventories name files in it. */
export const labsDir = '/run/mig-lab';

export interface LabPaths {
    readonly dir: string;
    readonly state: string;
    readonly inventory: string;
    /** The key that opens every host. */
    readonly identity: string;
    readonly knownHosts: string;
    readonly log: string;
    readonly script: string;
    /** Where the lab's own processes see an image, for its network tools; empty when seen from outside. */
    readonly tools: string;
    readonly host: (name: string) => HostPaths;
}

export interface HostPaths {
    readonly dir: string;
    /** Files laid over the image. */
    readonly files: string;
    /** Where the host's own file system is put together; empty when seen from outside the host. */
    readonly stage: string;
    readonly script: string;
    readonly log: string;
    /** Lines that the host writes as it comes up. */
    readonly status: string;
}

export function labPaths(name: string): LabPaths {
    const dir = join(labsDir, name);
    return {
        dir,
        state: join(dir, 'state.json'),
        inventory: join(dir, 'inventory.yaml'),
        identity: join(dir, 'id_ed25519'),
        knownHosts: join(dir, 'known_hosts'),
        log: join(dir, 'lab.log'),
        script: join(dir, 'lab.sh'),
        tools: join(dir, 'tools'),
        host: (host) => {
            const hostDir = join(dir, 'hosts', host);
            return {
                dir: hostDir,
                files: join(hostDir, 'files'),
                stage: join(hostDir, 'stage'),
                script: join(hostDir, 'host.sh'),
                log: join(hostDir, 'log'),
                status: join(hostDir, 'status'),
            };
        },
    };
}
