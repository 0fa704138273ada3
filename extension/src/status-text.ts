import type { InventoryUse } from '@mig/server/protocol';

/** What the status bar says about the inventory of a policy. `$(…)` are the editor's own icons. */
export function statusOf(use: InventoryUse): { readonly text: string; readonly tooltip: string } {
    if (use.inventory === undefined)
        return { text: '$(server) no inventory', tooltip: 'This policy names no inventory: names of hosts and zones are not checked.' };
    const name = decodeURIComponent(use.inventory.slice(use.inventory.lastIndexOf('/') + 1));
    if (use.problem !== undefined) return { text: `$(warning) ${name}`, tooltip: `Inventory ${name}: ${use.problem}` };
    const hosts = `${use.hosts} ${use.hosts === 1 ? 'host' : 'hosts'}`;
    const seen = use.seen === undefined ? '' : ` Hosts and VMs as seen at ${new Date(use.seen).toLocaleString()}.`;
    return { text: `$(server) ${name}: ${hosts}`, tooltip: `Inventory ${name}: ${hosts}.${seen} Click to open it.` };
}
