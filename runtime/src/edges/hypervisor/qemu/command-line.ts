/** A QEMU's command line, and what it tells of its VM. Pure. */
import { type Bytes, bytes, gibibyte, kibibyte, mebibyte } from '@mig/language';

/** One option with its value, as written; a value without an option is a disk. */
export interface Option {
    /** Without its dashes; '' for a disk that stands alone. */
    readonly name: string;
    readonly value: string | undefined;
}

/** Options that take no value (QEMU: qemu-options.hx). All others take one. */
const flags: ReadonlySet<string> = new Set(
    (
        'h help version S daemonize enable-kvm no-acpi no-hpet nodefaults no-user-config nographic no-reboot no-shutdown snapshot ' +
        'win2k-hack no-fd-bootchk only-migratable mem-prealloc old-param semihosting full-screen no-quit usb preconfig alt-grab ' +
        'ctrl-grab no-frame sdl curses s singlestep audio-help portrait enable-fips xen-attach xen-domid-restrict rtc-td-hack tdf'
    ).split(' '),
);

/** Without the program itself. */
export function optionsOf(argv: readonly string[]): readonly Option[] {
    const found: Option[] = [];
    for (let at = 1; at < argv.length; at += 1) {
        const word = argv[at] ?? '';
        const name = /^--?(?=.)/.test(word) ? word.replace(/^--?/, '') : '';
        if (name === '') found.push({ name, value: word });
        else if (flags.has(name)) found.push({ name, value: undefined });
        else found.push({ name, value: argv[++at] });
    }
    return found;
}

/** `key=value,key=value`, where `,,` is a comma; a first value without a key has the key that the option implies. */
export function keyValues(text: string, implied: string): ReadonlyMap<string, string> {
    if (text.trimStart().startsWith('{')) return fromJson(text);
    const parts = (text.match(/(?:[^,]|,,)+/g) ?? []).map((part) => part.replaceAll(',,', ','));
    return new Map(
        parts.map((part, i): [string, string] => {
            const at = part.indexOf('=');
            if (at < 0) return i === 0 ? [implied, part] : [part, 'on'];
            return [part.slice(0, at), part.slice(at + 1)];
        }),
    );
}

function fromJson(text: string): ReadonlyMap<string, string> {
    try {
        const value = JSON.parse(text) as Readonly<Record<string, unknown>>;
        return new Map(Object.entries(value).map(([key, one]) => [key, typeof one === 'string' ? one : JSON.stringify(one)]));
    } catch {
        return new Map();
    }
}

export interface VmIdentity {
    readonly name: string | undefined;
    /** In lower case. */
    readonly uuid: string | undefined;
    readonly memory: Bytes | undefined;
    /** Paths of QMP sockets that it listens at, as written. */
    readonly sockets: readonly string[];
    /** Why a QMP monitor of it is no socket that we could use. */
    readonly otherMonitors: readonly string[];
    readonly isLibvirts: boolean;
}

export function identityOf(argv: readonly string[]): VmIdentity {
    const options = optionsOf(argv);
    const last = (name: string): string | undefined => options.findLast((one) => one.name === name)?.value;
    const name = last('name');
    const memory = last('m');
    const monitors = options.flatMap((one) => monitorOf(one, options));
    return {
        name: name === undefined ? undefined : keyValues(name, 'guest').get('guest'),
        uuid: last('uuid')?.toLowerCase(),
        memory: memory === undefined ? undefined : memorySize(keyValues(memory, 'size').get('size') ?? ''),
        sockets: monitors.flatMap((one) => ('socket' in one ? [one.socket] : [])),
        otherMonitors: monitors.flatMap((one) => ('why' in one ? [one.why] : [])),
        isLibvirts: options.some((one) => one.name === 'mon' && one.value?.includes('charmonitor') === true),
    };
}

export type SocketOption = { readonly socket: string } | { readonly why: string };

/** A QMP monitor that an option makes. */
function monitorOf({ name, value = '' }: Option, options: readonly Option[]): readonly SocketOption[] {
    if (name === 'qmp' || name === 'qmp-pretty')
        return [value.startsWith('chardev:') ? chardevSocket(value.slice('chardev:'.length), options) : listener(value)];
    if (name !== 'mon') return [];
    const mon = keyValues(value, 'chardev');
    return mon.get('mode') === 'control' ? [chardevSocket(mon.get('chardev') ?? '', options)] : [];
}

/** The socket of a character device. */
export function chardevSocket(id: string, options: readonly Option[]): SocketOption {
    for (const { name, value = '' } of options) {
        if (name !== 'chardev') continue;
        const given = keyValues(value, 'backend');
        if (given.get('id') === id)
            return given.get('backend') === 'socket' ? unixSocket(given.get('path'), given) : { why: `-chardev ${value} is no socket` };
    }
    return { why: `there is no -chardev ${id}` };
}

function listener(value: string): SocketOption {
    const given = keyValues(value, 'address');
    const address = given.get('address') ?? '';
    return address.startsWith('unix:') ? unixSocket(address.slice('unix:'.length), given) : { why: `-qmp ${value} is no unix socket` };
}

/** One at which it listens, of an option that names its path. */
export function unixSocket(path: string | undefined, given: ReadonlyMap<string, string>): SocketOption {
    if (path === undefined) return { why: 'its socket was handed to it, or is no unix socket' };
    const server = given.get('server');
    return server === 'on' || server === 'yes'
        ? { socket: path }
        : { why: `${path} is one that QEMU connects to, not one where it listens` };
}

const memoryUnits: Readonly<Record<string, number>> = { '': mebibyte, B: 1, K: kibibyte, M: mebibyte, G: gibibyte, T: 1024 * gibibyte };

/** As `-m` has it: MiB, unless a unit is said. */
function memorySize(text: string): Bytes | undefined {
    const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([bkmgt]?)$/i.exec(text) ?? [];
    return number === undefined ? undefined : bytes(Math.round(Number(number) * (memoryUnits[unit.toUpperCase()] ?? mebibyte)));
}

/** Where a VM's QMP socket is: a path with {name} or {uuid} in it, or a directory, in which it is `{name}.qmp`. */
export function socketBy(pattern: string, vm: { readonly name: string; readonly uuid: string }): string {
    const path = /\{(name|uuid)\}/.test(pattern) ? pattern : `${pattern.replace(/\/$/, '')}/{name}.qmp`;
    return path.replaceAll('{name}', vm.name).replaceAll('{uuid}', vm.uuid);
}

/** What on a command line stands against starting the same machine elsewhere, each with its cure. */
export function commandLineBlockers(argv: readonly string[]): readonly { readonly reason: string; readonly cure: string }[] {
    const options = optionsOf(argv);
    const handed = options.find(
        ({ name, value = '' }) =>
            name === 'add-fd' || (['netdev', 'nic', 'chardev', 'device'].includes(name) && /(^|,)(vhost)?fds?=\d/.test(value)),
    );
    return [
        ...(options.some(({ name }) => name === 'snapshot')
            ? [{ reason: 'its writes go to temporary files (-snapshot)', cure: 'start it without -snapshot' }]
            : []),
        ...(handed
            ? [
                  {
                      reason: `it was handed open files when it was started (-${handed.name} ${handed.value ?? ''}), which no command line can open elsewhere`,
                      cure: 'start it with paths or names (ifname=, br=, path=) in their place',
                  },
              ]
            : []),
    ];
}

/** Devices of the host that its command line passes through, in words. */
export function passedThrough(argv: readonly string[]): readonly string[] {
    return optionsOf(argv).flatMap(({ name, value = '' }) => {
        if (name !== 'device') return [];
        const device = keyValues(value, 'driver');
        const driver = device.get('driver') ?? '';
        if (/^(vfio-|usb-host$|scsi-block$|scsi-generic$)/.test(driver))
            return [[driver, device.get('host') ?? device.get('sysfsdev') ?? device.get('hostbus') ?? ''].join(' ').trim()];
        return [];
    });
}

/** Bridges and interfaces of its host that its network cards are attached to. */
export function attachments(argv: readonly string[]): { readonly bridges: readonly string[]; readonly interfaces: readonly string[] } {
    const cards = optionsOf(argv).flatMap(({ name, value = '' }) =>
        name === 'netdev' || name === 'nic' ? [keyValues(value, 'type')] : [],
    );
    const bridged = cards.filter((card) => card.get('type') === 'bridge' || (card.get('type') === 'tap' && card.has('br')));
    return {
        bridges: [...new Set(bridged.map((card) => card.get('br') ?? 'br0'))],
        interfaces: cards.flatMap((card) => (card.get('type') === 'tap' && card.has('ifname') ? [card.get('ifname') ?? ''] : [])),
    };
}

/** Ids of the devices that it was started with. */
export function deviceIds(argv: readonly string[]): readonly string[] {
    return optionsOf(argv).flatMap(({ name, value = '' }) => {
        const id = name === 'device' ? keyValues(value, 'driver').get('id') : undefined;
        return id === undefined ? [] : [id];
    });
}

/** The CPU and accelerator that it was started with. */
export function processorOf(argv: readonly string[]): { readonly cpu: string | undefined; readonly accelerator: string } {
    const options = optionsOf(argv);
    const named = options.find(({ name }) => name === 'accel')?.value?.split(',')[0];
    const byMachine = options
        .filter(({ name }) => name === 'machine' || name === 'M')
        .flatMap(({ value = '' }) => keyValues(value, 'type').get('accel') ?? [])[0];
    const kvm = options.some(({ name }) => name === 'enable-kvm') ? 'kvm' : undefined;
    return { cpu: options.findLast(({ name }) => name === 'cpu')?.value, accelerator: named ?? byMachine ?? kvm ?? 'tcg' };
}
