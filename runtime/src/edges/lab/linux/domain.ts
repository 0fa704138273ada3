/** A Linux guest of the lab as libvirt's domain XML. Pure. */
import { createHash } from 'node:crypto';
import { LabError } from '../errors.js';
import { escape, tagsXml } from '../guest/domain.js';
import { agentChannel } from './init.js';
import { guestBridge, guestNetworkPrefix, uuidFrom } from '../spec.js';

export interface LinuxGuestSpec {
    readonly name: string;
    /** 96 or more. */
    readonly memoryMiB: number;
    /** Of the memory: filled with random content. */
    readonly fillMiB?: number;
    /** The last number of its address in the guests' network, 100 to 250; one that is free unless said. */
    readonly number?: number;
    /** In the domain's metadata; `address` is added. */
    readonly tags?: Readonly<Record<string, string>>;
}

export interface PlannedLinuxGuest extends Required<LinuxGuestSpec> {
    readonly uuid: string;
    readonly address: string;
    readonly mac: string;
}

/** The kernel unpacks itself and its first file system into less than this. */
const leastMiB = 96;
/** The kernel and what runs in the guest need this beside what it is filled with. */
const ownMiB = 80;
export const guestNumbers = { least: 100, most: 250 };

/** @throws LabError `lab-bad-options` */
export function planLinuxGuest(spec: LinuxGuestSpec & { readonly number: number }, mark: string): PlannedLinuxGuest {
    const { name, memoryMiB, fillMiB = 0, number } = spec;
    const check = (holds: boolean, problem: string): void => {
        if (!holds)
            throw new LabError('lab-bad-options', `guest ${name}: ${problem}`, {
                hint: '`mig-run lab guest --help` says what each option means',
            });
    };
    check(/^[A-Za-z0-9][A-Za-z0-9._-]{0,40}$/.test(name), 'a name is letters, digits, dots, hyphens and underscores');
    check(Number.isInteger(memoryMiB) && memoryMiB >= leastMiB, `memory must be at least ${leastMiB} MiB`);
    check(Number.isInteger(fillMiB) && fillMiB >= 0 && fillMiB <= memoryMiB - ownMiB, `it can fill 0 to ${memoryMiB - ownMiB} MiB`);
    check(
        Number.isInteger(number) && number >= guestNumbers.least && number <= guestNumbers.most,
        `its number must be ${guestNumbers.least} to ${guestNumbers.most}`,
    );
    const address = `${guestNetworkPrefix}.${number}`;
    return {
        ...spec,
        fillMiB,
        address,
        tags: { ...spec.tags, address },
        uuid: uuidFrom(createHash('sha256').update(`${mark}/${name}`).digest('hex')),
        mac: `52:54:00:66:02:${number.toString(16).padStart(2, '0')}`,
    };
}

/** Where the kernel's messages go, inside its host. */
export const consolePath = (name: string): string => `/var/log/guest-${name}.console`;

/** Without these a guest takes twice as long to come up under emulation. */
const quick = 'mitigations=off nokaslr random.trust_cpu=on tsc=reliable no_timer_check';

/** `files`: where kernel and file system are on each host. */
export function linuxDomainXml(guest: PlannedLinuxGuest, files: { readonly kernel: string; readonly initramfs: string }): string {
    const own = `GUEST_ADDRESS=${guest.address}/24 GUEST_GATEWAY=${guestNetworkPrefix}.1 GUEST_FILL=${guest.fillMiB}`;
    return `<domain type='qemu'>
  <name>${escape(guest.name)}</name>
  <uuid>${guest.uuid}</uuid>
${tagsXml(guest.tags)}
  <memory unit='MiB'>${guest.memoryMiB}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
    <kernel>${escape(files.kernel)}</kernel>
    <initrd>${escape(files.initramfs)}</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 ${quick} ${own}</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <interface type='bridge'>
      <source bridge='${guestBridge}'/>
      <mac address='${guest.mac}'/>
      <model type='virtio'/>
      <rom enabled='no'/>
    </interface>
    <channel type='unix'>
      <target type='virtio' name='${agentChannel}'/>
    </channel>
    <serial type='file'><source path='${escape(consolePath(guest.name))}'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
`;
}
