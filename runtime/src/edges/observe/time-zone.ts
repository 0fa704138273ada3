import { readlinkSync } from 'node:fs';

/**
 * This machine's time zone, as the IANA database names it. The link that systems keep for it is read first, since what
 * Node has to load before it can answer takes longer than asking a host.
 */
export function localTimeZone(environment: Readonly<Record<string, string | undefined>> = process.env, link = '/etc/localtime'): string {
    return (environment['TZ'] === undefined ? linked(link) : undefined) ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** `/usr/share/zoneinfo/Europe/Berlin`, or below `posix`; other trees count leap seconds, which nobody means. */
function linked(link: string): string | undefined {
    try {
        return /\/zoneinfo\/(?:posix\/)?([A-Z]\w*(?:\/[A-Za-z][\w+-]*)*)$/.exec(readlinkSync(link))?.[1];
    } catch {
        return undefined; // a copy, or none
    }
}
