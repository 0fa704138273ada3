/** A directory that all hosts of a lab see with the same content, as shared storage is: one file system, mounted in each. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Lab } from '../../runtime/src/edges/lab/door.js';
import { inHost } from './lab-state.js';

const run = promisify(execFile);

export type SharedDirectory = AsyncDisposable;

/** Makes the file system in `file` and mounts it. Undefined where this system has no loop devices. Disposed of before the lab. */
export async function shareDirectory(lab: Lab, directory: string, file: string): Promise<SharedDirectory | undefined> {
    await run('truncate', ['-s', '32M', file]);
    await run('mkfs.ext4', ['-q', file]);
    const device = await loopDevice(file);
    if (device === undefined) return undefined;
    // Goes by itself with the last mount, also when the lab ends by a crash.
    const release = (): Promise<unknown> => run('losetup', ['--detach', device]);
    try {
        for (const { name } of lab.hosts) {
            const number = device.replace('/dev/loop', '');
            const script = `mkdir -p ${directory} && mknod -m 600 ${device} b 7 ${number} && mount -t ext4 ${device} ${directory}`;
            await inHost(lab, name, 'sh', '-c', script);
        }
    } finally {
        await release();
    }
    return {
        [Symbol.asyncDispose]: async () => {
            for (const { name } of lab.hosts) await inHost(lab, name, 'umount', '--lazy', directory);
        },
    };
}

const loopDevice = (file: string): Promise<string | undefined> =>
    run('losetup', ['--find', '--show', file]).then(
        ({ stdout }) => stdout.trim(),
        () => undefined,
    );
