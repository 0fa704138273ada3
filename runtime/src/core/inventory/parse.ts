import { type Finding, type Fix, formatQuantity, nearest, type SourceRange } from '@mig/language';
import { isMap, LineCounter, parseDocument, type YAMLError } from 'yaml';
import type * as z from 'zod';
import type { Connection, HostProvisions, Inventory, InventoryHost, SimulatedDisk, SshPeer } from '../model/inventory.js';
import { Places } from './places.js';
import { type InventoryFile, inventorySchema, keysAt } from './schema.js';

/** The inventory, or what stands against it; ranges are in the text that was given (source 0). */
export interface ParsedInventory {
    readonly inventory: Inventory | undefined;
    readonly findings: readonly Finding[];
}

/** Reads an inventory. Every problem is reported at once, each at the place where it stands. */
export function parseInventory(text: string, uri: string): ParsedInventory {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const place = new Places(document.contents, lines, text.length);
    const syntax = document.errors.map((error) => yamlFinding(error, place));
    if (syntax.length > 0) return { inventory: undefined, findings: syntax };
    if (document.contents === null || !isMap(document.contents)) {
        const message = `${fileName(uri)} is not an inventory: it should be a map with the key hosts`;
        return { inventory: undefined, findings: [finding('MIG010', message, 'begin with `hosts:` and one entry a host', place.whole())] };
    }
    const read = inventorySchema.safeParse(document.toJS());
    if (!read.success)
        return { inventory: undefined, findings: withoutEchoes(read.error.issues.flatMap((issue) => shapeFindings(issue, place))) };
    const findings = meaningFindings(read.data, place);
    const inventory = findings.some((f) => f.severity === 'error') ? undefined : toInventory(read.data);
    return { inventory, findings };
}

function toInventory(file: InventoryFile): Inventory {
    return {
        kind: 'mig-inventory',
        version: 1,
        timeZone: file.time_zone,
        networks: file.networks.map((n) => ({ name: n.name, capacity: n.capacity })),
        sharedStorage: file.shared_storage,
        vmTags: file.vm_tags,
        ...(file.probes && { probes: Object.entries(file.probes).map(([name, { ssh }]) => ({ name, connection: connectionOf(ssh) })) }),
        hosts: Object.entries(file.hosts).map(([name, host]): InventoryHost => {
            const capacityOf = (network: string) => file.networks.find((n) => n.name === network)?.capacity;
            const links = host.links.map((l) => ({ network: l.network, capacity: l.capacity ?? capacityOf(l.network) }));
            const carrier = host.migration?.network;
            if (carrier !== undefined && !links.some((l) => l.network === carrier))
                links.push({ network: carrier, capacity: capacityOf(carrier) });
            return {
                name,
                driver: host.driver,
                connection: connectionOf(host.ssh),
                zone: host.zone,
                rack: host.rack,
                tags: host.tags,
                maintenance: host.maintenance,
                migration:
                    host.migration === undefined
                        ? undefined
                        : {
                              network: host.migration.network,
                              address: host.migration.address,
                              listen: host.migration.listen ?? host.migration.address,
                          },
                links,
                monitor: host.monitor,
                ...(host.qmp !== undefined && { qmp: host.qmp }),
                ...(host.tls_directory !== undefined && { tlsDirectory: host.tls_directory }),
                ...(host.versions && { versions: { libvirt: host.versions.libvirt, qemu: host.versions.qemu } }),
                ...provisions(host),
                simulated:
                    host.simulated === undefined
                        ? undefined
                        : {
                              memory: host.simulated.memory,
                              cpus: host.simulated.cpus,
                              vms: host.simulated.vms.map((vm) => ({
                                  name: vm.name,
                                  memory: vm.memory,
                                  vcpus: vm.vcpus,
                                  dirtyRate: vm.dirty_rate,
                                  hotSet: vm.hot_set,
                                  zeroShare: vm.zero_share,
                                  tags: vm.tags,
                                  persistent: vm.persistent,
                                  autostart: vm.autostart,
                                  ...(vm.disks && { disks: vm.disks.map(simulatedDisk) }),
                              })),
                          },
            };
        }),
    };
}

const simulatedDisk = ({ target, size, used, shared }: SimulatedDiskFile): SimulatedDisk => ({
    target,
    size,
    ...(used === undefined ? {} : { used }),
    shared,
});
type SimulatedDiskFile = NonNullable<NonNullable<InventoryFile['hosts'][string]['simulated']>['vms'][number]['disks']>[number];

function connectionOf(ssh: InventoryFile['hosts'][string]['ssh']): Connection {
    if (ssh === undefined) return { kind: 'local' };
    const jump = 'jump' in ssh ? ssh.jump : undefined;
    return { kind: 'ssh', ...peerOf(ssh), ...(jump && { jump: jump.map(peerOf) }) };
}

type PeerFile = Exclude<InventoryFile['hosts'][string]['ssh'], undefined>;

function peerOf(peer: PeerFile): SshPeer {
    return {
        address: peer.address,
        user: peer.user,
        port: peer.port,
        identityFile: 'identity_file' in peer ? peer.identity_file : undefined,
        knownHosts: 'known_hosts' in peer ? peer.known_hosts : undefined,
    };
}

function provisions({ devices, profiles, numa, lock_manager, tls, node, memlock }: InventoryFile['hosts'][string]): {
    readonly provides?: HostProvisions;
} {
    const provides: HostProvisions = {
        ...(devices && { devices }),
        ...(profiles && { profiles }),
        ...(numa && {
            numaNodes: numa.map(({ memory, hugepages }) => ({
                memory,
                hugepages: hugepages.map(({ page, memory: all }) => ({ pageSize: page, memory: all })),
            })),
        }),
        ...(lock_manager && { lockManager: lock_manager }),
        ...(tls !== undefined && { tlsCertificates: tls ? 'both' : 'none' }),
        ...(node !== undefined && { node }),
        ...(memlock !== undefined && { lockableMemory: memlock }),
    };
    return Object.keys(provides).length === 0 ? {} : { provides };
}

// ---------------------------------------------------------------- what is wrong

function yamlFinding(error: YAMLError, place: Places): Finding {
    const range = place.span(error.pos[0], error.pos[1]);
    if (error.code === 'DUPLICATE_KEY') {
        const key = place.textAt(range);
        const host = place.isHostKeyAt(error.pos[0]);
        return host
            ? finding('MIG013', `host ${key} is named twice`, 'give each host one entry, with a name of its own', range)
            : finding('MIG013', `the key ${key} is written twice`, 'keep one of them', range);
    }
    return finding(
        'MIG010',
        `this is not YAML: ${lowerFirst(error.message.replace(/ at line \d+, column \d+.*/s, ''))}`,
        'see https://yaml.org for the syntax; indent with spaces',
        range,
    );
}

function shapeFindings(issue: z.core.$ZodIssue, place: Places): Finding[] {
    if (issue.code === 'unrecognized_keys') {
        return issue.keys.map((key) => {
            const range = place.key([...issue.path, key]);
            const near = nearest(key, keysAt(issue.path));
            const fixes: Fix[] = near === undefined ? [] : [{ title: `Change to ${near}`, edits: [{ range, newText: near }] }];
            const hint = near === undefined ? `known here: ${keysAt(issue.path).join(', ')}` : `did you mean ${near}?`;
            return { ...finding('MIG011', `unknown key ${key}${inside(issue.path)}`, hint, range), fixes };
        });
    }
    if (issue.code === 'invalid_union') {
        // The branch that got furthest says what a person meant.
        const deepest = [...issue.errors].sort((a, b) => depth(b) - depth(a))[0];
        if (deepest !== undefined && deepest.length > 0)
            return deepest.flatMap((inner) => shapeFindings({ ...inner, path: [...issue.path, ...inner.path] }, place));
    }
    const missing = issue.code === 'invalid_type' && issue.input === undefined && !place.has(issue.path);
    if (missing) {
        return [
            finding(
                'MIG012',
                `${String(issue.path.at(-1) ?? 'hosts')} is missing${inside(issue.path.slice(0, -1))}`,
                'add it',
                place.value(issue.path.slice(0, -1)),
            ),
        ];
    }
    return [
        finding(
            'MIG012',
            `${issue.path.length === 0 ? 'the inventory' : issue.path.map(String).join('.')}: ${lowerFirst(issue.message)}`,
            undefined,
            place.value(issue.path),
        ),
    ];
}

/** A key that is missing because it was misspelt is one mistake, not two. */
function withoutEchoes(findings: readonly Finding[]): Finding[] {
    const meant = new Set(findings.flatMap((f) => f.fixes.map((fix) => fix.edits[0]?.newText)));
    return findings.filter((f) => ![...meant].some((key) => f.message.startsWith(`${key ?? ''} is missing`)));
}

const depth = (issues: readonly { readonly path: readonly PropertyKey[] }[]): number => Math.max(...issues.map((i) => i.path.length));

const loopback = /^(127\.|localhost$|::1$|\[::1\]$)/;

function meaningFindings(file: InventoryFile, place: Places): Finding[] {
    const out: Finding[] = [];
    const networks = new Set(file.networks.map((n) => n.name));
    const seen = new Map<string, string>();
    if (Object.keys(file.hosts).length === 0)
        out.push(finding('MIG012', 'the inventory has no hosts', 'add one under hosts', place.key(['hosts'])));
    if (file.time_zone !== undefined && !isTimeZone(file.time_zone)) {
        out.push(
            finding('MIG012', `${file.time_zone} is no time zone`, 'write an IANA name such as Europe/Berlin', place.value(['time_zone'])),
        );
    }
    for (const [name, host] of Object.entries(file.hosts)) {
        const at = ['hosts', name];
        if (host.ssh !== undefined && host.local === true) {
            out.push(finding('MIG014', `${name} is both local and reached by ssh`, 'keep one of them', place.key([...at, 'local'])));
        }
        if (host.ssh === undefined && host.local !== true && host.driver !== 'simulated') {
            out.push(
                finding(
                    'MIG014',
                    `${name} cannot be reached: it has neither ssh nor local`,
                    'write `ssh: root@address`, or `local: true` on the host itself',
                    place.key(at),
                ),
            );
        }
        if (host.driver === 'simulated' && host.simulated === undefined) {
            out.push(
                finding(
                    'MIG014',
                    `${name} is simulated and says nothing of what it has`,
                    'add `simulated: { memory: 64 GiB, cpus: 16 }`',
                    place.key(at),
                ),
            );
        }
        if (host.qmp !== undefined && host.driver !== 'qemu') {
            out.push(
                finding(
                    'MIG014',
                    `${name} says where its QMP sockets are, and its driver is ${host.driver}`,
                    'write `driver: qemu` where its QEMUs run without libvirt, or take qmp out',
                    place.key([...at, 'qmp']),
                ),
            );
        }
        if (host.tls_directory !== undefined && host.driver !== 'qemu') {
            out.push(
                finding(
                    'MIG014',
                    `${name} says where its certificates are, and its driver is ${host.driver}`,
                    host.driver === 'libvirt'
                        ? 'take tls_directory out: libvirt goes by migrate_tls_x509_cert_dir of qemu.conf on the host'
                        : 'take tls_directory out',
                    place.key([...at, 'tls_directory']),
                ),
            );
        }
        if (host.migration !== undefined && loopback.test(host.migration.address)) {
            out.push(
                finding(
                    'MIG014',
                    `${name} would be reached for migrations at ${host.migration.address}, which is every host's own loopback`,
                    'name the address on the migration network',
                    place.value([...at, 'migration', 'address']),
                ),
            );
        }
        for (const [key, used] of [
            ...host.links.map((l, i) => [['links', i, 'network'], l.network] as const),
            ...(host.migration ? [[['migration', 'network'], host.migration.network] as const] : []),
        ]) {
            if (networks.size === 0 || networks.has(used)) continue;
            const near = nearest(used, [...networks]);
            out.push(
                finding(
                    'MIG014',
                    `${name}: there is no network ${used}`,
                    near === undefined ? `known: ${[...networks].join(', ')}` : `did you mean ${near}?`,
                    place.value([...at, ...key]),
                ),
            );
        }
        for (const [nth, node] of (host.numa ?? []).entries()) {
            const reserved = node.hugepages.reduce((sum, { memory }) => sum + memory, 0);
            if (reserved <= node.memory) continue;
            out.push(
                finding(
                    'MIG014',
                    `${name}: NUMA node ${nth} has ${formatQuantity(node.memory, 'size')}, and ${formatQuantity(reserved, 'size')} of it in huge pages`,
                    'huge pages are part of the memory of their node',
                    place.value([...at, 'numa', nth, 'hugepages']),
                ),
            );
        }
        const address = host.ssh === undefined ? undefined : `${host.ssh.address}:${host.ssh.port ?? 22}`;
        // The same address behind different jump hosts may be another machine.
        const way = host.ssh !== undefined && 'jump' in host.ssh ? JSON.stringify(host.ssh.jump) : '';
        const earlier = address === undefined ? undefined : seen.get(address + way);
        if (address !== undefined && earlier !== undefined) {
            out.push(finding('MIG013', `${name} and ${earlier} are the same machine: ${address}`, 'keep one of them', place.key(at)));
        }
        if (address !== undefined) seen.set(address + way, name);
    }
    return [...out, ...probeFindings(file, place)];
}

/** A probe that is named like a host, or that cannot be reached. */
function probeFindings(file: InventoryFile, place: Places): Finding[] {
    return Object.entries(file.probes ?? {}).flatMap(([name, probe]) => {
        const at = ['probes', name];
        if (Object.hasOwn(file.hosts, name))
            return [finding('MIG013', `${name} is a host and a probe`, 'give the probe a name of its own', place.key(at))];
        if ((probe.ssh === undefined) === (probe.local !== true))
            return [
                finding('MIG014', `it is not clear how the probe ${name} is reached`, 'write either ssh or `local: true`', place.key(at)),
            ];
        return [];
    });
}

function isTimeZone(name: string): boolean {
    try {
        new Intl.DateTimeFormat('en', { timeZone: name });
        return true;
    } catch {
        return false;
    }
}

const inside = (path: readonly PropertyKey[]): string => (path.length === 0 ? '' : ` in ${path.map(String).join('.')}`);
const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
const fileName = (uri: string): string => uri.slice(uri.lastIndexOf('/') + 1);
const finding = (id: string, message: string, hint: string | undefined, range: SourceRange): Finding => ({
    id,
    severity: 'error',
    message,
    hint,
    range,
    fixes: [],
});
