import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { milliseconds } from '@mig/language';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { InventoryHost } from '../../../core/index.js';
import { newKeyPair } from '../../ssh/key-pair.js';
import { type FakeHost, fakeHost } from '../../ssh/testing/fake-host.js';
import type { HostSession, ObservationNeeds } from '../port.js';
import { uuidToBytes } from './domains.js';
import { procedures } from './procedures.js';
import { createLibvirtSession } from './session.js';
import { DaemonRefusal, FakeDaemon } from './testing/fake-daemon.js';
import { type TypedParam, ullongParam } from './typed-params.js';

const never = new AbortController().signal;
const vm = '00000000-0000-4000-8000-00000000000a';
const stopped = '00000000-0000-4000-8000-00000000000b';
const web = { name: 'web', uuid: uuidToBytes('kvm-a', vm), id: 3 };
const old = { name: 'old', uuid: uuidToBytes('kvm-a', stopped), id: -1 };
const mine = newKeyPair();
const quick: ObservationNeeds = { statistics: true, twoSamples: false, dirtyRate: false, windowMs: milliseconds(0) };

let home: string;
beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'mig-session-'));
    await writeFile(join(home, 'key'), mine.private);
});
afterEach(() => rm(home, { recursive: true }));

/** A session over real SSH with a daemon of the test's own, which owns the host and its disconnection. */
async function session(daemon: FakeDaemon): Promise<{ session: HostSession; host: FakeHost }> {
    const host = await fakeHost({ unix: (path) => (path === '/var/run/libvirt/libvirt-sock' ? daemon.connect() : undefined) });
    const knownHosts = join(home, 'known_hosts');
    await writeFile(knownHosts, `[127.0.0.1]:${String(host.port)} ${host.publicKey}\n`);
    const inventoryHost: InventoryHost = {
        name: 'kvm-a',
        driver: 'libvirt',
        connection: { kind: 'ssh', address: '127.0.0.1', port: host.port, user: 'root', identityFile: join(home, 'key'), knownHosts },
        zone: 'east',
        rack: undefined,
        tags: { generation: '2' },
        maintenance: true,
        migration: undefined,
        links: [{ network: 'migration', capacity: undefined }],
        monitor: 'allow',
        provides: { devices: ['gpu'], node: '1.0.0' },
        simulated: undefined,
    };
    try {
        return { session: await createLibvirtSession(inventoryHost, never, { environment: { home, user: 'me', agent: undefined } }), host };
    } catch (error) {
        await host[Symbol.asyncDispose]();
        throw error;
    }
}

const definition = `<domain type='qemu'><name>web</name>
  <metadata><mig:tags xmlns:mig="urn:mig:tags:1"><mig:tag name="app" value="web"/></mig:tags><mig:mover xmlns:mig="urn:mig:mover:1" run="r1" epoch="2"/></metadata>
  <memory>262144</memory><vcpu>2</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>
  <memtune><hard_limit unit='GiB'>3</hard_limit></memtune><cpu mode='custom'><model>qemu64</model></cpu><devices><disk type='network'><source name='pool/x'/><target dev='vda'/></disk></devices></domain>`;

/** A host with one guest that runs and one that does not. Counters grow by what is asked for between two readings. */
function daemon(): FakeDaemon {
    let readings = 0;
    const statistics = (dom: typeof web): { dom: typeof web; params: readonly TypedParam[] } => ({
        dom,
        params: [
            { name: 'state.state', value: { type: 'int', value: dom.id >= 0 ? 1 : 5 } },
            ullongParam('balloon.current', 262144),
            ullongParam('balloon.available', 200000),
            ullongParam('balloon.usable', 150000),
            ullongParam('net.0.tx.bytes', readings * 1_000_000),
        ],
    });
    return new FakeDaemon()
        .on(procedures.connectGetCapabilities, () => ({
            xml: '<capabilities><host><uuid>host-uuid</uuid><cpu><model>EPYC</model></cpu></host></capabilities>',
        }))
        .on(procedures.nodeGetInfo, () => ({
            model: Array.from({ length: 32 }, () => 0),
            memory: 1n,
            cpus: 8,
            mhz: 1,
            nodes: 1,
            sockets: 1,
            cores: 8,
            threads: 1,
        }))
        .on(procedures.nodeGetMemoryStats, ({ count }) => ({
            params: count === 0 ? [] : [{ field: 'total', value: 4_000_000n }],
            count: 1,
        }))
        .on(procedures.nodeGetCpuStats, ({ count }) => ({
            params:
                count === 0
                    ? []
                    : [
                          { field: 'kernel', value: BigInt(readings * 30) },
                          { field: 'idle', value: BigInt(readings * 70) },
                      ],
            count: 2,
        }))
        .on(procedures.connectListAllDomains, ({ flags }) => {
            const domains = flags === 0 ? [web, old] : flags === 4 ? [old] : flags === 1024 ? [old] : [];
            return { domains, count: domains.length };
        })
        .on(procedures.connectListAllNetworks, () => ({ networks: [{ name: 'default', uuid: new Uint8Array(16) }], count: 1 }))
        .on(procedures.connectGetAllDomainStats, () => {
            readings += 1;
            return { records: [statistics(web), statistics(old)] };
        })
        .on(procedures.domainGetXmlDesc, () => ({ xml: definition }))
        .on(procedures.domainGetJobStats, () => ({ type: 0, params: [] }))
        .on(procedures.domainLookupByUuid, ({ uuid }) => {
            const found = [web, old].find((dom) => Buffer.from(dom.uuid).equals(uuid));
            if (found === undefined) throw new DaemonRefusal(42, 'no domain with matching uuid');
            return { dom: found };
        })
        .on(procedures.domainGetState, () => ({ state: 1, reason: 2 }))
        .on(procedures.domainIsPersistent, ({ dom }) => ({ persistent: dom.id < 0 ? 1 : 0 }))
        .on(procedures.domainSetMetadata, () => undefined)
        .on(procedures.domainUndefine, () => undefined);
}

describe('an observation', () => {
    test('has the host as the inventory and the host itself tell it', async () => {
        const { session: open, host } = await session(daemon());
        await using _host = host;
        await using kvm = open;
        const { host: state, unknown } = await kvm.observe(quick, never);
        expect(state).toMatchObject({
            name: 'kvm-a',
            uuid: 'host-uuid',
            zone: 'east',
            tags: { generation: '2' },
            maintenance: true,
            versions: { libvirt: '10.1.0', qemu: '8.2.1' },
            cpus: 8,
            memory: 4_000_000 * 1024,
            cpuUsed: undefined,
        });
        expect(state.networks).toEqual(expect.arrayContaining(['migration', 'default']));
        expect(state.bootId).toMatch(/^[0-9a-f-]{36}$/);
        expect(Math.abs(state.clockOffset?.ms ?? Infinity)).toBeLessThan(1000);
        expect(unknown).toEqual([]);
        // Devices are the inventory's; what the host tells of itself counts before what is stated.
        expect(state.provides).toMatchObject({ devices: ['gpu'], node: expect.stringMatching(/^(?:none|\d\d\.)/) as string });
    });

    test('has every VM, what it is made of and who moves it', async () => {
        const { session: open, host } = await session(daemon());
        await using _host = host;
        await using kvm = open;
        const { vms, cpus } = await kvm.observe(quick, never);
        expect(vms).toMatchObject([
            {
                uuid: vm,
                name: 'web',
                state: 'running',
                persistent: false,
                autostart: false,
                memory: 262144 * 1024,
                memoryHardLimit: 3 * 2 ** 30,
                workingSet: 50000 * 1024,
                tags: { app: 'web' },
                machine: 'q35',
                disks: [{ target: 'vda', path: 'pool/x', kind: 'network', shared: true, readOnly: false }],
                mover: 'run r1 (epoch 2)',
                netTx: undefined,
            },
            { uuid: stopped, state: 'shut off', persistent: true, autostart: true },
        ]);
        expect(Object.keys(cpus)).toEqual([vm]);
    });

    test('has rates only where two samples are asked for', async () => {
        const { session: open, host } = await session(daemon());
        await using _host = host;
        await using kvm = open;
        const { vms, host: state } = await kvm.observe({ ...quick, twoSamples: true, windowMs: milliseconds(50) }, never);
        expect(vms[0]!.netTx).toBeGreaterThan(0);
        expect(state.cpuUsed).toBeCloseTo(0.3);
    });

    test('names a dirty rate that cannot be had, and why', async () => {
        const backup: TypedParam = { name: 'operation', value: { type: 'int', value: 9 } };
        const busy = daemon().on(procedures.domainGetJobStats, () => ({ type: 2, params: [backup] }));
        const { session: open, host } = await session(busy);
        await using _host = host;
        await using kvm = open;
        const { vms, unknown } = await kvm.observe({ ...quick, dirtyRate: true, windowMs: milliseconds(10) }, never);
        expect(vms[0]).toMatchObject({ activeJob: 'backup', dirtyRate: undefined });
        expect(unknown).toEqual([{ about: 'vm:web:dirty_rate', why: 'a job is running on it' }]);
    });
});

describe('presence', () => {
    test('tells state, reason, persistence, job and mark', async () => {
        const { session: open, host } = await session(daemon());
        await using _host = host;
        await using kvm = open;
        expect(await kvm.presence(vm, never)).toMatchObject({
            kind: 'present',
            state: 'running',
            reason: 'migrated',
            persistent: false,
            job: 'none',
            mover: { run: 'r1', epoch: 2 },
        });
    });

    test('of the receiving side of a migration is an incoming job', async () => {
        const receiving = daemon()
            .on(procedures.domainGetState, () => ({ state: 3, reason: 2 }))
            .on(procedures.domainGetJobStats, () => {
                throw new DaemonRefusal(84, 'migration statistics are available only on the source host');
            });
        const { session: open, host } = await session(receiving);
        await using _host = host;
        await using kvm = open;
        expect(await kvm.presence(vm, never)).toMatchObject({ state: 'paused', reason: 'migration', job: 'incoming' });
    });

    test('of a VM that the host does not know is absent, with the boot that says so', async () => {
        const { session: open, host } = await session(daemon());
        await using _host = host;
        await using kvm = open;
        expect(await kvm.presence('00000000-0000-4000-8000-0000000000ff', never)).toEqual({
            kind: 'absent',
            bootId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        });
    });

    test('of a VM that libvirt has lost sight of, but that has a process, is not absent', async () => {
        const unknown = '00000000-0000-4000-8000-0000000000fe';
        const { session: open, host } = await session(daemon());
        await using _host = host;
        await using kvm = open;
        const process = spawn('sh', ['-c', 'echo here; read -r _', 'qemu', '-uuid', unknown, '-S']);
        await once(process.stdout, 'data');
        expect(await kvm.presence(unknown, never)).toMatchObject({ kind: 'present', state: 'other', job: 'other' });
        process.stdin.end();
        await once(process, 'close');
        expect(await kvm.presence(unknown, never)).toMatchObject({ kind: 'absent' });
    });

    test('of a host that is lost is an error, never absence', async () => {
        const { session: open, host } = await session(daemon());
        await using _host = host;
        host.cut();
        expect((await open.lost).why).toBeTruthy();
        await expect(open.presence(vm, never)).rejects.toMatchObject({ code: 'host-lost' });
        await open[Symbol.asyncDispose]();
    });
});

describe('marks and definitions', () => {
    test('a mark goes to what runs and to what is defined, each where there is one', async () => {
        const fake = daemon();
        const { session: open, host } = await session(fake);
        await using _host = host;
        await using kvm = open;
        await kvm.markMover(vm, { run: 'a "b"', epoch: 1 }, never);
        await kvm.markMover(stopped, undefined, never);
        expect(fake.asked.filter((call) => call.name === 'domainSetMetadata').map((call) => call.args)).toMatchObject([
            { type: 2, metadata: '<mover run="a &quot;b&quot;" epoch="1"/>', key: 'mig', uri: 'urn:mig:mover:1', flags: 1 },
            { type: 2, metadata: undefined, key: undefined, uri: 'urn:mig:mover:1', flags: 2 },
        ]);
    });

    test('removing a definition keeps the variables of its firmware and its TPM', async () => {
        const fake = daemon();
        const { session: open, host } = await session(fake);
        await using _host = host;
        await using kvm = open;
        await kvm.undefine(stopped, never);
        expect(fake.asked.at(-1)).toMatchObject({ name: 'domainUndefineFlags', args: { flags: 8 | 64 } });
    });
});

test('a session that cannot be opened leaves no connection behind', async () => {
    const tooOld = daemon().on(procedures.connectGetLibVersion, () => ({ version: 6_000_000n }));
    await expect(session(tooOld)).rejects.toMatchObject({ code: 'hypervisor-too-old' });
    expect(tooOld.names().at(-1)).toBe('connectClose');
});

describe('a running guest', () => {
    test('is asked whether its agent answers, and libvirt says why not', async () => {
        const asked: unknown[] = [];
        const answers = daemon().on(procedures.agentCommand, ({ dom, command, timeout }) => {
            asked.push([dom.name, command, timeout]);
            if (asked.length > 1) throw new DaemonRefusal(86, 'Guest agent is not responding');
            return { result: '{"return":{}}' };
        });
        const { session: open, host } = await session(answers);
        await using _host = host;
        await using kvm = open;
        await kvm.pingAgent?.(vm, never);
        expect(asked).toEqual([['web', '{"execute":"guest-ping"}', 1]]);
        await expect(kvm.pingAgent?.(vm, never)).rejects.toThrow(/agent is not responding/);
    });

    test('costs its host what its process used beside its CPUs, where that is counted', async () => {
        const params = [ullongParam('cpu.time', 5e9), ullongParam('vcpu.0.time', 1e9), ullongParam('vcpu.1.time', 2e9)];
        let counted = params;
        const answers = daemon().on(procedures.connectGetAllDomainStats, ({ domains }) => ({
            records: domains.map((dom) => ({ dom, params: counted })),
        }));
        const { session: open, host } = await session(answers);
        await using _host = host;
        await using kvm = open;
        expect(await kvm.emulatorCpu?.(vm, never)).toBe(2000);
        counted = params.slice(1);
        expect(await kvm.emulatorCpu?.(vm, never)).toBeUndefined();
    });
});
