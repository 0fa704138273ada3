/**
 * Canonical JSON: the same value always gives the same text. Keys are sorted by UTF-16 code units, there is no white
 * space, and members that are undefined are left out (after RFC 8785; numbers and strings are as JSON.stringify writes them).
 */
export function canonicalJson(value: unknown): string {
    if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
    if (typeof value === 'object' && value !== null) {
        const members = Object.entries(value).filter(([, member]) => member !== undefined);
        members.sort(([a], [b]) => (a < b ? -1 : 1));
        return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
    }
    return value === undefined ? 'null' : JSON.stringify(value);
}
