import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { bytesPerSecond } from '@mig/language';
import { expect, test } from 'vitest';
import { labDown, leftovers, removeLeftovers } from '../../runtime/src/edges/lab/down.js';
import { labCommand, labExec } from '../../runtime/src/edges/lab/exec.js';
import { hostsOfGuest, setDirtyRate, startGuest, stopGuest } from '../../runtime/src/edges/lab/guest/guest.js';
import { openGuestMemory } from '../../runtime/src/edges/lab/guest/memory.js';
import { guestProof } from '../../runtime/src/edges/lab/guest/proof.js';
import { canDelayPackets, cutLink, restoreLink, setLinkRate } from '../../runtime/src/edges/lab/links.js';
import { labPaths } from '../../runtime/src/edges/lab/paths.js';
import { markedProcesses } from '../../runtime/src/edges/lab/processes.js';
import { defaultHosts } from '../../runtime/src/edges/lab/spec.js';
import { openLab, type Lab } from '../../runtime/src/edges/lab/state.js';
import { labUp } from '../../runtime/src/edges/lab/up.js';
import { describeWhereLabsRun, describeWithLab } from '../kit/lab.js';

const execFileAsync = promisify(execFile);

/** What a command in the lab prints; on a host, or on this machine's files in the lab's networks. */
async function says(lab: Lab, argv: readonly string[], host?: string): Promise<string> {
    const [command = '', ...rest] = labCommand(lab, argv, host);
    const { stdout } = await execFileAsync(command, rest);
    return stdout.trim();
}

describeWithLab('a lab of three hosts', (fixture) => {
    test('every host answers over SSH from the lab network, with its own name, libvirt and boot id', async () => {
        const seen = new Set<string>();
        for (const host of fixture.lab.hosts) {
            const answer = await overSsh(
                fixture.lab,
                host.controlAddress,
                host.name,
                'hostname; virsh -c qemu:///system hostname; cat /proc/sys/kernel/random/boot_id',
            );
            const [name, libvirtName, bootId = ''] = answer.split('\n').filter((line) => line !== '');
            expect([name, libvirtName, bootId]).toEqual([host.name, host.name, host.bootId]);
            seen.add(bootId);
        }
        expect(seen.size).toBe(3);
    });

    test('hosts have UUIDs of their own, and the machine sees none of their mounts', async () => {
        const uuids = await Promise.all(
            fixture.lab.hosts.map((host) => says(fixture.lab, ['virsh', '-c', 'qemu:///system', 'capabilities'], host.name)),
        );
        expect(uuids.map((xml) => /<uuid>(.*)<\/uuid>/.exec(xml)?.[1])).toEqual(fixture.lab.hosts.map((host) => host.uuid));
        expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(labPaths(fixture.name).dir);
    });

    test('the lab is found again by its name', async () => {
        expect((await openLab(fixture.name)).process).toEqual(fixture.lab.process);
        await expect(openLab('nowhere')).rejects.toMatchObject({ code: 'lab-unknown' });
    });

    test('a command ends as it ended, on a host and on the lab network', async () => {
        expect(await labExec(fixture.name, ['sh', '-c', 'exit 7'])).toEqual({ code: 7 });
        expect(await labExec(fixture.name, ['sh', '-c', 'kill -TERM $$'], { host: 'kvm-b' })).toEqual({ code: 143 });
        expect(await labExec(fixture.name, ['sh', '-c', 'test "$(hostname)" = kvm-b'], { host: 'kvm-b' })).toEqual({ code: 0 });
    });

    test('a guest carries its tags and runs, and its proof holds while it writes', async () => {
        await startGuest(fixture.lab, 'kvm-a', {
            name: 'writer',
            memoryMiB: 64,
            dirtyPagesPerSecond: 500,
            hotSetMiB: 4,
            tags: { role: 'web', pinned: '' },
        });
        const xml = await says(fixture.lab, ['virsh', '-c', 'qemu:///system', 'metadata', 'writer', 'urn:mig:tags:1'], 'kvm-a');
        expect(xml).toMatch(/name="role" value="web"[\s\S]*name="pinned"\/>/);
        await setDirtyRate(fixture.lab, 'kvm-a', 'writer', 20_000);
        const first = await guestProof(fixture.lab, 'kvm-a', 'writer');
        expect(first).toMatchObject({ holds: true, running: true, lostWrites: 0, damage: [], pagesChecked: 63 * 256 });
        const second = await guestProof(fixture.lab, 'kvm-a', 'writer');
        expect(second.writes).toBeGreaterThan(first.writes);
        await stopGuest(fixture.lab, 'writer');
        expect(await hostsOfGuest(fixture.lab, 'writer')).toEqual([]);
        await expect(guestProof(fixture.lab, 'kvm-a', 'writer')).rejects.toMatchObject({ code: 'lab-guest-failed' });
    });

    test('the proof notices a changed page, a stale page, a page that should be zero, and a guest that stands still', async () => {
        const { lab } = fixture;
        const record = await startGuest(lab, 'kvm-b', { name: 'victim', memoryMiB: 32, hotSetMiB: 1, dirtyPagesPerSecond: 2000 });
        await expect
            .poll(async () => (await guestProof(lab, 'kvm-b', 'victim')).writes, { timeout: 20_000 })
            .toBeGreaterThan(2 * record.hotPages);
        await setDirtyRate(lab, 'kvm-b', 'victim', 0);
        const page = (number: number): number => 0x10_0000 + number * 4096;
        {
            await using memory = (await openGuestMemory(lab, 'kvm-b', 'victim', {
                bytes: record.memoryBytes,
                seed: record.seed,
                filledPages: record.filledPages,
            }))!;
            const number = await memory.word(page(5));
            await memory.write(page(5), Int32Array.of(number - 256, ~(number - 256)));
            await memory.write(page(1000) + 4092, Int32Array.of(1));
            await memory.write(page(6000) + 2048, Int32Array.of(1));
        }
        const proof = await guestProof(lab, 'kvm-b', 'victim');
        expect(proof.damage).toEqual([
            { address: page(5), kind: 'stale' },
            { address: page(1000), kind: 'content' },
            { address: page(6000), kind: 'content' },
        ]);
        expect(proof).toMatchObject({ running: true, holds: false, lostWrites: 0 });

        // The guest finds the stale page itself when it comes to write to it, and remembers.
        await setDirtyRate(lab, 'kvm-b', 'victim', 5000);
        await expect.poll(async () => (await guestProof(lab, 'kvm-b', 'victim')).lostWrites, { timeout: 20_000 }).toBe(1);

        await says(lab, ['virsh', '-c', 'qemu:///system', 'suspend', 'victim'], 'kvm-b');
        expect(await guestProof(lab, 'kvm-b', 'victim')).toMatchObject({ running: false, holds: false });
        await stopGuest(lab, 'victim');
    });

    test('a guest that virsh moves while it writes arrives whole, and is proved where it is', async () => {
        const { lab } = fixture;
        await startGuest(lab, 'kvm-a', { name: 'traveller', memoryMiB: 64, dirtyPagesPerSecond: 1000, hotSetMiB: 4 });
        const ticks = (await guestProof(lab, 'kvm-a', 'traveller')).ticks;
        await says(
            lab,
            [
                'virsh',
                '-c',
                'qemu:///system',
                'migrate',
                '--live',
                '--p2p',
                '--persistent',
                '--undefinesource',
                'traveller',
                'qemu+ssh://kvm-b/system',
            ],
            'kvm-a',
        );
        const proof = await guestProof(lab, 'kvm-b', 'traveller');
        expect(proof).toMatchObject({ holds: true, hosts: ['kvm-b'], lostWrites: 0 });
        expect(proof.ticks).toBeGreaterThan(ticks);
        await expect(guestProof(lab, 'kvm-a', 'traveller')).rejects.toMatchObject({ hint: 'it has a process on kvm-b' });
        await stopGuest(lab, 'traveller');
    });

    test('a link rate reaches both ends of the link, and a cut link carries nothing until it is restored', async () => {
        const { lab } = fixture;
        await setLinkRate(lab, 'kvm-c', bytesPerSecond(200e6 / 8));
        expect(await says(lab, ['tc', 'qdisc', 'show', 'dev', 'eth1'], 'kvm-c')).toContain('rate 200Mbit');
        const reaches = async (): Promise<boolean> =>
            says(lab, [
                process.execPath,
                '-e',
                `require('net').connect({host:'${lab.hosts[2]!.migrationAddress}',port:22,timeout:700}).on('connect',()=>process.exit(0)).on('timeout',()=>process.exit(1)).on('error',()=>process.exit(1))`,
            ]).then(
                () => true,
                () => false,
            );
        expect(await reaches()).toBe(true);
        await cutLink(lab, 'kvm-c');
        expect(await reaches()).toBe(false);
        await restoreLink(lab, 'kvm-c');
        await expect.poll(reaches, { timeout: 10_000 }).toBe(true);
        expect(typeof (await canDelayPackets(lab))).toBe('boolean');
    });

    test('what cannot be is refused, and says what there is', async () => {
        const { lab } = fixture;
        await expect(startGuest(lab, 'kvm-x', { name: 'nobody', memoryMiB: 64 })).rejects.toMatchObject({
            code: 'lab-host-unknown',
            hint: 'its hosts are kvm-a, kvm-b, kvm-c',
        });
        await expect(startGuest(lab, 'kvm-a', { name: 'tiny', memoryMiB: 1 })).rejects.toMatchObject({ code: 'lab-bad-options' });
        await expect(guestProof(lab, 'kvm-a', 'nobody')).rejects.toMatchObject({ code: 'lab-guest-unknown' });
        await expect(labUp({ name: fixture.name, hosts: defaultHosts })).rejects.toMatchObject({ code: 'lab-exists' });
    });
});

describeWhereLabsRun('the end of a lab', () => {
    const [firstHost] = defaultHosts;
    const oneHost = [firstHost!];

    test('taking it down leaves no process, no network namespace and no directory', async () => {
        const name = `test-end-${process.pid}`;
        const lab = await labUp({ name, hosts: oneHost });
        const network = await readlink(`/proc/${lab.process!.pid}/ns/net`);
        const stays = spawn('nsenter', labCommand(lab, ['sleep', '1000']).slice(1), { stdio: 'ignore' });
        await once(stays, 'spawn');
        await startGuest(lab, 'kvm-a', { name: 'left', memoryMiB: 16 });
        await labDown(name);
        expect(markedProcesses().filter((process) => process.lab === name)).toEqual([]);
        expect(await networksInUse()).not.toContain(network);
        expect(existsSync(labPaths(name).dir)).toBe(false);
        await labDown(name);
    });

    test('a start that is aborted leaves nothing', async () => {
        const name = `test-abort-${process.pid}`;
        const abort = new AbortController();
        const starting = labUp({ name, hosts: oneHost }, { signal: abort.signal, onProgress: () => setTimeout(() => abort.abort(), 60) });
        await expect(starting).rejects.toThrow(/abort/i);
        expect(markedProcesses().filter((process) => process.lab === name)).toEqual([]);
        expect(existsSync(labPaths(name).dir)).toBe(false);
    });

    test('a tied lab ends when its owner is killed, and its directory is a leftover that can be removed', async () => {
        const name = `test-tied-${process.pid}`;
        await ownerThatIsKilled(name, { tied: true, when: 'up' });
        await expect.poll(() => markedProcesses().filter((process) => process.lab === name).length, { timeout: 10_000 }).toBe(0);
        expect(await leftovers()).toContainEqual(expect.objectContaining({ lab: name, directory: labPaths(name).dir }));
        expect((await removeLeftovers()).map((leftover) => leftover.lab)).toContain(name);
        expect(existsSync(labPaths(name).dir)).toBe(false);
    });

    test('a lab whose owner is killed while it starts ends, though it would have stayed', async () => {
        const name = `test-broken-${process.pid}`;
        await ownerThatIsKilled(name, { tied: false, when: 'starting' });
        await expect.poll(() => markedProcesses().filter((process) => process.lab === name).length, { timeout: 10_000 }).toBe(0);
        expect((await removeLeftovers()).map((leftover) => leftover.lab)).toContain(name);
    });

    test('an untied lab outlives its owner, is no leftover, and becomes one when it is killed', async () => {
        const name = `test-untied-${process.pid}`;
        await ownerThatIsKilled(name, { tied: false, when: 'up' });
        const lab = await openLab(name);
        expect((await leftovers()).map((leftover) => leftover.lab)).not.toContain(name);
        process.kill(lab.process!.pid, 'SIGKILL');
        await expect.poll(async () => (await leftovers()).map((leftover) => leftover.lab), { timeout: 10_000 }).toContain(name);
        // Starting anew clears away what is left of the old one.
        await using again = await labUp({ name, hosts: oneHost });
        expect(again.process).not.toEqual(lab.process);
    });

    /** Starts a lab in a process of its own, and kills that when the lab is up, or as soon as it is being started. */
    async function ownerThatIsKilled(
        name: string,
        { tied, when }: { readonly tied: boolean; readonly when: 'starting' | 'up' },
    ): Promise<void> {
        const folder = join(import.meta.dirname, '../dist/lab');
        await mkdir(folder, { recursive: true });
        const script = join(folder, `owner-${process.pid}.mjs`);
        const source = `
            import { labUp } from ${JSON.stringify(join(import.meta.dirname, '../../runtime/src/edges/lab/up.ts'))};
            import { defaultHosts } from ${JSON.stringify(join(import.meta.dirname, '../../runtime/src/edges/lab/spec.ts'))};
            await labUp({ name: ${JSON.stringify(name)}, hosts: defaultHosts.slice(0, 1) }, {
                tied: ${tied},
                onProgress: (step) => step.startsWith('starting') && setTimeout(() => process.stdout.write('starting'), 40),
            });
            process.stdout.write('up');
            setInterval(() => {}, 1000);`;
        await build({
            stdin: { contents: source, resolveDir: import.meta.dirname },
            bundle: true,
            platform: 'node',
            format: 'esm',
            conditions: ['source'],
            external: ['ssh2'],
            outfile: script,
            logLevel: 'error',
            banner: { js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);" },
        });
        const owner = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
        let said = '';
        owner.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
        await expect.poll(() => said, { timeout: 60_000, interval: 5 }).toContain(when);
        if (when === 'starting') expect(said).not.toContain('up');
        owner.kill('SIGKILL');
        await once(owner, 'close');
    }
});

async function networksInUse(): Promise<readonly (string | undefined)[]> {
    const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
    return Promise.all(pids.map((pid) => readlink(`/proc/${pid}/ns/net`).catch(() => undefined)));
}

/** Runs a command over SSH by a client inside the lab's network, with the lab's own key and known_hosts. */
async function overSsh(lab: Lab, address: string, name: string, command: string): Promise<string> {
    const ssh2 = createRequire(join(import.meta.dirname, '../../runtime/package.json')).resolve('ssh2');
    const client = `
        const { Client, utils } = require(${JSON.stringify(ssh2)});
        const { readFileSync } = require('node:fs');
        const known = readFileSync(${JSON.stringify(lab.knownHostsPath)}, 'utf8').split('\\n').find((line) => line.startsWith('${address},${name} '));
        const expected = Buffer.from(known.split(' ')[2], 'base64');
        const connection = new Client();
        connection.on('ready', () => connection.exec(${JSON.stringify(command)}, (error, stream) => {
            if (error) throw error;
            stream.pipe(process.stdout);
            stream.stderr.pipe(process.stderr);
            stream.on('close', () => connection.end());
        }));
        connection.connect({ host: '${address}', username: 'root', privateKey: readFileSync(${JSON.stringify(lab.identityPath)}), hostVerifier: (key) => key.equals(expected) });`;
    return says(lab, [process.execPath, '-e', client]);
}
