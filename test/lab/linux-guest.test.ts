/** Linux guests of the lab: they answer the network wherever they are, and traffic-sensitive moves go by what they really carry. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MigrationEvent, Plan, Report } from '@mig/runtime/core';
import {
    guestServices,
    hostsOfGuest,
    type Lab,
    labCommand,
    type LinuxGuestRecord,
    startLinuxGuest,
} from '../../runtime/src/edges/lab/door.js';
import { defaultHosts } from '../../runtime/src/edges/lab/spec.js';
import { inHost, inventoryOf } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk } from '../kit/mig-run.js';
import { plainInventory } from '../kit/plain.js';
import { Streams } from '../kit/streams.js';
import { virsh } from '../kit/virsh.js';

const run = promisify(execFile);

/** What a service of a guest says, asked from the lab's networks; or the error's code. */
async function ask(lab: Lab, guest: LinuxGuestRecord, port: number, say = ''): Promise<string> {
    const script = `const s = require('net').connect(${port}, '${guest.address}'); s.setTimeout(30000, () => s.destroy(new Error('ETIMEDOUT')));
        s.on('error', (e) => console.log(e.code ?? e.message)); s.on('data', (d) => { process.stdout.write(d); ${say === '' ? '' : 's.destroy()'} }); s.write(${JSON.stringify(say)});`;
    const [command = '', ...argv] = labCommand(lab, [process.execPath, '-e', script]);
    return (await run(command, argv)).stdout.trim();
}

const bootIdOf = async (lab: Lab, guest: LinuxGuestRecord): Promise<string> =>
    (await ask(lab, guest, guestServices.status)).split('\n')[0] ?? '';

describeWithLab(
    'Linux guests',
    (fixture) => {
        let desk: Desk;
        const guests: LinuxGuestRecord[] = [];
        beforeAll(async () => {
            desk = await Desk.clear();
            const specs = ['send1', 'send2', 'take1', 'take2'].map((name, i) => ({ name, memoryMiB: 128, fillMiB: 16, number: 101 + i }));
            guests.push(...(await Promise.all(specs.map((spec) => startLinuxGuest(fixture.lab, 'kvm-a', spec)))));
        });
        afterAll(async () => desk[Symbol.asyncDispose]());

        test('one answers with what it runs, sends back what it is sent, and refuses what it does not listen on', async () => {
            const [guest] = guests as [LinuxGuestRecord];
            expect(await ask(fixture.lab, guest, guestServices.echo, 'are you there?')).toBe('are you there?');
            expect(await ask(fixture.lab, guest, guestServices.status)).toMatch(/^[0-9a-f-]{36}\n[\d.]+ [\d.]+$/);
            expect(await ask(fixture.lab, guest, 4)).toBe('ECONNREFUSED');
        });

        test('a second one of the same name is refused, wherever it would be', async () => {
            await expect(startLinuxGuest(fixture.lab, 'kvm-b', { name: 'send1', memoryMiB: 128 })).rejects.toThrow(
                /send1 runs already, on kvm-a/,
            );
        });

        test('traffic-sensitive goes by what libvirt measures of real streams, and every stream goes on where its guest is then', async () => {
            const { lab } = fixture;
            const before = await Promise.all(
                guests.map(async (guest) => ({ boot: await bootIdOf(lab, guest), sum: await ask(lab, guest, guestServices.content) })),
            );
            for (const { sum } of before) expect(sum).toMatch(/^[0-9a-f]{32} /);
            const traffic = guests.map((guest) => ({
                guest,
                way: guest.name.startsWith('send') ? ('out of the guest' as const) : ('into the guest' as const),
                bytesPerSecond: 1_000_000,
            }));
            await using streams = await Streams.open(lab, traffic);
            await desk.write('spread.mig', policy);
            await desk.write('hosts.yaml', await inventoryOf(lab));
            const through = labCommand(lab, []);

            const planned = await desk.migRun(['plan', 'spread.mig', '--inventory', 'hosts.yaml', '--json'], { through });
            expect(planned.code, planned.all).toBe(0);
            const { moves } = JSON.parse(planned.stdout) as Plan;
            const why = moves.map(({ technique, because }) => ({
                kind: technique.kind,
                because: because.map(({ text }) => text).join('; '),
            }));
            // The figures are what the other ends count: 8 Mbit/s, less what a loaded machine leaves out.
            const figure = String.raw`[1-9][\d.]* Mbit/s`;
            const little = String.raw`[\d.]+ k?bit/s`;
            for (const i of [0, 1]) {
                expect(why[i]?.kind).toBe('postcopy');
                expect(why[i]?.because).toMatch(
                    new RegExp(String.raw`postcopy is chosen: send\d mostly sends \(${figure} out, ${little} in\)`),
                );
            }
            for (const i of [2, 3]) {
                expect(why[i]?.kind).toBe('precopy');
                expect(why[i]?.because).toMatch(
                    new RegExp(String.raw`precopy is chosen: take\d mostly receives \(${little} out, ${figure} in\)`),
                );
            }

            const { code, stdout, all } = await desk.migRun(['spread.mig', '--inventory', 'hosts.yaml', '--yes', '--json'], { through });
            // Their agents have answered too.
            expect(code, all).toBe(0);
            const events = stdout
                .trim()
                .split('\n')
                .map((line) => JSON.parse(line) as MigrationEvent);
            const [started] = events.filter((event) => event.type === 'run-started');
            const nameOf = (move: string): string => started?.plan.moves.find(({ id }) => id === move)?.vm.name ?? move;
            const switched = new Set(events.flatMap((event) => (event.type === 'postcopy-started' ? [nameOf(event.move)] : [])));
            expect([...switched].toSorted()).toEqual(['send1', 'send2']);

            const carried = { ...streams.counts.at(-1)?.bytes };
            await expect
                .poll(() => guests.filter(({ name }) => (streams.counts.at(-1)?.bytes[name] ?? 0) > (carried[name] ?? 0) + 1_000_000), {
                    timeout: 60_000,
                })
                .toHaveLength(guests.length);
            expect(streams.broken).toEqual([]);
            for (const [i, guest] of guests.entries()) {
                const [host = ''] = await hostsOfGuest(lab, guest.name);
                expect(host).toBe('kvm-b');
                // The same guest, not one that was started anew, with the same memory.
                expect({ boot: await bootIdOf(lab, guest), sum: await ask(lab, guest, guestServices.content) }).toEqual(before[i]);
                // The bridges have learnt where it is from what it announced.
                const seen = async (at: string) =>
                    (await inHost(lab, at, 'bridge', 'fdb', 'show', 'br', 'guests'))
                        .split('\n')
                        .find((line) => line.startsWith(guest.mac)) ?? '';
                expect(await seen('kvm-b')).toMatch(/dev vnet\d+ /);
                expect(await seen('kvm-a')).not.toMatch(/dev vnet\d+ /);
            }
        });

        test('an agent is asked over the socket of its channel with plain QEMU, where the guest has arrived', async () => {
            const { lab } = fixture;
            await startPlainLinux(lab, 'plain1');
            const inventory = await desk.write('plain.yaml', await plainInventory(lab));
            await desk.write('asked.mig', asked);
            const { code, stdout, all } = await desk.migRun(['asked.mig', '--inventory', inventory, '--yes', '--json'], {
                through: labCommand(lab, []),
            });
            const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Report;
            expect(report.moves, all).toMatchObject([{ vm: 'plain1', outcome: 'moved', vmOn: 'kvm-b' }]);
            expect(report.totals).toMatchObject({ checks: { ok: 1, failed: 0, notRun: 0 } });
            expect(code).toBe(0);
            // Its directory was made there, as that of its QMP socket.
            expect(await inHost(lab, 'kvm-b', 'ls', '/run/agents')).toBe('plain1.sock\n');
        });

        test('a probe on a host sees how long a VM does not answer, and says which it could not see', async () => {
            const { lab } = fixture;
            const [from = ''] = await hostsOfGuest(lab, 'send1');
            const there = await Promise.all(guests.map(({ name }) => hostsOfGuest(lab, name)));
            expect(new Set(there.flat())).toEqual(new Set([from]));
            await desk.write('watched.mig', watched);
            // Nobody has this address.
            const nobody = '<tags><tag name="address" value="10.66.2.251"/></tags>';
            const change = ['--uri', 'urn:mig:tags:1', '--key', 'mig', '--set', nobody, '--live', '--config'];
            await virsh(lab, from, 'metadata', 'take1', ...change);
            const inventory = await inventoryOf(lab, ({ hosts }) => {
                for (const [name, host] of Object.entries(hosts)) host.maintenance = name === from;
            });
            await desk.write('hosts.yaml', inventory);
            const { code, stdout, all } = await desk.migRun(['watched.mig', '--inventory', 'hosts.yaml', '--yes', '--json'], {
                through: labCommand(lab, []),
            });
            const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Report;
            expect(
                report.moves.map(({ vm, outcome }) => ({ vm, outcome })),
                all,
            ).toEqual([
                { vm: 'send1', outcome: 'moved' },
                { vm: 'take1', outcome: 'moved' },
            ]);
            const [seen, unseen] = report.moves;
            expect(seen?.blackout).toEqual({ from: 'kvm-a', blackoutMs: expect.any(Number) as number });
            // It was stopped for a while, and cannot have answered then.
            expect(seen?.blackout?.blackoutMs).toBeGreaterThan((seen?.downtime.stopToResume ?? 0) / 2);
            expect(seen?.promises).toMatchObject([{ metric: 'blackout', verdict: 'held', measured: seen?.blackout?.blackoutMs }]);
            expect(unseen?.blackout?.blackoutMs).toBeUndefined();
            expect(unseen?.blackout?.detail).toMatch(/^did not answer at 10\.66\.2\.251, TCP port 1, before it was moved/);
            expect(unseen?.promises).toMatchObject([{ metric: 'blackout', verdict: 'unknown' }]);
            expect(code).toBe(1);
        });
    },
    defaultHosts.slice(0, 2),
);

const watched = `policy watched {
  when host is in maintenance
  move vms on host where vm.name in ["send1", "take1"] order by vm.name
  to hosts
  using precopy
  verify tcp 7 from "kvm-a" within 30 s otherwise report
  require blackout <= 60 s
  on failure leave and report
}
`;

/** Without a network: what is asked is its agent. */
async function startPlainLinux(lab: Lab, name: string): Promise<void> {
    const files = '/var/lib/mig-lab/linux-guest-*';
    const start = `mkdir -p /run/qemu /run/agents && exec qemu-system-x86_64 -name ${name} -uuid 6fd1c1c2-6a55-4a7c-8a5e-0d6f6f6f0009 \\
        -machine pc,accel=tcg -m 96 -nodefaults -display none -kernel ${files}/vmlinuz -initrd ${files}/initramfs \\
        -append 'quiet panic=-1 mitigations=off nokaslr random.trust_cpu=on tsc=reliable no_timer_check console=ttyS0' \\
        -serial file:/var/log/${name}.console -qmp unix:/run/qemu/${name}.qmp,server=on,wait=off -daemonize \\
        -device virtio-serial -chardev socket,id=agent,path=/run/agents/${name}.sock,server=on,wait=off \\
        -device virtserialport,chardev=agent,name=org.qemu.guest_agent.0`;
    await inHost(lab, 'kvm-a', 'sh', '-c', start);
    const words = ['{"execute":"qmp_capabilities"}', '{"execute":"query-chardev"}'];
    const ask = `{ printf '%s\\n' "$@"; sleep 0.2; } | nc -N -U /run/qemu/${name}.qmp`;
    const opened = async (): Promise<unknown> => {
        const told = (await inHost(lab, 'kvm-a', 'sh', '-c', ask, 'sh', ...words)).trim().split('\n');
        const { return: devices } = JSON.parse(told.at(-1) ?? '') as { readonly return: readonly Record<string, unknown>[] };
        return devices.find(({ label }) => label === 'agent')?.['frontend-open'];
    };
    await expect.poll(opened, { timeout: 60_000 }).toBe(true);
}

const asked = `policy asked {
  when host is in maintenance
  move vms on host where vm.name == "plain1"
  to hosts
  using precopy
  verify agent within 30 s otherwise report
  on failure leave and report
}
`;

const policy = `policy spread {
  when host is in maintenance
  move vms on host order by vm.name
  to hosts
  using traffic-sensitive
  at most 4 at once per host
  verify agent within 30 s otherwise report
  on failure leave and report
}
`;
