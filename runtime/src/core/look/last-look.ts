/**
 * The last look at the hosts of an inventory, kept for checks that look at no host themselves: `mig-run check` and the
 * editor. What was seen is joined with the inventory as it stands now, and says nothing any more when it is old.
 */
import type { EpochMs } from '@mig/language';
import type { Inventory, InventoryHost } from '../model/inventory.js';
import { type HostState, type Snapshot, snapshotVersion, type VmState } from '../model/snapshot.js';
import { statedSnapshot } from '../satisfy/worlds.js';

const lookVersion = 1;
const hour = 3_600_000;
/** Later than this VMs stand elsewhere, and hosts may have been upgraded. */
const usefulMs = 7 * 24 * hour;

/** What is kept of a look: a file of its own for each inventory. */
interface KeptLook {
    readonly kind: 'mig-look';
    readonly version: typeof lookVersion;
    /** Path of the inventory's file. */
    readonly inventory: string;
    /** As the inventory said then: what it says now takes their place. */
    readonly vmTags: Inventory['vmTags'];
    readonly sharedStorage: Inventory['sharedStorage'];
    readonly snapshot: Snapshot;
}

/** What is known of hosts and VMs without asking them. */
export type LastLook =
    | { readonly kind: 'seen'; readonly snapshot: Snapshot }
    /** All hosts are simulated: they and their VMs are as the inventory says. */
    | { readonly kind: 'stated'; readonly snapshot: Snapshot }
    /** `why` where there is a look and it cannot be used. */
    | { readonly kind: 'none'; readonly why?: string };

/** Whether a look adds anything to what the inventory says. */
export const isWorthALook = ({ hosts }: Inventory): boolean => hosts.some(({ driver }) => driver !== 'simulated');

/** The text of a look's file. Histories and what policies did before are kept elsewhere, and last no week. */
export function lookText(path: string, { vmTags, sharedStorage }: Inventory, seen: Snapshot): string {
    const snapshot = { ...seen, history: {}, policies: [] };
    const look: KeptLook = { kind: 'mig-look', version: lookVersion, inventory: path, vmTags, sharedStorage, snapshot };
    return JSON.stringify(look);
}

/** The name of a look's file, from the path of the inventory: what it is called, and a hash of where it is. */
export function lookFileName(path: string): string {
    const name = /[^/\\]*$/.exec(path)?.[0] ?? '';
    return `${name.replaceAll(/[^\w.-]/g, '_').slice(0, 80)}-${hash(path)}.json`;
}

/** Reads looks of one inventory; the same text and the same inventory give the same objects. */
export class LastLooks {
    #known:
        | { readonly text: string | undefined; readonly path: string; readonly inventory: Inventory; readonly look: LastLook }
        | undefined;

    /** `text`: that of the look's file; undefined where there is none. */
    of(text: string | undefined, path: string, inventory: Inventory, now: EpochMs): LastLook {
        const known = this.#known;
        const isKnown = known && known.text === text && known.path === path && known.inventory === inventory;
        const look = isKnown ? known.look : read(text, path, inventory);
        if (!isKnown) this.#known = { text, path, inventory, look };
        if (look.kind !== 'seen') return look;
        const age = now - look.snapshot.takenAt;
        return age > usefulMs ? { kind: 'none', why: `the last look at the hosts is ${agoText(age)} old` } : look;
    }
}

/** `3 hours`, `2 days`: in whole units, one at the least. */
export function agoText(ms: number): string {
    const units = [
        [24 * hour, 'day'],
        [hour, 'hour'],
        [60_000, 'minute'],
    ] as const;
    const [length, unit] = units.find(([length]) => ms >= length) ?? units[2];
    const count = Math.max(1, Math.floor(ms / length));
    return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

function read(text: string | undefined, path: string, inventory: Inventory): LastLook {
    if (!isWorthALook(inventory)) {
        const snapshot = statedSnapshot(inventory);
        return snapshot ? { kind: 'stated', snapshot } : { kind: 'none' };
    }
    const kept = text === undefined ? undefined : parsed(text);
    if (kept === undefined || kept.inventory !== path) return { kind: 'none' };
    const { snapshot, vmTags, sharedStorage } = kept;
    const seen = new Map(snapshot.hosts.map((host) => [host.name, host]));
    const missed = inventory.hosts.find(({ name, driver }) => seen.get(name)?.driver !== driver);
    if (missed) return { kind: 'none', why: `the last look at the hosts did not see ${missed.name}` };
    if (JSON.stringify(sharedStorage) !== JSON.stringify(inventory.sharedStorage))
        return { kind: 'none', why: 'the inventory states other shared storage than at the last look at the hosts' };
    const hosts = inventory.hosts.flatMap((host) => {
        const state = seen.get(host.name);
        return state ? [asStated(state, host)] : [];
    });
    const names = new Set(hosts.map(({ name }) => name));
    const vms = snapshot.vms.filter((vm) => names.has(vm.host)).map((vm) => tagged(vm, vmTags, inventory));
    const timeZone = inventory.timeZone ?? snapshot.timeZone;
    return { kind: 'seen', snapshot: { ...snapshot, timeZone, hosts, vms } };
}

/** What a person writes down of a host counts as it is written now. */
function asStated(seen: HostState, host: InventoryHost): HostState {
    const { zone, rack, tags, maintenance, migration, links, monitor, provides } = host;
    return { ...seen, zone, rack, tags, maintenance, migration, links, monitor, provides: { ...provides, ...seen.provides } };
}

/** Tags that came from the inventory are those of now. */
function tagged(vm: VmState, then: Inventory['vmTags'], { vmTags }: Inventory): VmState {
    const isFromInventory = JSON.stringify(vm.tags) === JSON.stringify(then[vm.name] ?? {});
    return isFromInventory ? { ...vm, tags: vmTags[vm.name] ?? {} } : vm;
}

/** Undefined for what is no look, or one of a newer version: then there is none. */
function parsed(text: string): KeptLook | undefined {
    try {
        const value = JSON.parse(text) as Partial<KeptLook> | null;
        const isLook = value?.kind === 'mig-look' && value.version === lookVersion && value.snapshot?.version === snapshotVersion;
        return isLook ? (value as KeptLook) : undefined;
    } catch {
        return undefined;
    }
}

/** FNV-1a of 64 bits, for names of files. */
function hash(text: string): string {
    let value = 0xcbf29ce484222325n;
    for (let index = 0; index < text.length; index++) value = BigInt.asUintN(64, (value ^ BigInt(text.charCodeAt(index))) * 0x100000001b3n);
    return value.toString(16).padStart(16, '0');
}
