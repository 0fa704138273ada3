import { epochMs } from '@mig/language';
import { expect, test } from 'vitest';
import type { HostProvisions, TlsFiles } from '../model/inventory.js';
import { type TlsEnd, tlsLack } from './tls.js';

const day = 86_400_000;
const now = epochMs(1000 * day);
const good = (address: string): TlsFiles => ({
    directory: '/etc/pki/qemu',
    asksForClients: true,
    ca: { file: '/etc/pki/qemu/ca-cert.pem', from: epochMs(0), until: epochMs(2000 * day), names: [], authorities: ['one'] },
    server: {
        file: '/etc/pki/qemu/server-cert.pem',
        from: epochMs(0),
        until: epochMs(2000 * day),
        names: [address],
        authority: 'one',
    },
    client: { file: '/etc/pki/qemu/client-cert.pem', from: epochMs(0), until: epochMs(2000 * day), names: [], authority: 'one' },
});

const end = (
    name: string,
    address: string,
    files: Partial<TlsFiles> | 'unread',
    has: HostProvisions['tlsCertificates'] = 'both',
): TlsEnd => ({
    name,
    address,
    provides: { tlsCertificates: has, ...(files !== 'unread' && { tlsFiles: { ...good(address), ...files } }) },
});
const from = (files: Partial<TlsFiles> = {}): TlsEnd => end('a', '10.0.0.1', files);
const to = (files: Partial<TlsFiles> = {}): TlsEnd => end('b', '10.0.0.2', files);
const server = (change: Partial<TlsFiles['server']>) => ({ server: { ...good('10.0.0.2').server!, ...change } });

test('nothing is said against certificates that are in place, valid and for the right name', () => {
    expect(tlsLack(from(), to(), now)).toBeUndefined();
});

test('what is not known is not held against a host', () => {
    expect(tlsLack(end('a', '10.0.0.1', 'unread'), end('b', '10.0.0.2', 'unread'), now)).toBeUndefined();
    expect(tlsLack({ name: 'a', provides: undefined, address: undefined }, to(), now)).toBeUndefined();
    expect(tlsLack(from(), to({ server: { file: '/etc/pki/qemu/server-cert.pem' } }), now)).toBeUndefined();
});

test('missing files are named with their host and directory', () => {
    expect(
        tlsLack({ ...from(), provides: { tlsCertificates: 'none', tlsFiles: { directory: '/x', asksForClients: true } } }, to(), now),
    ).toBe('a has no certificates for it: there is no ca-cert.pem in /x');
    expect(tlsLack(from(), end('b', '10.0.0.2', {}, 'sending'), now)).toBe(
        'b has no certificate to receive with: there are not both of server-cert.pem and server-key.pem in /etc/pki/qemu',
    );
    const { client: _, ...withoutClient } = good('10.0.0.1');
    const source: TlsEnd = { ...from(), provides: { tlsCertificates: 'both', tlsFiles: withoutClient } };
    expect(tlsLack(source, to(), now)).toBe(
        'b asks who sends for a certificate, and a has not both of /etc/pki/qemu/client-cert.pem and client-key.pem',
    );
    expect(tlsLack(source, to({ asksForClients: false }), now)).toBeUndefined();
});

test('expired files are named with the day, and those that are not valid yet', () => {
    const old = { until: epochMs(999 * day) };
    expect(tlsLack(from(), to(server(old)), now)).toBe('/etc/pki/qemu/server-cert.pem on b has expired on 1972-09-26');
    expect(tlsLack(from({ ca: { ...good('').ca!, ...old } }), to(), now)).toBe('/etc/pki/qemu/ca-cert.pem on a has expired on 1972-09-26');
    expect(tlsLack(from({ client: { ...good('').client!, ...old } }), to(), now)).toMatch(/client-cert.pem on a has expired/);
    expect(tlsLack(from(), to(server({ from: epochMs(1001 * day) })), now)).toMatch(/is not valid before 1972-09-28$/);
    expect(tlsLack(from(server(old)), to(), now)).toBeUndefined();
});

test('a certificate for another name is told, with both', () => {
    expect(tlsLack(from(), to(server({ names: ['kvm-b', '10.9.9.9'] })), now)).toBe(
        '/etc/pki/qemu/server-cert.pem on b is for kvm-b and 10.9.9.9, and migrations to b connect to 10.0.0.2',
    );
    const reached = (address: string, names: readonly string[]) => tlsLack(from(), { ...to(server({ names })), address }, now);
    expect(reached('b.rack.example', ['*.rack.example'])).toBeUndefined();
    expect(reached('b.c.rack.example', ['*.rack.example'])).toMatch(/connect to b\.c\.rack\.example/);
    expect(reached('2001:db8::2', ['2001:DB8:0:0:0:0:0:2'])).toBeUndefined();
    expect(reached('[2001:db8::2]', ['2001:DB8:0:0:0:0:0:2'])).toBeUndefined();
    expect(reached('2001:db8::3', ['2001:DB8:0:0:0:0:0:2'])).toMatch(/connect to/);
});

test('authorities that do not know each other are told', () => {
    expect(tlsLack(from({ ca: { ...good('').ca!, authorities: ['two'] } }), to(), now)).toBe(
        '/etc/pki/qemu/server-cert.pem on b was not signed by the authority that a trusts (/etc/pki/qemu/ca-cert.pem)',
    );
    expect(tlsLack(from({ client: { ...good('').client!, authority: 'two' } }), to(), now)).toMatch(/client-cert.pem on a was not signed/);
});

test('a file that holds no certificate is told', () => {
    expect(tlsLack(from(), to({ server: { file: '/x/server-cert.pem', unusable: 'it holds no certificate' } }), now)).toBe(
        '/x/server-cert.pem on b cannot be used: it holds no certificate',
    );
});
