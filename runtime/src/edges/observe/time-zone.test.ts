import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localTimeZone } from './time-zone.js';

const ofNode = Intl.DateTimeFormat().resolvedOptions().timeZone;
let directory: string;
beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'mig-zone-'));
});
afterEach(async () => {
    await rm(directory, { recursive: true });
});

test.each([
    ['/usr/share/zoneinfo/Europe/Berlin', 'Europe/Berlin'],
    ['../usr/share/zoneinfo/America/Argentina/Buenos_Aires', 'America/Argentina/Buenos_Aires'],
    ['/usr/share/zoneinfo/posix/Asia/Kolkata', 'Asia/Kolkata'],
    ['/usr/share/zoneinfo/Etc/GMT+5', 'Etc/GMT+5'],
    ['/usr/share/zoneinfo/UTC', 'UTC'],
    ['/usr/share/zoneinfo/right/Europe/Berlin', ofNode],
    ['/etc/zone', ofNode],
])('where the link of the time zone is %s, it is %s', async (target, zone) => {
    const link = path.join(directory, 'localtime');
    await symlink(target, link);
    expect(localTimeZone({}, link)).toBe(zone);
    expect(() => new Intl.DateTimeFormat('en', { timeZone: zone })).not.toThrow();
});

test('a file that is no link, and none at all, leave the answer to Node', async () => {
    const file = path.join(directory, 'localtime');
    expect(localTimeZone({}, file)).toBe(ofNode);
    await writeFile(file, 'TZif2');
    expect(localTimeZone({}, file)).toBe(ofNode);
});

test('the environment wins over the link', async () => {
    const link = path.join(directory, 'localtime');
    await symlink('/usr/share/zoneinfo/Pacific/Kiritimati', link);
    expect(localTimeZone({ TZ: 'Europe/Paris' }, link)).toBe(ofNode);
});
