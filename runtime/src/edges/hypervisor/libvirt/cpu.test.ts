import { describe, expect, test } from 'vitest';
import { findDaemon } from './connect.js';
import { CpuJudge, describeCpu, type HostCpu } from './cpu.js';
import { readDomain } from './domain-xml.js';
import { procedures } from './procedures.js';
import { fakeAccess } from './testing/fake-access.js';
import { DaemonRefusal, FakeDaemon } from './testing/fake-daemon.js';

const never = new AbortController().signal;
const here: HostCpu = { model: 'EPYC', microcode: '0x1', kernel: '6.1.0' };
const guest = (type: string, cpu: string): string =>
    describeCpu(readDomain(`<domain type='${type}'><os><type arch='x86_64' machine='q35'>hvm</type></os>${cpu}</domain>`), here);
const named = "<cpu mode='custom' match='exact'><model fallback='forbid'>Skylake-Server</model></cpu>";

async function judge(daemon: FakeDaemon, cpuXml: string, hostCpu = here): Promise<{ compatible: boolean; detail: string }> {
    await using connection = (await findDaemon(fakeAccess({ '/var/run/libvirt/libvirt-sock': daemon }), never)).connection;
    const { compatible, detail, vm, host } = await new CpuJudge(connection, hostCpu).judge({ uuid: 'u', machine: 'q35', cpuXml }, never);
    expect([vm, host]).toEqual(['u', 'kvm-a']);
    return { compatible, detail };
}

describe('libvirt compares the live CPU with what the hypervisor offers', () => {
    test('for the same machine, architecture and kind of virtualisation', async () => {
        const daemon = new FakeDaemon().on(procedures.connectCompareHypervisorCpu, () => ({ result: 2 }));
        expect((await judge(daemon, guest('kvm', named))).compatible).toBe(true);
        expect(daemon.asked.at(-2)).toMatchObject({
            args: { emulator: undefined, arch: 'x86_64', machine: 'q35', virtType: 'kvm', flags: 1 },
        });
    });

    test('and its refusal names what is missing', async () => {
        const daemon = new FakeDaemon().on(procedures.connectCompareHypervisorCpu, () => {
            throw new DaemonRefusal(91, 'the CPU is incompatible with host CPU: missing features: avx512f');
        });
        expect(await judge(daemon, guest('kvm', named))).toMatchObject({
            compatible: false,
            detail: expect.stringContaining('avx512f') as string,
        });
    });
});

describe('where it cannot compare', () => {
    const cannot = (): FakeDaemon =>
        new FakeDaemon().on(procedures.connectCompareHypervisorCpu, () => {
            throw new DaemonRefusal(84, 'QEMU does not support reporting CPU model for virttype qemu');
        });
    const offering = (models: string): FakeDaemon =>
        cannot().on(procedures.connectGetDomainCapabilities, () => ({
            xml: `<domainCapabilities><cpu><mode name='host-model'/><mode name='custom' supported='yes'>${models}</mode></cpu></domainCapabilities>`,
        }));

    test('the model decides, and the verdict says so', async () => {
        const found = await judge(offering("<model usable='yes'>Skylake-Server</model>"), guest('qemu', named));
        expect(found).toMatchObject({ compatible: true, detail: expect.stringContaining('by model alone') as string });
    });

    test('a model that is absent or not usable is refused', async () => {
        expect((await judge(offering("<model usable='no'>Skylake-Server</model>"), guest('qemu', named))).compatible).toBe(false);
        expect((await judge(offering("<model usable='yes'>qemu64</model>"), guest('qemu', named))).compatible).toBe(false);
    });
});

describe('a CPU passed through from the host', () => {
    const passthrough = guest('kvm', "<cpu mode='host-passthrough' check='none'/>");

    test('needs the same CPU, microcode and kernel', async () => {
        expect((await judge(new FakeDaemon(), passthrough)).compatible).toBe(true);
        expect(await judge(new FakeDaemon(), passthrough, { ...here, microcode: '0x2' })).toEqual({
            compatible: false,
            detail: 'host-passthrough needs the same host CPU: microcode 0x1 there, 0x2 here',
        });
    });

    test('is not trusted where a host does not say what it has', async () => {
        const unknown = describeCpu(readDomain("<domain type='kvm'><os><type>hvm</type></os><cpu mode='host-passthrough'/></domain>"), {
            ...here,
            microcode: '',
        });
        expect((await judge(new FakeDaemon(), unknown, { ...here, microcode: '' })).compatible).toBe(false);
    });
});

test('the same CPU is asked about once, however many VMs have it', async () => {
    const daemon = new FakeDaemon().on(procedures.connectCompareHypervisorCpu, () => ({ result: 1 }));
    await using connection = (await findDaemon(fakeAccess({ '/var/run/libvirt/libvirt-sock': daemon }), never)).connection;
    const judge = new CpuJudge(connection, here);
    const cpuXml = guest('kvm', named);
    await Promise.all(['u', 'v', 'w'].map((uuid) => judge.judge({ uuid, machine: 'q35', cpuXml }, never)));
    expect(daemon.names().filter((name) => name === 'connectCompareHypervisorCPU')).toHaveLength(1);
});
