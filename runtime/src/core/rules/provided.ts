import type { HostName, HostProvisions } from '../model/inventory.js';
import type { HostRuleInput } from './rule.js';

/** What each host provides, as far as that is known: what was seen there, else what the inventory states. */
export function provisionsOf({ inventory, snapshot }: Omit<HostRuleInput, 'program'>): ReadonlyMap<HostName, HostProvisions> {
    const stated = new Map(inventory?.hosts.map((host) => [host.name, host.provides]));
    const seen = new Map(snapshot?.hosts.map((host) => [host.name, host.provides]));
    return new Map([...new Set([...stated.keys(), ...seen.keys()])].map((host) => [host, { ...stated.get(host), ...seen.get(host) }]));
}
