import type { Inventory } from '../model/inventory.js';
import { techniquesOf } from './techniques.js';
import { type Mover, moversOf } from './movers.js';
import { evacuate, hostsFile } from './example.js';
import type { HostRule } from './rule.js';

export const tooFewRelays: HostRule = {
    id: 'MIG407',
    name: 'too-few-relays',
    severity: 'error',
    needs: 'inventory',
    summary:
        'Scatter-gather is to go via more hosts than there are beside the source and the destination, or via one that cannot take part.',
    avoid: evacuate({ using: 'scatter-gather via 2 hosts' }),
    prefer: evacuate({ using: 'scatter-gather via 1 host' }),
    files: {
        'hosts.yaml': hostsFile({ a: {}, b: {}, c: {} }),
    },
    rationale: 'The pages of the VM have nowhere to go: the move cannot begin, on the very host that had to be emptied quickly.',
    source: 'Scatter-gather (Deshpande, CLOUD 2014): intermediaries are hosts other than the source and the destination.',
    byPart: true,
    check: (input, report) => {
        const { program, inventory } = input;
        if (!inventory) return;
        for (const mover of moversOf(program)) {
            for (const { options, range, hasFallback } of techniquesOf(mover)) {
                if (options.via === undefined || hasFallback) continue;
                if ('count' in options.via) {
                    const left = Math.max(0, inventory.hosts.length - 2);
                    if (options.via.count <= left) continue;
                    const message = `scatter-gather via ${options.via.count} hosts: of the ${inventory.hosts.length} in the inventory, ${left} are left beside the source and the destination`;
                    report(range, message, { hint: left === 0 ? 'scatter-gather needs three hosts' : `write via ${left}, or add hosts` });
                    continue;
                }
                for (const [i, name] of options.via.hosts.entries()) {
                    const problem = problemOf(name, mover, inventory);
                    if (problem !== undefined)
                        report(options.via.hostRanges?.[i] ?? range, `scatter-gather via ${name}: ${problem}`, {
                            hint: 'name another host',
                        });
                }
            }
        }
    },
};

/** An unknown name is reported as one (MIG121). */
function problemOf(name: string, { selection }: Mover, { hosts }: Inventory): string | undefined {
    const host = hosts.find((each) => each.name === name);
    if (!host) return undefined;
    if (selection.from.kind === 'named-host' && selection.from.host === name) return 'it is the host that is left';
    return host.migration ? undefined : 'it has no address on a migration network';
}
