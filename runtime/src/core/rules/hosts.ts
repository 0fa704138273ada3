import type { Finding, Program, SourceRange } from '@mig/language';
import type { HostState, Snapshot } from '../model/snapshot.js';

/** The oldest versions that the runtime is made and tested for. */
const floors = { libvirt: '9.0.0', qemu: '7.2.0' } as const;

/** MIG401: a host's libvirt or QEMU is older than what the runtime is made for. */
export function hostFindings(program: Program, snapshot: Snapshot): readonly Finding[] {
    const range = program.inventory?.range ?? startOfFile;
    return snapshot.hosts.flatMap((host) => tooOld(host, range));
}

const startOfFile: SourceRange = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

function tooOld(host: HostState, range: SourceRange): readonly Finding[] {
    if (host.driver === 'simulated') return [];
    return (['libvirt', 'qemu'] as const).flatMap((part) => {
        const version = host.versions[part];
        if (version === undefined || !isBelow(version, floors[part])) return [];
        const message = `${host.name} runs ${part} ${version}, and ${floors[part]} or later is needed`;
        return [
            {
                id: 'MIG401',
                severity: 'error',
                message,
                hint: `upgrade ${part} on ${host.name}, or take the host out of the inventory`,
                range,
                fixes: [],
            } as const,
        ];
    });
}

/** Compares dotted versions number by number; what follows the numbers (a distribution's suffix) does not count. */
export function isBelow(version: string, floor: string): boolean {
    const numbers = (text: string): readonly number[] => (/^\d+(?:\.\d+)*/.exec(text)?.[0] ?? '').split('.').map(Number);
    const [have, need] = [numbers(version), numbers(floor)];
    for (let i = 0; i < need.length; i++) {
        const difference = (have[i] ?? 0) - (need[i] ?? 0);
        if (difference !== 0) return difference < 0;
    }
    return false;
}
