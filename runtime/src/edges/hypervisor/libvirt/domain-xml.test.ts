import { describe, expect, test } from 'vitest';
import { readDomain } from './domain-xml.js';

const domain = (inside: string, devices = ''): string => `<domain type='kvm'>
  <name>web</name>
  <memory unit='KiB'>2097152</memory>
  <currentMemory unit='MiB'>1024</currentMemory>
  <vcpu placement='static' current='2'>4</vcpu>
  <os><type arch='x86_64' machine='pc-q35-8.2'>hvm</type></os>
  ${inside}
  <devices>${devices}</devices>
</domain>`;

test('size, CPUs and machine are read in the units that stand there', () => {
    expect(readDomain(domain(''))).toMatchObject({
        virtType: 'kvm',
        arch: 'x86_64',
        machine: 'pc-q35-8.2',
        memoryKib: 1024 ** 2,
        maxMemoryKib: 2 * 1024 ** 2,
        vcpus: 2,
        cpu: undefined,
    });
});

test('a hard limit of memory is read, and one that limits nothing is none', () => {
    const limit = (text: string): number | undefined => readDomain(domain(`<memtune>${text}</memtune>`)).memoryHardLimitKib;
    expect(limit("<hard_limit unit='GiB'>4</hard_limit>")).toBe(4 * 1024 ** 2);
    expect(limit("<hard_limit unit='KiB'>9007199254740991</hard_limit>")).toBeUndefined();
    expect(limit("<soft_limit unit='KiB'>1024</soft_limit>")).toBeUndefined();
});

test('huge pages are read with their size, where there is one', () => {
    const pages = (inside: string) => readDomain(domain(`<memoryBacking>${inside}</memoryBacking>`)).hugepages;
    expect(pages("<hugepages><page size='1' unit='GiB' nodeset='0'/><page size='1048576' unit='KiB' nodeset='1'/></hugepages>")).toEqual({
        pageKib: 1024 ** 2,
    });
    expect(pages("<hugepages><page size='2' unit='M'/><page size='1' unit='G'/></hugepages>")).toEqual({ pageKib: undefined });
    expect(pages('<hugepages/>')).toEqual({ pageKib: undefined });
    expect(pages('<locked/>')).toBeUndefined();
});

test('a dirty ring is one of KVM, and switched on', () => {
    const ring = (text: string) => readDomain(domain(`<features>${text}</features>`)).dirtyRing;
    expect(ring("<acpi/><kvm><dirty-ring state='on' size='4096'/></kvm>")).toBe(true);
    expect(ring("<kvm><dirty-ring state='off'/></kvm>")).toBe(false);
    expect(ring("<kvm><hidden state='on'/></kvm>")).toBe(false);
    expect(readDomain(domain("<features><kvm><dirty-ring state='on'/></kvm></features>").replace("'kvm'", "'qemu'")).dirtyRing).toBe(false);
});

test('tags and the mark of a run are read from their own namespaces alone', () => {
    const metadata = `<metadata>
      <mig:tags xmlns:mig="urn:mig:tags:1"><mig:tag name="app" value="web"/><mig:tag name="pinned"/></mig:tags>
      <other:tags xmlns:other="urn:other"><other:tag name="not" value="ours"/></other:tags>
      <mig:mover xmlns:mig="urn:mig:mover:1" run="r &amp; d" epoch="3"/>
    </metadata>`;
    expect(readDomain(domain(metadata))).toMatchObject({ tags: { app: 'web', pinned: '' }, mover: { run: 'r & d', epoch: 3 } });
    expect(readDomain(domain(''))).toMatchObject({ tags: {}, mover: undefined });
});

test('disks are told by where they stand', () => {
    const disks = `
      <disk type='file' device='disk'><source file='/images/a.qcow2'/><target dev='vda'/></disk>
      <disk type='block' device='disk'><source dev='/dev/sdb'/><target dev='vdb'/></disk>
      <disk type='network' device='disk'><source protocol='rbd' name='pool/image'/><target dev='vdc'/></disk>
      <disk type='volume' device='disk'><source pool='p' volume='v'/><target dev='vdd'/><readonly/></disk>
      <disk type='file' device='cdrom'><target dev='sda'/></disk>`;
    expect(readDomain(domain('', disks)).disks).toEqual([
        { target: 'vda', path: '/images/a.qcow2', kind: 'file', readOnly: false },
        { target: 'vdb', path: '/dev/sdb', kind: 'block', readOnly: false },
        { target: 'vdc', path: 'pool/image', kind: 'network', readOnly: false },
        { target: 'vdd', path: 'v', kind: 'volume', readOnly: true },
        { target: 'sda', path: undefined, kind: 'file', readOnly: true },
    ]);
});

test('networks are named once, by what the destination must have', () => {
    const interfaces = `<interface type='bridge'><source bridge='br0'/></interface><interface type='bridge'><source bridge='br0'/></interface>
      <interface type='network'><source network='default' bridge='virbr0'/></interface><interface type='user'/>`;
    expect(readDomain(domain('', interfaces)).networks).toEqual(['br0', 'virbr0']);
});

test('devices of the host are named in words', () => {
    const devices = `<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x06' slot='0x00' function='0x0'/></source></hostdev>
      <hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>
      <interface type='hostdev'><mac address='52:54:00:00:00:01'/></interface>`;
    expect(readDomain(domain('', devices)).passthrough).toEqual([
        'pci device 0x0000 0x06 0x00 0x0',
        'usb device 0x1234:0xbeef',
        'network function 52:54:00:00:00:01',
    ]);
});

describe('what stands against a move is named with its cure', () => {
    const reasons = (inside: string, devices = ''): readonly string[] => readDomain(domain(inside, devices)).blockers.map((b) => b.reason);
    const invtsc = "<cpu mode='custom'><model>EPYC</model><feature policy='require' name='invtsc'/></cpu>";

    test.each([
        ['shared memory', '', "<shmem name='s'><model type='ivshmem-plain'/></shmem>", 'ivshmem'],
        ['9p', '', "<filesystem type='mount'><source dir='/x'/></filesystem>", '9p'],
        ['virtiofs', '', "<filesystem type='mount'><driver type='virtiofs'/></filesystem>", 'virtiofs'],
        ['an invariant clock', invtsc, '', 'invtsc'],
        ['encrypted memory', "<launchSecurity type='sev'/>", '', 'encrypted'],
        ['a disk that is being copied', '', "<disk type='file'><mirror type='file'/></disk>", 'block job'],
        ["the host's TPM", '', "<tpm><backend type='passthrough'/></tpm>", 'TPM'],
    ])('%s', (_name, inside, devices, word) => {
        const found = reasons(inside, devices);
        expect(found).toHaveLength(1);
        expect(found[0]).toContain(word);
    });

    test('and what does not is not', () => {
        const frequency = "<clock offset='utc'><timer name='tsc' frequency='2400000000'/></clock>";
        expect(reasons(`${invtsc}${frequency}`, "<shmem name='s' role='master'/><tpm><backend type='emulator'/></tpm>")).toEqual([]);
    });
});
