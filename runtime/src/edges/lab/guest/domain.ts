/** A lab guest as libvirt's domain XML. Pure. */
import { createHash } from 'node:crypto';
import { mebibyte } from '@mig/language';
import { LabError } from '../errors.js';
import { uuidFrom } from '../spec.js';
import { memoryBase, pageSize, type GuestContent } from './content.js';

export interface GuestSpec {
    readonly name: string;
    readonly memoryMiB: number;
    /** Share of the memory that holds pseudo-random content; the rest is zero. */
    readonly randomShare?: number;
    readonly dirtyPagesPerSecond?: number;
    /** The memory that is written to, again and again. */
    readonly hotSetMiB?: number;
    /** Guests with the same seed hold the same content; by default every name has its own. */
    readonly contentSeed?: number;
    /** In the domain's metadata, as policies see them; a tag without a value has the value ''. */
    readonly tags?: Readonly<Record<string, string>>;
    /** Defined on its host, rather than gone when it ends. */
    readonly persistent?: boolean;
    /** Started with its host; persistent guests only. */
    readonly autostart?: boolean;
    /** A machine type that every release of the lab's hosts knows. */
    readonly machine?: string;
}

/** A guest with everything filled in and checked. */
export interface PlannedGuest extends GuestContent {
    readonly name: string;
    readonly uuid: string;
    readonly memoryMiB: number;
    readonly pagesPerSecond: number;
    readonly tags: Readonly<Record<string, string>>;
    readonly persistent: boolean;
    readonly autostart: boolean;
    readonly machine: string;
}

/** A PC has room for memory below its devices; the guest uses no more. */
const mostMiB = 3072;
const leastMiB = 8;
/** Known to QEMU 7.2 and to every later one so far, so guests move between releases both ways. */
const commonMachine = 'pc-i440fx-7.2';

/** @throws LabError `lab-bad-options` */
export function planGuest(spec: GuestSpec, mark: string): PlannedGuest {
    const { name, memoryMiB, randomShare = 0.5, dirtyPagesPerSecond = 0, hotSetMiB = Math.min(16, memoryMiB / 4) } = spec;
    const check = (holds: boolean, problem: string): void => {
        if (!holds)
            throw new LabError('lab-bad-options', `guest ${name}: ${problem}`, { hint: 'see GuestSpec for what each option means' });
    };
    check(/^[A-Za-z0-9][A-Za-z0-9._-]{0,40}$/.test(name), 'a name is letters, digits, dots, hyphens and underscores');
    check(Number.isInteger(memoryMiB) && memoryMiB >= leastMiB && memoryMiB <= mostMiB, `memory must be ${leastMiB} to ${mostMiB} MiB`);
    check(randomShare >= 0 && randomShare <= 1, 'the random share must lie between 0 and 1');
    check(dirtyPagesPerSecond >= 0 && dirtyPagesPerSecond <= 1_000_000, 'the dirty rate must lie between 0 and 1,000,000 pages/s');
    const pages = Math.floor((memoryMiB * mebibyte - memoryBase) / pageSize);
    const hotPages = Math.floor((hotSetMiB * mebibyte) / pageSize);
    check(hotPages >= 1 && hotPages <= pages, `the hot set must be at least a page and fit into the memory`);
    const persistent = spec.persistent ?? true;
    check(persistent || spec.autostart !== true, 'only a persistent guest can start with its host');
    return {
        name,
        uuid: uuidFrom(digest(`${mark}/${name}`)),
        memoryMiB,
        seed: spec.contentSeed ?? Number.parseInt(digest(name).slice(0, 8), 16),
        filledPages: Math.min(pages, Math.round((memoryMiB * mebibyte * randomShare) / pageSize)),
        hotPages,
        pagesPerSecond: Math.round(dirtyPagesPerSecond),
        tags: spec.tags ?? {},
        persistent,
        autostart: spec.autostart ?? false,
        machine: spec.machine ?? commonMachine,
    };
}

/** Where a guest's serial port is, inside its host. */
export const serialPath = (name: string): string => `/run/guest-${name}.serial`;

export function domainXml(guest: PlannedGuest, romPath: string): string {
    return `<domain type='qemu'>
  <name>${escape(guest.name)}</name>
  <uuid>${guest.uuid}</uuid>
${tagsXml(guest.tags)}
  <memory unit='MiB'>${guest.memoryMiB}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='${escape(guest.machine)}'>hvm</type>
    <loader readonly='yes' type='rom'>${escape(romPath)}</loader>
  </os>
  <features><acpi/><apic/></features>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <serial type='unix'><source mode='bind' path='${escape(serialPath(guest.name))}'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
`;
}

/** Tags in a domain's metadata, as policies see them. */
export function tagsXml(tags: Readonly<Record<string, string>>): string {
    const each = Object.entries(tags).map(([name, value]) => {
        const attribute = value === '' ? '' : ` value="${escape(value)}"`;
        return `      <mig:tag name="${escape(name)}"${attribute}/>`;
    });
    return `  <metadata>
    <mig:tags xmlns:mig="urn:mig:tags:1">
${each.join('\n')}
    </mig:tags>
  </metadata>`;
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

export function escape(text: string): string {
    return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;').replaceAll("'", '&apos;');
}
