/**
 * The procedures that we call, and their layouts: facts of libvirt's wire protocol, which only ever grows (numbers and
 * layouts are the same from 6.10 to 11.7). An older daemon answers an unknown number with error 39.
 */
import { array, type Codec, fixedArray, fixedOpaque, hyper, int, nothing, opaque, optional, struct, text, uhyper, uint } from './xdr.js';
import { typedParams } from './typed-params.js';

/** Program numbers. */
export const programs = { remote: 0x20008086, qemu: 0x20008087, keepalive: 0x6b656570 } as const;

export interface Procedure<Args, Result> {
    readonly program: number;
    readonly number: number;
    readonly name: string;
    readonly args: Codec<Args>;
    readonly result: Codec<Result>;
}

const remote = <A, R>(number: number, name: string, args: Codec<A>, result: Codec<R>): Procedure<A, R> => ({
    program: programs.remote,
    number,
    name,
    args,
    result,
});
const qemu = <A, R>(number: number, name: string, args: Codec<A>, result: Codec<R>): Procedure<A, R> => ({
    program: programs.qemu,
    number,
    name,
    args,
    result,
});

export const uuidBytes = fixedOpaque(16);
export const domain = struct({ name: text, uuid: uuidBytes, id: int });
export type Domain = { readonly name: string; readonly uuid: Uint8Array; readonly id: number };

const dom = { dom: domain };
const flags = { flags: uint };
const cookieAndFlags = { params: typedParams, cookieIn: opaque, flags: uint };
const cookieOut = { cookieOut: opaque };
const fieldAndValue = array(struct({ field: text, value: uhyper }));

/** `char model[32]` travels as 32 ints. */
const characters = fixedArray(int, 32);

export const procedures = {
    authList: remote(66, 'authList', nothing, struct({ types: array(int) })),
    authPolkit: remote(70, 'authPolkit', nothing, struct({ complete: int })),
    connectOpen: remote(1, 'connectOpen', struct({ name: optional(text), ...flags }), nothing),
    connectClose: remote(2, 'connectClose', nothing, nothing),
    connectSupportsFeature: remote(60, 'connectSupportsFeature', struct({ feature: int }), struct({ supported: int })),
    connectGetVersion: remote(4, 'connectGetVersion', nothing, struct({ version: uhyper })),
    connectGetLibVersion: remote(157, 'connectGetLibVersion', nothing, struct({ version: uhyper })),
    connectGetHostname: remote(59, 'connectGetHostname', nothing, struct({ hostname: text })),
    connectGetCapabilities: remote(7, 'connectGetCapabilities', nothing, struct({ xml: text })),
    connectGetDomainCapabilities: remote(
        342,
        'connectGetDomainCapabilities',
        struct({ emulator: optional(text), arch: optional(text), machine: optional(text), virtType: optional(text), ...flags }),
        struct({ xml: text }),
    ),
    connectCompareHypervisorCpu: remote(
        393,
        'connectCompareHypervisorCPU',
        struct({
            emulator: optional(text),
            arch: optional(text),
            machine: optional(text),
            virtType: optional(text),
            cpuXml: text,
            ...flags,
        }),
        struct({ result: int }),
    ),
    connectListAllDomains: remote(
        273,
        'connectListAllDomains',
        struct({ needResults: int, ...flags }),
        struct({ domains: array(domain), count: uint }),
    ),
    connectListAllNetworks: remote(
        283,
        'connectListAllNetworks',
        struct({ needResults: int, ...flags }),
        struct({ networks: array(struct({ name: text, uuid: uuidBytes })), count: uint }),
    ),
    connectGetAllDomainStats: remote(
        344,
        'connectGetAllDomainStats',
        struct({ domains: array(domain), stats: uint, ...flags }),
        struct({ records: array(struct({ ...dom, params: typedParams })) }),
    ),
    nodeGetInfo: remote(
        6,
        'nodeGetInfo',
        nothing,
        struct({ model: characters, memory: uhyper, cpus: int, mhz: int, nodes: int, sockets: int, cores: int, threads: int }),
    ),
    nodeGetMemoryStats: remote(
        228,
        'nodeGetMemoryStats',
        struct({ count: int, cell: int, ...flags }),
        struct({ params: fieldAndValue, count: int }),
    ),
    nodeGetCpuStats: remote(
        227,
        'nodeGetCPUStats',
        struct({ cpu: int, count: int, ...flags }),
        struct({ params: fieldAndValue, count: int }),
    ),
    domainLookupByUuid: remote(24, 'domainLookupByUUID', struct({ uuid: uuidBytes }), struct(dom)),
    domainGetBlockInfo: remote(
        194,
        'domainGetBlockInfo',
        struct({ ...dom, path: text, ...flags }),
        struct({ allocation: uhyper, capacity: uhyper, physical: uhyper }),
    ),
    connectListAllStoragePools: remote(
        281,
        'connectListAllStoragePools',
        struct({ needResults: int, ...flags }),
        struct({ pools: array(struct({ name: text, uuid: uuidBytes })), count: uint }),
    ),
    storagePoolGetXmlDesc: remote(
        88,
        'storagePoolGetXMLDesc',
        struct({ pool: struct({ name: text, uuid: uuidBytes }), ...flags }),
        struct({ xml: text }),
    ),
    domainGetXmlDesc: remote(14, 'domainGetXMLDesc', struct({ ...dom, ...flags }), struct({ xml: text })),
    domainGetState: remote(212, 'domainGetState', struct({ ...dom, ...flags }), struct({ state: int, reason: int })),
    domainIsPersistent: remote(151, 'domainIsPersistent', struct(dom), struct({ persistent: int })),
    domainMemoryStats: remote(
        159,
        'domainMemoryStats',
        struct({ ...dom, maxStats: uint, ...flags }),
        struct({ stats: array(struct({ tag: int, value: uhyper })) }),
    ),
    domainGetJobStats: remote(298, 'domainGetJobStats', struct({ ...dom, ...flags }), struct({ type: int, params: typedParams })),
    domainStartDirtyRateCalc: remote(427, 'domainStartDirtyRateCalc', struct({ ...dom, seconds: int, ...flags }), nothing),
    domainGetMetadata: remote(
        265,
        'domainGetMetadata',
        struct({ ...dom, type: int, uri: optional(text), ...flags }),
        struct({ metadata: text }),
    ),
    domainSetMetadata: remote(
        264,
        'domainSetMetadata',
        struct({ ...dom, type: int, metadata: optional(text), key: optional(text), uri: optional(text), ...flags }),
        nothing,
    ),
    domainSetAutostart: remote(29, 'domainSetAutostart', struct({ ...dom, autostart: int }), nothing),
    domainDefineXml: remote(350, 'domainDefineXMLFlags', struct({ xml: text, ...flags }), struct(dom)),
    domainUndefine: remote(231, 'domainUndefineFlags', struct({ ...dom, ...flags }), nothing),
    domainShutdown: remote(33, 'domainShutdown', struct(dom), nothing),
    domainSuspend: remote(34, 'domainSuspend', struct(dom), nothing),
    domainResume: remote(28, 'domainResume', struct(dom), nothing),
    domainDestroy: remote(234, 'domainDestroyFlags', struct({ ...dom, ...flags }), nothing),

    migrateBegin: remote(
        302,
        'domainMigrateBegin3Params',
        struct({ ...dom, params: typedParams, ...flags }),
        struct({ ...cookieOut, xml: text }),
    ),
    migratePrepare: remote(303, 'domainMigratePrepare3Params', struct(cookieAndFlags), struct({ ...cookieOut, uriOut: optional(text) })),
    migratePerform: remote(
        305,
        'domainMigratePerform3Params',
        struct({ ...dom, destinationUri: optional(text), ...cookieAndFlags }),
        struct(cookieOut),
    ),
    migrateFinish: remote(
        306,
        'domainMigrateFinish3Params',
        struct({ ...cookieAndFlags, cancelled: int }),
        struct({ ...dom, ...cookieOut }),
    ),
    migrateConfirm: remote(307, 'domainMigrateConfirm3Params', struct({ ...dom, ...cookieAndFlags, cancelled: int }), nothing),
    migrateSetMaxSpeed: remote(207, 'domainMigrateSetMaxSpeed', struct({ ...dom, bandwidth: uhyper, ...flags }), nothing),
    migrateGetMaxSpeed: remote(242, 'domainMigrateGetMaxSpeed', struct({ ...dom, ...flags }), struct({ bandwidth: uhyper })),
    migrateSetMaxDowntime: remote(166, 'domainMigrateSetMaxDowntime', struct({ ...dom, downtime: uhyper, ...flags }), nothing),
    migrateGetMaxDowntime: remote(387, 'domainMigrateGetMaxDowntime', struct({ ...dom, ...flags }), struct({ downtime: uhyper })),
    migrateGetCompressionCache: remote(
        299,
        'domainMigrateGetCompressionCache',
        struct({ ...dom, ...flags }),
        struct({ cacheSize: uhyper }),
    ),
    migrateStartPostCopy: remote(364, 'domainMigrateStartPostCopy', struct({ ...dom, ...flags }), nothing),
    abortJob: remote(442, 'domainAbortJobFlags', struct({ ...dom, ...flags }), nothing),

    eventRegister: remote(
        316,
        'connectDomainEventCallbackRegisterAny',
        struct({ eventId: int, dom: optional(domain) }),
        struct({ callbackId: int }),
    ),
    eventDeregister: remote(317, 'connectDomainEventCallbackDeregisterAny', struct({ callbackId: int }), nothing),
    agentCommand: qemu(
        3,
        'domainAgentCommand',
        struct({ ...dom, command: text, timeout: int, ...flags }),
        struct({ result: optional(text) }),
    ),
    monitorCommand: qemu(1, 'domainMonitorCommand', struct({ ...dom, command: text, ...flags }), struct({ result: text })),
    monitorEventRegister: qemu(
        4,
        'connectDomainMonitorEventRegister',
        struct({ dom: optional(domain), event: optional(text), ...flags }),
        struct({ callbackId: int }),
    ),
    monitorEventDeregister: qemu(5, 'connectDomainMonitorEventDeregister', struct({ callbackId: int }), nothing),
} as const;

/** Messages that the daemon sends unasked: events of callbacks that we registered. Each begins with its callback's id. */
export const messages = {
    lifecycle: remote(318, 'lifecycle', nothing, struct({ callbackId: int, ...dom, event: int, detail: int })),
    migrationIteration: remote(359, 'migrationIteration', nothing, struct({ callbackId: int, ...dom, iteration: int })),
    jobCompleted: remote(363, 'jobCompleted', nothing, struct({ callbackId: int, ...dom, params: typedParams })),
    monitor: qemu(
        6,
        'monitor',
        nothing,
        struct({ callbackId: int, ...dom, event: text, seconds: hyper, micros: uint, details: optional(text) }),
    ),
} as const;

export type MessageName = keyof typeof messages;
export type Message<N extends MessageName> = (typeof messages)[N] extends Procedure<undefined, infer R> ? R : never;

/** Event ids for eventRegister. */
export const eventIds = { lifecycle: 0, migrationIteration: 20, jobCompleted: 21 } as const;
