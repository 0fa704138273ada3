/** Archives as the kernel unpacks them into its first file system: cpio, "newc" format (Documentation/driver-api/early-userspace/buffer-format). Pure. */

export interface ArchiveEntry {
    /** Without a leading slash. */
    readonly path: string;
    /** Permission bits. */
    readonly mode: number;
    readonly content: 'directory' | Uint8Array | { readonly linkTo: string } | { readonly device: readonly [major: number, minor: number] };
}

const fileType = { directory: 0o040000, character: 0o020000, file: 0o100000, link: 0o120000 } as const;

/** Directories have to stand before what is in them. */
export function cpioArchive(entries: readonly ArchiveEntry[]): Uint8Array {
    const parts: Uint8Array[] = [];
    entries.forEach(({ path, mode, content }, index) => {
        if (content === 'directory') parts.push(...record(path, index + 1, fileType.directory | mode, nothing));
        else if (content instanceof Uint8Array) parts.push(...record(path, index + 1, fileType.file | mode, content));
        else if ('linkTo' in content) parts.push(...record(path, index + 1, fileType.link | mode, text.encode(content.linkTo)));
        else parts.push(...record(path, index + 1, fileType.character | mode, nothing, content.device));
    });
    parts.push(...record('TRAILER!!!', 0, 0, nothing));
    return join(parts);
}

const text = new TextEncoder();
const nothing = new Uint8Array();

function record(
    path: string,
    inode: number,
    mode: number,
    data: Uint8Array,
    [major, minor]: readonly [number, number] = [0, 0],
): readonly Uint8Array[] {
    const name = text.encode(`${path}\0`);
    // Owner and group are root, times are 0: the same files always make the same archive.
    const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, major, minor, name.length, 0];
    const header = text.encode(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
    return [header, name, padding(header.length + name.length), data, padding(data.length)];
}

const padding = (length: number): Uint8Array => new Uint8Array((4 - (length % 4)) % 4);

function join(parts: readonly Uint8Array[]): Uint8Array {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
        whole.set(part, at);
        at += part.length;
    }
    return whole;
}
