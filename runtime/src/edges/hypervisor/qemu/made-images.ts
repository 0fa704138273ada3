/**
 * Images that we make at a destination for disks that are copied there. Each is written down beside the VM's lock with its
 * inode and birth before it stands at its path, and struck off before the guest may run on it: what is written down has never been
 * the disk of a guest that ran, and may be removed.
 */
import type { ImageSight, VmUuid } from '../../../core/index.js';
import type { HostAccess } from '../../ssh/access.js';
import { HypervisorError } from '../errors.js';
import { lookAtImages } from '../host/images.js';
import { lockDirectory } from '../host/lock.js';
import type { CopiedDisk } from './disks.js';

/** Shell: whether a path is the image that was made; the path on which one is made before it gets its own. */
const shared = `
same() { [ "$(stat -c %d:%i:%.9W -- "$2" 2>/dev/null)" = "$1" ]; }
fresh() { echo "\${1%/*}/.\${1##*/}.mig-run-$vm"; }
drop() { while read -r id path; do
    [ -n "$path" ] || continue
    rm -f -- "$(fresh "$path")"
    if same "$id" "$path"; then rm -f -- "$path" || return 1; fi
done; }
`;

/**
 * `$1` our directory, `$2` the record, `$3` UUID, then path, format and size of each. What was left of an earlier move goes
 * first. A hard link never takes a path that is taken. Tells `made`, or one word and the path.
 */
const makeScript = `
directory=$1 record=$2 vm=$3; shift 3
${shared}
mkdir -p "$directory" || { echo "unwritable $directory"; exit; }
[ -e "$record" ] && { drop < "$record" || { echo "unwritable $record"; exit; }; }
: > "$record" || { echo "unwritable $record"; exit; }
while [ $# -gt 0 ]; do
    path=$1 format=$2 size=$3; shift 3
    { [ -e "$path" ] || [ -L "$path" ]; } && continue
    [ -d "\${path%/*}" ] || { echo "no-directory $path"; exit; }
    new=$(fresh "$path")
    rm -f -- "$new"
    if [ "$format" = raw ]; then truncate -s "$size" -- "$new"
    else command -v qemu-img >/dev/null || { echo "no-qemu-img $path"; exit; }; qemu-img create -q -f "$format" "$new" "$size" >&2
    fi || { rm -f -- "$new"; echo "unwritable $path"; exit; }
    printf '%s %s\\n' "$(stat -c %d:%i:%.9W -- "$new")" "$path" >> "$record" && sync "$record" || { rm -f -- "$new"; echo "unwritable $record"; exit; }
    ln -- "$new" "$path" || { rm -f -- "$new"; echo "unwritable $path"; exit; }
    rm -f -- "$new"
done
echo made
`;

/** `$1` the record, `$2` UUID. */
const dropScript = `
record=$1 vm=$2
${shared}
[ -e "$record" ] || exit 0
drop < "$record" && rm -f "$record"
`;

export class MadeImages {
    readonly #access: HostAccess;
    readonly #vm: VmUuid;
    readonly #directory: string;

    constructor(access: HostAccess, vm: VmUuid, directory: string = lockDirectory) {
        this.#access = access;
        this.#vm = vm;
        this.#directory = directory;
    }

    /** Makes those that are to be made and are not there; one that is there is left as it is. Errors: refused; none is left then. */
    async make(vm: string, disks: readonly CopiedDisk[], signal: AbortSignal): Promise<void> {
        const asked = disks.filter(({ mode }) => mode === 'copy').flatMap(({ path, format, capacity }) => [path, format, String(capacity)]);
        if (asked.length === 0) return;
        const { host } = this.#access;
        const words = [this.#directory, this.#record, this.#vm, ...asked];
        const { stdout, stderr } = await this.#access.run(['sh', '-c', makeScript, 'sh', ...words], signal);
        const [, word = '', path = ''] = /^(\S*) ?(.*)$/.exec(stdout.trim()) ?? [];
        if (word === 'made') return;
        await this.drop(signal).catch(() => undefined); // the next move to this host clears them away
        const fail = (what: string, hint: string): HypervisorError =>
            new HypervisorError('refused', host, `no image for a disk of ${vm} was made on ${host} (${path}): ${what}`, { vm, hint });
        if (word === 'no-directory') throw fail('its directory is not there', 'make the directory');
        if (word === 'no-qemu-img') throw fail('there is no qemu-img', 'install qemu-img (Debian: qemu-utils), or make the image by hand');
        throw fail(stderr.trim() || 'it says nothing', 'see that the SSH user may write there, and that there is room');
    }

    /** Removes those that were made for a guest that has never run here. */
    async drop(signal: AbortSignal): Promise<void> {
        const { code, stderr } = await this.#access.run(['sh', '-c', dropScript, 'sh', this.#record, this.#vm], signal);
        if (code === 0) return;
        throw this.#refused(
            `images that were made for it stay: ${stderr.trim()}`,
            `remove by hand what ${this.#record} lists, and that file after it`,
        );
    }

    /** From here on they may be all that there is of a disk, and nothing of ours removes them. Before the guest is told to run. */
    async keep(signal: AbortSignal): Promise<void> {
        const { code, stderr } = await this.#access.run(['rm', '-f', this.#record], signal);
        if (code === 0) return;
        throw this.#refused(
            `${this.#record} cannot be removed: ${stderr.trim()}`,
            'the guest is not told to run before: see that the SSH user may write there',
        );
    }

    /** Lines of `DEVICE:INODE:BIRTH PATH`: inode numbers are used again. */
    get #record(): string {
        return `${this.#directory}/${this.#vm}.images`;
    }

    #refused(what: string, hint: string): HypervisorError {
        return new HypervisorError('refused', this.#access.host, `VM ${this.#vm} on ${this.#access.host}: ${what}`, { vm: this.#vm, hint });
    }
}

/** For each path `yes` where we may make a file; then `qemu-img` where there is one. */
const makesScript = `
for path do if [ -d "\${path%/*}" ] && [ -w "\${path%/*}" ]; then echo yes; else echo no; fi; done
command -v qemu-img >/dev/null && echo qemu-img
exit 0
`;

/** What stands at these paths, and what could be made there. */
export async function imagesAt(access: HostAccess, paths: readonly string[], signal: AbortSignal): Promise<readonly ImageSight[]> {
    const [seen, { stdout }] = await Promise.all([
        lookAtImages(access, paths, signal),
        access.run(['sh', '-c', makesScript, 'sh', ...paths], signal),
    ]);
    const lines = stdout.trim().split('\n');
    const formats = lines[paths.length] === 'qemu-img' ? ['raw', 'qcow2'] : ['raw'];
    return seen.map((sight, nth) => ({
        host: access.host,
        ...sight,
        pool: false,
        ...(lines[nth] === 'yes' && { makes: formats }),
    }));
}
