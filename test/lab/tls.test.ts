/** Encrypted migrations on real hosts: QEMU's own word that the stream is encrypted, and certificates that would not do. */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MigrationEvent } from '@mig/runtime/core';
import { type Authority, newAuthority } from '../../runtime/src/edges/hypervisor/host/testing/authority.js';
import { labCommand, startGuest, startPlainGuest, stopGuest, stopPlainGuest } from '../../runtime/src/edges/lab/door.js';
import { certificateAt, certify as certifyHost } from '../kit/certificates.js';
import { struckAt } from '../kit/killed.js';
import { expectUntouched } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, type Ended } from '../kit/mig-run.js';
import { credentialsOf, expectWholePlain, plainInventory } from '../kit/plain.js';
import { between, recordedRun } from '../kit/recorder.js';
import { virsh } from '../kit/virsh.js';
import { expectWhole } from '../kit/whole.js';

const policy = (using: string): string =>
    `policy drain {\n  when host is in maintenance\n  move vms on host\n  to hosts\n  using ${using}\n  on failure leave and report\n  bandwidth { per vm 200 Mbit/s }\n}\n`;

describeWithLab('a technique that asks for TLS', (fixture) => {
    let desk: Desk;
    let authority: Authority;

    beforeAll(async () => {
        desk = await Desk.clear();
        authority = await newAuthority();
    });
    afterAll(async () => {
        await desk[Symbol.asyncDispose]();
        await authority[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
        await desk.write('drain.mig', policy('precopy { tls }'));
        for (const { name } of fixture.lab.hosts) await certify(name);
    });

    const at = (host: string, file: string): string => certificateAt(fixture.lab, host, file);
    const certify = (host: string, spoilt: { readonly names?: readonly string[]; readonly days?: number } = {}): Promise<void> =>
        certifyHost(fixture.lab, authority, host, spoilt);

    const migRun = (...words: readonly string[]): Promise<Ended> =>
        desk.migRun(words.includes('--inventory') ? words : [...words, '--inventory', fixture.lab.inventoryPath], {
            through: labCommand(fixture.lab, []),
            env: { COLUMNS: '1000' },
        });

    /** Refused for this, and nothing was done on any host. */
    async function expectRefusal(...says: readonly RegExp[]): Promise<void> {
        const { code, all } = await migRun('drain.mig', '--yes');
        for (const each of says) expect(all).toMatch(each);
        expect(code, all).not.toBe(0);
        expect(all).not.toMatch(/move-started|begin/);
        await expectUntouched(fixture.lab, 'kvm-a');
    }

    describe('with libvirt', () => {
        beforeEach(async () => {
            await stopGuest(fixture.lab, 'db1').catch(() => undefined);
            await startGuest(fixture.lab, 'kvm-a', {
                name: 'db1',
                memoryMiB: 128,
                randomShare: 0.5,
                dirtyPagesPerSecond: 200,
                hotSetMiB: 2,
                persistent: true,
                autostart: true,
            });
        });

        describe('is refused before anything moves', () => {
            test('where a certificate has expired', async () => {
                await certify('kvm-b', { days: -2 });
                await expectRefusal(/asks for TLS, and \/etc\/pki\/qemu\/server-cert\.pem on kvm-b has expired on \d{4}-\d\d-\d\d/);
            });

            test('where it is for another host', async () => {
                await certify('kvm-b', { names: ['DNS:kvm-x', 'IP:10.9.9.9'] });
                await expectRefusal(
                    /server-cert\.pem on kvm-b is for kvm-x and 10\.9\.9\.9, and migrations to kvm-b connect to 10\.66\.1\.12/,
                );
            });

            test('where a host has none', async () => {
                await rm(at('kvm-b', ''), { recursive: true });
                await expectRefusal(/the certificates for it are not in place on kvm-b/);
            });

            test('where who sends has none to show', async () => {
                await rm(at('kvm-a', 'client-key.pem'));
                await expectRefusal(/kvm-a has not both of \/etc\/pki\/qemu\/client-cert\.pem and client-key\.pem/);
            });
        });

        test('says so in the plan', async () => {
            expect((await migRun('plan', 'drain.mig', '--actions')).all).toMatch(/\bTLS\b/);
            await desk.write('drain.mig', policy('precopy'));
            expect((await migRun('plan', 'drain.mig', '--actions')).all).not.toMatch(/\bTLS\b/);
        });

        test.each([
            ['precopy { tls }', 'encrypts', /./],
            ['postcopy { tls }', 'encrypts', /./],
            ['precopy', 'does not encrypt', /^$/],
        ])('%s moves the VM over a stream that QEMU %s', async (using, _, credentials) => {
            await desk.write('drain.mig', policy(using));
            // What QEMU itself goes by, asked while the memory is on its way.
            let asked: Promise<string> | undefined;
            const isTheMoment = (event: MigrationEvent): boolean => {
                const sends = event.type === 'postcopy-started' || (event.type === 'progress' && event.transferred > 5e6);
                if (!sends) return false;
                asked ??= credentialsAtSource();
                return true;
            };
            const { struck, code } = await struckAt({ desk, lab: fixture.lab, signals: [] }, ['drain.mig'], isTheMoment);
            expect(struck).toBe(true);
            expect(code).toBe(0);
            expect(await expectWhole(fixture.lab, 'db1')).not.toBe('kvm-a');
            expect(await asked).toMatch(credentials);
        });

        test.each([
            ['precopy { tls }', true],
            ['precopy', false],
        ])('%s: that nobody on the wire can read it is %s', async (using, encrypted) => {
            await certify('kvm-b', { names: [`IP:${between}`] });
            await desk.write('drain.mig', policy(using).replace('to hosts', 'to host "kvm-b"'));
            const said = await recordedRun(fixture.lab, desk, 'drain.mig', 'kvm-b');
            expect(said.length).toBeGreaterThan(0);
            expect(Buffer.concat(said).byteLength).toBeGreaterThan(50e6);
            for (const bytes of said) expectEncrypted(bytes, encrypted);
            expect(await expectWhole(fixture.lab, 'db1')).toBe('kvm-b');
        });
    });

    describe('with plain QEMU', () => {
        const web1 = { name: 'web1', memoryMiB: 64, randomShare: 0.6, dirtyPagesPerSecond: 200, hotSetMiB: 2 } as const;
        beforeAll(async () => {
            await stopGuest(fixture.lab, 'db1').catch(() => undefined);
            await startPlainGuest(fixture.lab, 'kvm-a', web1);
            await desk.write('plain.yaml', await plainInventory(fixture.lab));
        });
        afterAll(() => stopPlainGuest(fixture.lab, 'web1').catch(() => undefined));
        const none = { set: '', object: false } as const;

        test('is refused where a host has no certificates, before anything moves', async () => {
            await rm(at('kvm-b', ''), { recursive: true });
            await rm(at('kvm-c', 'server-key.pem'));
            const { code, all } = await migRun('drain.mig', '--inventory', desk.at('plain.yaml'), '--yes');
            expect(all).toMatch(/asks for TLS, and the certificates for it are not in place on kvm-b, kvm-c.*tls_directory/s);
            expect(code).not.toBe(0);
            expect(await expectWholePlain(fixture.lab, 'web1')).toBe('kvm-a');
        });

        test('a move that is cancelled leaves the VM as it was', async () => {
            await desk.write('drain.mig', policy('precopy { tls }').replace('200', '50'));
            const half = (event: MigrationEvent): boolean => event.type === 'progress' && event.transferred > 5e6;
            const striking = { desk, lab: fixture.lab, signals: ['SIGINT', 'SIGINT'] as const, inventory: desk.at('plain.yaml') };
            const { struck, events } = await struckAt(striking, ['drain.mig'], half);
            expect(struck).toBe(true);
            expect(events.find((event) => event.type === 'move-ended')).toMatchObject({ outcome: 'aborted', vmOn: 'kvm-a' });
            expect(await expectWholePlain(fixture.lab, 'web1')).toBe('kvm-a');
            expect(await credentialsOf(fixture.lab, 'kvm-a', 'web1')).toEqual(none);
        });

        test('every stream is encrypted, and once the VM is there nothing of it is left', async () => {
            await certify('kvm-b', { names: [`IP:${between}`] });
            await desk.write('drain.mig', policy('precopy { streams 2  tls }').replace('to hosts', 'to host "kvm-b"'));
            const said = await recordedRun(fixture.lab, desk, 'drain.mig', 'kvm-b', 'qemu');
            expect(said).toHaveLength(3);
            expect(Buffer.concat(said).byteLength).toBeGreaterThan(35e6);
            for (const bytes of said) expectEncrypted(bytes, true);
            expect(await expectWholePlain(fixture.lab, 'web1')).toBe('kvm-b');
            expect(await credentialsOf(fixture.lab, 'kvm-b', 'web1')).toEqual(none);
        });
    });

    /** A record of a TLS handshake, or the word that QEMU's stream begins with. */
    function expectEncrypted(bytes: Buffer, encrypted: boolean): void {
        if (encrypted) expect([...bytes.subarray(0, 2)]).toEqual([0x16, 0x03]);
        else expect(bytes.subarray(0, 4).toString('latin1')).toBe('QEVM');
        expect(bytes.includes('pc.ram')).toBe(!encrypted);
    }

    /** The name of the credentials that the guest's QEMU migrates with; empty: none. */
    async function credentialsAtSource(): Promise<string> {
        const query = JSON.stringify({ execute: 'query-migrate-parameters' });
        const answer = await virsh(fixture.lab, 'kvm-a', 'qemu-monitor-command', 'db1', query);
        const { 'tls-creds': credentials } = (JSON.parse(answer) as { readonly return: { readonly 'tls-creds': string } }).return;
        return credentials;
    }
});
