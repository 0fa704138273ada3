import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HostProvisions } from '../../../core/index.js';
import { type Daemon, provisionsScript, readProvisions } from './provisions.js';
import { newAuthority } from './testing/authority.js';

let root: string;
beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), 'mig-host-'));
});
afterEach(() => {
    rmSync(root, { recursive: true });
});

function write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
        const file = path.join(root, name);
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, text);
    }
}

/** What the script tells of a host whose files are those that were written. */
function provided(daemon: Daemon = 'libvirtd', { PATH = '/usr/bin:/bin', certificates = '' } = {}): HostProvisions {
    const text = execFileSync('/bin/sh', ['-c', provisionsScript, 'sh', root, certificates], { encoding: 'utf8', env: { PATH } });
    const lines = text.split('\n').map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const);
    return readProvisions((key) => lines.flatMap(([of, value]) => (of === key ? [value] : [])), daemon);
}

const pem = { 'ca-cert.pem': '', 'server-cert.pem': '', 'server-key.pem': '' };
const below = (directory: string, files: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(files).map(([name, text]) => [`${directory}/${name}`, text]));

test('without a word of its configuration libvirt has no lock manager, and its certificates in /etc/pki/qemu', () => {
    write({ 'etc/libvirt/qemu.conf': '#lock_manager = "lockd"\n# migrate_tls_x509_cert_dir = "/x"\nmax_files = 10\n' });
    expect(provided()).toMatchObject({ lockManager: 'none', tlsCertificates: 'none' });
    write(below('etc/pki/qemu', pem));
    expect(provided()).toMatchObject({ tlsCertificates: 'both' });
    rmSync(path.join(root, 'etc/libvirt/qemu.conf'));
    expect(provided()).toMatchObject({ lockManager: 'none', tlsCertificates: 'both' });
});

test('what the configuration says counts, and the directory for migrations before the one for all', () => {
    const configuration = 'lock_manager="sanlock"\n  default_tls_x509_cert_dir = "/all"\nmigrate_tls_x509_cert_dir = "/own" # of hosts\n';
    write({ 'etc/libvirt/qemu.conf': configuration, ...below('all', pem), 'own/ca-cert.pem': '' });
    expect(provided()).toMatchObject({ lockManager: 'sanlock', tlsCertificates: 'sending' });
    write({ 'etc/libvirt/qemu.conf': configuration.replace(/migrate.*/, '') });
    expect(provided()).toMatchObject({ tlsCertificates: 'both' });
    write({ 'etc/pki/libvirt-migrate/ca-cert.pem': '' });
    expect(provided()).toMatchObject({ tlsCertificates: 'sending' });
});

test('with plain QEMU a directory of certificates is looked into that no configuration names, and both ends have to show one', () => {
    const seen = () => provided('libvirtd', { certificates: '/srv/pki' });
    expect(seen()).toMatchObject({ tlsCertificates: 'none', tlsFiles: { directory: '/srv/pki' } });
    write({ ...below('srv/pki', pem), 'etc/libvirt/qemu.conf': 'migrate_tls_x509_cert_dir = "/own"\nmigrate_tls_x509_verify = 0\n' });
    expect(seen()).toMatchObject({ tlsCertificates: 'both', tlsFiles: { directory: '/srv/pki', asksForClients: true } });
    expect(provided()).toMatchObject({ tlsCertificates: 'none', tlsFiles: { directory: '/own', asksForClients: false } });
});

test('nothing is said of what there is no way to look at', () => {
    expect(provided('libvirtd', { PATH: '/nowhere' })).toEqual({ node: 'none' });
    write({ 'etc/libvirt/qemu.conf': 'lock_manager = "lockd"\n' });
    chmodSync(path.join(root, 'etc/libvirt/qemu.conf'), 0);
    // A superuser reads it all the same.
    if (process.getuid?.() !== 0) expect(provided()).not.toHaveProperty('lockManager');
});

test('memory and huge pages are told by NUMA node', () => {
    const node = 'sys/devices/system/node/node';
    write({
        [`${node}0/meminfo`]: 'Node 0 MemTotal:       33554432 kB\nNode 0 MemFree: 1 kB\n',
        [`${node}0/hugepages/hugepages-2048kB/nr_hugepages`]: '512\n',
        [`${node}0/hugepages/hugepages-1048576kB/nr_hugepages`]: '0\n',
        [`${node}1/meminfo`]: 'Node 1 MemTotal:       16777216 kB\n',
        [`${node}1/hugepages/hugepages-1048576kB/nr_hugepages`]: '4\n',
    });
    expect(provided().numaNodes).toEqual([
        { memory: 32 * 2 ** 30, hugepages: [{ pageSize: 2 ** 21, memory: 2 ** 30 }] },
        { memory: 16 * 2 ** 30, hugepages: [{ pageSize: 2 ** 30, memory: 4 * 2 ** 30 }] },
    ]);
});

test('a daemon that may raise limits locks what it likes, another what its own limit is', () => {
    const limits = (most: string) => `Limit      Soft Limit   Hard Limit   Units\nMax locked memory  65536  ${most}  bytes\n`;
    write({
        'run/virtqemud.pid': '7',
        'proc/7/status': 'Name:\tvirtqemud\nCapEff:\t000001ffffffffff\n',
        'proc/7/limits': limits('8388608'),
        'run/libvirtd.pid': '8\n',
        'proc/8/status': 'Name:\tlibvirtd\nCapEff:\t0000000000000000\n',
        'proc/8/limits': limits('8388608'),
    });
    expect(provided('virtqemud').lockableMemory).toBe('unlimited');
    expect(provided('libvirtd').lockableMemory).toBe(8 * 2 ** 20);
    write({ 'proc/8/limits': limits('unlimited') });
    expect(provided('libvirtd').lockableMemory).toBe('unlimited');
});

test('the Node.js that a command would find is told by its version', () => {
    write({ 'bin/node': '#!/bin/sh\necho v22.11.0\n' });
    chmodSync(path.join(root, 'bin/node'), 0o755);
    expect(provided('libvirtd', { PATH: `${root}/bin:/usr/bin:/bin` }).node).toBe('22.11.0');
});

test('what is in the certificates is read, and keys are only looked for', async () => {
    await using authority = await newAuthority();
    const server = await authority.sign('kvm-a', ['IP:10.0.0.1', 'DNS:kvm-a']);
    const client = await authority.sign('kvm-a', [], -2);
    await using other = await newAuthority('another');
    write({
        'etc/libvirt/qemu.conf': 'default_tls_x509_verify = 0\n',
        'etc/pki/qemu/ca-cert.pem': `comment\n${authority.certificate}${other.certificate}`,
        'etc/pki/qemu/server-cert.pem': server.certificate,
        'etc/pki/qemu/server-key.pem': server.key,
        'etc/pki/qemu/client-cert.pem': client.certificate,
        'etc/pki/qemu/client-key.pem': client.key,
    });
    const { tlsFiles } = provided();
    expect(JSON.stringify(tlsFiles)).not.toContain('KEY');
    expect(tlsFiles).toMatchObject({
        directory: '/etc/pki/qemu',
        asksForClients: false,
        server: { file: '/etc/pki/qemu/server-cert.pem', names: ['10.0.0.1', 'kvm-a'] },
        client: { names: ['kvm-a'] },
    });
    expect(tlsFiles?.ca?.authorities).toHaveLength(2);
    expect(tlsFiles?.server?.authority).toBe(tlsFiles?.ca?.authorities?.[0]);
    expect(tlsFiles?.server?.until).toBeGreaterThan(Date.now());
    expect(tlsFiles?.client?.until).toBeLessThan(Date.now());

    // Without a key there is no certificate to show, and without a word libvirt asks for one.
    rmSync(path.join(root, 'etc/pki/qemu/client-key.pem'));
    write({
        'etc/libvirt/qemu.conf': 'migrate_tls_x509_verify = 1\ndefault_tls_x509_verify = 0\n',
        'etc/pki/qemu/server-cert.pem': 'none',
    });
    expect(provided().tlsFiles).toMatchObject({ asksForClients: true, server: { unusable: 'it holds no certificate' } });
    expect(provided().tlsFiles).not.toHaveProperty('client');
    write({ 'etc/libvirt/qemu.conf': '' });
    expect(provided().tlsFiles).toMatchObject({ asksForClients: true });
});
