/**
 * The shape of an inventory file. The published JSON schema (docs/inventory.schema.json) is made from it, with the
 * descriptions below as its documentation.
 */
import { bytes, bytesPerSecond, type Dimension, parseQuantity } from '@mig/language';
import * as z from 'zod';

/** A quantity with its unit, such as `1 Gbit/s`; becomes a number in the base unit. */
const quantity = (dimension: Dimension, example: string) =>
    z
        .string({ error: `write a ${dimension} with its unit, such as ${example}` })
        .meta({ description: `A ${dimension}, such as ${example}`, examples: [example] })
        .transform((text, context) => {
            const read = parseQuantity(text);
            if (!read.ok) {
                context.addIssue({ code: 'custom', message: read.problem });
                return z.NEVER;
            }
            if (read.dimension !== dimension) {
                context.addIssue({
                    code: 'custom',
                    message: `'${text}' is a ${read.dimension}, and a ${dimension} such as ${example} is meant`,
                });
                return z.NEVER;
            }
            return read.value;
        });

const size = (example: string) => quantity('size', example).transform((n) => bytes(n));
const rate = (example: string) =>
    quantity('rate', example)
        .refine((n) => n > 0, 'a rate of 0 carries nothing: leave the key out where the capacity is not known')
        .transform((n) => bytesPerSecond(n));

const name = z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'a name starts with a letter or digit and has only letters, digits, . _ and -');

const tags = z
    .union([
        z.array(z.string().regex(/^[^=\s]+(=.*)?$/, 'a tag is written name or name=value')).transform((list) =>
            Object.fromEntries(
                list.map((tag) => {
                    const at = tag.indexOf('=');
                    return at < 0 ? [tag, ''] : [tag.slice(0, at), tag.slice(at + 1)];
                }),
            ),
        ),
        z
            .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
            .transform((map) => Object.fromEntries(Object.entries(map).map(([tag, value]) => [tag, value === null ? '' : String(value)]))),
    ])
    .meta({ description: 'Tags: a list of name or name=value, or a map' });

/** `[user@]address[:port]`; an IPv6 address stands in brackets. */
const written = /^(?:([^@\s]+)@)?(\[[0-9A-Fa-f:.%\w]+\]|[^@\s:[\]]+)(?::(\d+))?$/;

const peerText = z
    .string()
    .regex(written, 'write [user@]address[:port], an IPv6 address in brackets')
    .transform((text) => {
        const [, user, address = text, port] = written.exec(text) ?? [];
        return { user, address: address.replace(/^\[|\]$/g, ''), port: port === undefined ? undefined : Number(port) };
    });

const peer = z.strictObject({
    address: z.string().min(1).meta({ description: 'Address, or an alias from ~/.ssh/config' }),
    user: z.string().optional(),
    port: z.int().min(1).max(65_535).optional(),
    identity_file: z.string().optional().meta({ description: 'Private key; ~ is the home directory' }),
    known_hosts: z.string().optional().meta({ description: 'File with the host keys, instead of ~/.ssh/known_hosts' }),
});

const hop = z.union([peerText, peer]);

const jump = z
    .union([hop.transform((one) => (one.address === 'none' ? [] : [one])), z.array(hop)])
    .optional()
    .meta({
        description:
            'Hosts to pass through, nearest first, each as under ssh; none: straight there, whatever ~/.ssh/config says. ' +
            'Left out: as ProxyJump in ~/.ssh/config says',
    });

const sshParts = peer.extend({ jump });

const ssh = z.union([peerText, sshParts]).meta({ description: 'How to reach the host: [user@]address[:port], or the parts by name' });

const link = z.strictObject({
    network: name,
    capacity: rate('10 Gbit/s').optional().meta({ description: 'In each direction' }),
});

const simulatedDisk = z.strictObject({
    target: z.string().min(1).meta({ description: 'As the guest has it, such as vda' }),
    size: size('20 GiB'),
    used: size('8 GiB').optional().meta({ description: 'What is written of it; all of it unless said' }),
    shared: z.boolean().default(false).meta({ description: 'On storage that every host sees' }),
});

const simulatedVm = z.strictObject({
    name,
    memory: size('4 GiB'),
    vcpus: z.int().positive().default(1),
    dirty_rate: quantity('rate', '10 MiB/s')
        .transform((n) => bytesPerSecond(n))
        .default(bytesPerSecond(0)),
    hot_set: size('256 MiB').default(bytes(0)).meta({ description: 'Memory that is written again and again' }),
    zero_share: quantity('ratio', '50%').default(0).meta({ description: 'Share of its memory that is zero' }),
    tags: tags.default({}),
    persistent: z.boolean().default(true),
    autostart: z.boolean().default(false),
    disks: z.array(simulatedDisk).optional().meta({ description: 'Its disks; none unless said' }),
});

const hugepages = z.strictObject({
    page: size('2 MiB').meta({ description: 'Size of one page' }),
    memory: size('16 GiB').meta({ description: 'All pages of this size together, in use or not' }),
});

const numaNode = z.strictObject({
    memory: size('64 GiB').meta({ description: 'Memory of the node, its huge pages included' }),
    hugepages: z.array(hugepages).default([]),
});

/** Text: as a number, 9.10 would be 9.1. */
const version = z
    .string({ error: 'write a version as text: 10.1.0, or "10.1" in quotes' })
    .regex(/^\d+(?:\.\d+)*/, 'a version begins with numbers, such as 9.0.0');

const host = z.strictObject({
    driver: z.enum(['libvirt', 'qemu', 'simulated']).default('libvirt'),
    ssh: ssh.optional(),
    local: z.boolean().optional().meta({ description: 'This machine: reached through its local sockets, without SSH' }),
    zone: z.string().optional(),
    rack: z.string().optional(),
    tags: tags.default({}),
    maintenance: z.boolean().default(false).meta({ description: 'To be emptied, and no destination' }),
    monitor: z.enum(['allow', 'deny']).default('allow').meta({ description: 'Whether calls that taint a domain may be used' }),
    qmp: z
        .string()
        .regex(/^\/[^{}]*(\{(name|uuid)\}[^{}]*)*$/, 'write an absolute path; in it only {name} and {uuid} stand for parts of a VM')
        .optional()
        .meta({
            description:
                'Driver qemu: where the QMP sockets of its VMs are, a path with {name} or {uuid} in it, or a directory, in which each is ' +
                '{name}.qmp. Left out: where their command lines say, else /run/qemu',
            examples: ['/run/qemu/{name}.qmp'],
        }),
    migration: z
        .strictObject({
            network: name,
            address: z.string().min(1).meta({ description: 'What other hosts connect to; never a loopback address' }),
            listen: z.string().optional().meta({ description: 'What the destination binds; the address itself unless said' }),
        })
        .optional()
        .meta({ description: 'Where this host listens for migrations' }),
    links: z.array(link).default([]),
    versions: z
        .strictObject({ libvirt: version.optional(), qemu: version.optional() })
        .optional()
        .meta({ description: 'What runs on the host, for checks without a look at it; what is seen there counts before it' }),
    devices: z
        .array(z.string().min(1))
        .optional()
        .meta({ description: 'Devices that VMs can be given here, by names of your own: what `to hosts with device "…"` asks for' }),
    profiles: z
        .array(z.string().min(1))
        .optional()
        .meta({ description: 'Profiles that the host serves, by names of your own: what `to hosts with profile "…"` asks for' }),
    numa: z
        .array(numaNode)
        .min(1, 'write an entry for each NUMA node, or leave the key out')
        .optional()
        .meta({ description: 'Memory by NUMA node, one entry each; a host without NUMA has one. What is seen counts before it' }),
    lock_manager: z.enum(['none', 'lockd', 'sanlock']).optional().meta({
        description: "`lock_manager` of libvirt's qemu.conf: what keeps two VMs from writing to one disk. What is seen counts before it",
    }),
    tls: z
        .boolean()
        .optional()
        .meta({ description: 'Whether the certificates for encrypted migrations are in place. What is seen counts before it' }),
    tls_directory: z
        .string()
        .startsWith('/', 'write an absolute path')
        .optional()
        .meta({
            description:
                'Driver qemu: directory of the certificates for encrypted migrations (ca-cert.pem, server-cert.pem, server-key.pem, ' +
                'client-cert.pem, client-key.pem). Left out: /etc/pki/qemu. With driver libvirt qemu.conf says it',
            examples: ['/etc/pki/qemu'],
        }),
    node: z
        .union([version, z.literal('none')], { error: 'write the version of Node.js as text, such as 22.11.0, or none' })
        .optional()
        .meta({ description: 'Version of Node.js, by which a relay runs, or none. What is seen counts before it' }),
    memlock: z
        .union([z.literal('unlimited'), size('64 GiB')])
        .optional()
        .meta({ description: 'Most memory that a QEMU may lock, or unlimited. What is seen counts before it' }),
    simulated: z
        .strictObject({ memory: size('64 GiB'), cpus: z.int().positive(), vms: z.array(simulatedVm).default([]) })
        .optional()
        .meta({ description: 'What a host with driver simulated has' }),
});

export const inventorySchema = z
    .strictObject({
        time_zone: z.string().optional().meta({ description: 'IANA name; the time zone of schedules and windows that name none' }),
        networks: z
            .array(
                z.strictObject({
                    name,
                    capacity: rate('10 Gbit/s').optional().meta({ description: "Of each host's link, where the host says nothing" }),
                }),
            )
            .default([]),
        hosts: z.record(z.string(), host).meta({ description: 'Hosts by name' }),
        probes: z
            .record(
                z.string(),
                z.strictObject({
                    ssh: ssh.optional(),
                    local: z.boolean().optional().meta({ description: 'This machine, without SSH' }),
                }),
            )
            .optional()
            .meta({
                description: 'Machines beside the hosts, by name: `verify … from "name"` looks from there, and hooks may run there',
            }),
        shared_storage: z
            .array(z.string().startsWith('/', 'write an absolute path'))
            .default([])
            .meta({ description: 'Directories that every host sees with the same content: disks in them need not be copied' }),
        vm_tags: z.record(z.string(), tags).default({}).meta({ description: 'Tags of VMs that have none in their metadata, by VM name' }),
    })
    .meta({ title: 'Inventory of hosts for live migration' });

export type InventoryFile = z.output<typeof inventorySchema>;

/** Keys that are allowed at each place, for did-you-mean. */
export const keysAt = (path: readonly PropertyKey[]): readonly string[] => {
    const last = path.filter((p) => typeof p === 'string');
    if (path.length === 0) return Object.keys(inventorySchema.shape);
    if (path[0] === 'networks') return ['name', 'capacity'];
    if (path[0] === 'probes') return last[2] === 'ssh' ? sshKeys(last[3]) : ['ssh', 'local'];
    if (path[0] !== 'hosts') return [];
    switch (last[2]) {
        case undefined:
            return Object.keys(host.shape);
        case 'ssh':
            return sshKeys(last[3]);
        case 'migration':
            return ['network', 'address', 'listen'];
        case 'versions':
            return ['libvirt', 'qemu'];
        case 'numa':
            return Object.keys(last[3] === 'hugepages' ? hugepages.shape : numaNode.shape);
        case 'links':
            return Object.keys(link.shape);
        case 'simulated':
            if (last[4] === 'disks') return Object.keys(simulatedDisk.shape);
            return last[3] === 'vms' ? Object.keys(simulatedVm.shape) : ['memory', 'cpus', 'vms'];
        default:
            return [];
    }
};

const sshKeys = (below: string | undefined): readonly string[] => Object.keys(below === 'jump' ? peer.shape : sshParts.shape);
