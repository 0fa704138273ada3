import type { Finding, Program, SourceRange } from '@mig/language';
import type { Snapshot } from '../model/snapshot.js';
import { isBelow } from '../versions/compare.js';
import { floors, type HostVersions, partNames, versionsOf } from '../versions/versions-of.js';
import { inventoryRange } from './places.js';
import { evacuate, hostsFile } from './example.js';
import type { HostRule } from './rule.js';

export const hostTooOld: HostRule = {
    id: 'MIG401',
    name: 'host-too-old',
    severity: 'error',
    needs: 'inventory',
    summary: 'A host runs a libvirt or a QEMU that is older than what moves are made and tested for.',
    avoid: evacuate(),
    prefer: evacuate({ inventory: 'upgraded.yaml' }),
    files: {
        'hosts.yaml': hostsFile({
            a: { says: ['versions: { libvirt: 9.0.0, qemu: 7.2.22 }'] },
            b: { says: ['versions: { libvirt: 8.0.0, qemu: 7.2.22 }'] },
        }),
        'upgraded.yaml': hostsFile({
            a: { says: ['versions: { libvirt: 9.0.0, qemu: 7.2.22 }'] },
            b: { says: ['versions: { libvirt: 11.3.0, qemu: 10.0.2 }'] },
        }),
    },
    rationale:
        'Older versions lack calls and states by which a move that was interrupted is recovered without losing the VM or starting it ' +
        'twice. No plan is made with such a host.',
    source: 'Recovery was tried on libvirt 9.0 and 11.3 with QEMU 7.2 and 10.0; libvirt 12.4 itself needs QEMU 7.2.',
    check: ({ program, inventory, snapshot }, report) => {
        for (const { message, hint } of tooOld(versionsOf(inventory, snapshot))) report(inventoryRange(program), message, { hint });
    },
};

/** MIG401, as a plan is refused for it. */
export function hostsTooOld(program: Program, snapshot: Snapshot): readonly Finding[] {
    const range: SourceRange = inventoryRange(program);
    return tooOld(versionsOf(undefined, snapshot)).map(({ message, hint }) => ({
        id: hostTooOld.id,
        severity: 'error',
        message,
        hint,
        range,
        fixes: [],
    }));
}

function tooOld(hosts: readonly HostVersions[]): readonly { readonly message: string; readonly hint: string }[] {
    return hosts.flatMap(({ host, versions }) =>
        (['libvirt', 'qemu'] as const).flatMap((part) => {
            const version = versions[part];
            if (version === undefined || !isBelow(version, floors[part])) return [];
            return [
                {
                    message: `${host} runs ${partNames[part]} ${version}, and ${floors[part]} or later is needed`,
                    hint: `upgrade ${partNames[part]} on ${host}, or take the host out of the inventory`,
                },
            ];
        }),
    );
}
