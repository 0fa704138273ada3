import { createHmac } from 'node:crypto';
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { fingerprint, judge, knownName, knownTypes, parseKnownHosts } from './known-hosts.js';

const [key, other] = [Buffer.from('a host key'), Buffer.from('another key')];
const line = (names: string, of = key, type = 'ssh-ed25519'): string => `${names} ${type} ${of.toString('base64')} comment`;
const known = (...lines: string[]): ReturnType<typeof parseKnownHosts> => parseKnownHosts(lines.join('\n'), 'known_hosts');
const hashed = (name: string, salt = Buffer.from('salt')): string =>
    `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;

describe('a key is known', () => {
    test('by name', () => {
        expect(judge(key, 'kvm-a', known('# comment', '', line('kvm-b,kvm-a')))).toEqual({ kind: 'known' });
    });
    test('by hashed name', () => {
        expect(judge(key, 'kvm-a', known(line(hashed('kvm-b'), other), line(hashed('kvm-a'))))).toEqual({ kind: 'known' });
    });
    test('on a port of its own, hashed or not', () => {
        expect(judge(key, '[kvm-a]:2222', known(line('[kvm-a]:2222')))).toEqual({ kind: 'known' });
        expect(judge(key, '[kvm-a]:2222', known(line(hashed('[kvm-a]:2222'))))).toEqual({ kind: 'known' });
        expect(judge(key, '[kvm-a]:2222', known(line('kvm-a')))).toEqual({ kind: 'unknown' });
    });
    test('by pattern, unless a negated pattern takes it out', () => {
        expect(judge(key, 'kvm-a.example', known(line('*.example')))).toEqual({ kind: 'known' });
        expect(judge(key, 'kvm-a.example', known(line('*.example,!kvm-?.example')))).toEqual({ kind: 'unknown' });
    });
});

test('a key that is revoked is refused, even where it is known as well', () => {
    expect(judge(key, 'kvm-a', known(line('kvm-a'), `@revoked ${line('*')}`))).toMatchObject({ kind: 'revoked', by: { line: 2 } });
});

test('another key of a known host is a mismatch that names the line', () => {
    expect(judge(other, 'kvm-a', known('', line('kvm-a')))).toMatchObject({ kind: 'mismatch', known: [{ file: 'known_hosts', line: 2 }] });
});

test('certificate authorities and broken lines know no key', () => {
    expect(judge(key, 'kvm-a', known(`@cert-authority ${line('*')}`, 'kvm-a ssh-ed25519', 'nonsense'))).toEqual({ kind: 'unknown' });
});

test('the types that are known of a host are told, revoked ones not', () => {
    expect(knownTypes('kvm-a', known(line('kvm-a', key, 'ssh-rsa'), `@revoked ${line('kvm-a')}`, line('kvm-b')))).toEqual(['ssh-rsa']);
});

test.prop([fc.domain(), fc.integer({ min: 1, max: 65535 })])('a hashed entry knows its own host and no other', (host, port) => {
    const name = knownName(host, port);
    const entries = known(line(hashed(name)));
    expect(judge(key, name, entries).kind).toBe('known');
    expect(judge(key, `${name}x`, entries).kind).toBe('unknown');
});

test('a fingerprint looks as OpenSSH shows it', () => {
    // echo -n 'a host key' | sha256sum, in base64 without padding
    expect(fingerprint(key)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
});
