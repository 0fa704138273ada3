import { expect, test } from 'vitest';
import { cpioArchive } from './cpio.js';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

test('a file stands behind its header and its name, each filled up to four bytes', () => {
    const archive = Buffer.from(cpioArchive([{ path: 'init', mode: 0o755, content: text('run me') }])).toString('latin1');
    const header = [
        '070701',
        '00000001',
        '000081ed',
        '00000000',
        '00000000',
        '00000001',
        '00000000',
        '00000006',
        '00000000',
        '00000000',
        '00000000',
        '00000000',
        '00000005',
        '00000000',
    ].join('');
    // 110 and 5 bytes make 115, filled up to 116.
    expect(archive.startsWith(`${header}init\x00\x00run me\x00\x00070701`)).toBe(true);
    expect(archive.length % 4).toBe(0);
    expect(archive).toContain('TRAILER!!!\x00');
});

test('the same entries make the same archive', () => {
    const entries = [
        { path: 'dev', mode: 0o755, content: 'directory' as const },
        { path: 'dev/console', mode: 0o600, content: { device: [5, 1] as const } },
        { path: 'sh', mode: 0o777, content: { linkTo: 'busybox' } },
    ];
    expect(cpioArchive(entries)).toEqual(cpioArchive(entries));
});
