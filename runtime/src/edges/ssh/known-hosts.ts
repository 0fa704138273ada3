/**
 * Host keys that are known, as OpenSSH writes them down (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): plain and hashed names,
 * patterns, negation, `[host]:port`, and the marker @revoked. Certificate authorities are not supported: such lines
 * know no key.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface KnownKey {
    readonly marker: 'revoked' | undefined;
    /** Hosts as written: patterns, or one hashed name. */
    readonly names: string;
    readonly type: string;
    readonly key: Buffer;
    readonly file: string;
    /** One-based. */
    readonly line: number;
}

export type Verdict =
    | { readonly kind: 'known' }
    /** No key of this host is known. */
    | { readonly kind: 'unknown' }
    | { readonly kind: 'revoked'; readonly by: KnownKey }
    /** Other keys of this host are known. */
    | { readonly kind: 'mismatch'; readonly known: readonly KnownKey[] };

/** What the known keys say of the key that a host showed. `name` is as {@link knownName} makes it. */
export function judge(key: Buffer, name: string, known: readonly KnownKey[]): Verdict {
    const ofHost = known.filter((entry) => namesMatch(entry.names, name));
    const revoked = ofHost.find((entry) => entry.marker === 'revoked' && entry.key.equals(key));
    if (revoked) return { kind: 'revoked', by: revoked };
    const valid = ofHost.filter((entry) => entry.marker === undefined);
    if (valid.some((entry) => entry.key.equals(key))) return { kind: 'known' };
    return valid.length === 0 ? { kind: 'unknown' } : { kind: 'mismatch', known: valid };
}

/** Types of the keys that are known of a host: the server is asked for one of these first. */
export function knownTypes(name: string, known: readonly KnownKey[]): readonly string[] {
    return [...new Set(known.filter((k) => k.marker === undefined && namesMatch(k.names, name)).map((k) => k.type))];
}

/** The name under which a host is looked up: the port is part of it unless it is 22. */
export function knownName(host: string, port: number): string {
    const name = host.toLowerCase();
    return port === 22 ? name : `[${name}]:${port}`;
}

/** Reads one file's text. Lines that make no sense are passed over, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): readonly KnownKey[] {
    return text.split('\n').flatMap((raw, index) => {
        const fields = raw.trim().split(/\s+/);
        if (fields[0] === '' || fields[0]?.startsWith('#')) return [];
        const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined;
        const [names, type, base64] = fields;
        if (names === undefined || type === undefined || base64 === undefined) return [];
        if (marker !== undefined && marker !== '@revoked') return [];
        const key = Buffer.from(base64, 'base64');
        if (key.length === 0) return [];
        return [{ marker: marker === undefined ? undefined : ('revoked' as const), names, type, key, file, line: index + 1 }];
    });
}

/** As OpenSSH shows it. */
export function fingerprint(key: Buffer): string {
    return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The type that a public key's own first field names. */
export function keyType(key: Buffer): string {
    if (key.length < 4) return 'unknown';
    return key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
}

function namesMatch(names: string, name: string): boolean {
    if (names.startsWith('|')) return hashMatches(names, name);
    const patterns = names.toLowerCase().split(',');
    if (patterns.some((p) => p.startsWith('!') && patternMatches(p.slice(1), name))) return false;
    return patterns.some((p) => !p.startsWith('!') && patternMatches(p, name));
}

/** `|1|salt|hash`: HMAC-SHA1 of the name, keyed with the salt, both in base64. */
function hashMatches(entry: string, name: string): boolean {
    const [, scheme, salt, hash] = entry.split('|');
    if (scheme !== '1' || salt === undefined || hash === undefined) return false;
    const expected = Buffer.from(hash, 'base64');
    const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
    return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function patternMatches(pattern: string, name: string): boolean {
    if (!/[*?]/.test(pattern)) return pattern === name;
    const expression = pattern
        .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.');
    return new RegExp(`^${expression}$`).test(name);
}
