/** Arbitrary small clusters, and policies for them. Not part of the package. */
import { fc } from '@fast-check/vitest';
import type { Policy } from '@mig/language';
import type { Snapshot } from '../model/snapshot.js';
import { gib, host, snapshot, vm } from './builders.js';
import { attr, nowhere, policy } from './program.js';

/** Hosts a, b, c, d with little room; `a` in maintenance with VMs of two roles, and some VMs elsewhere. */
export function clusters(most: { readonly onA: number; readonly elsewhere: number }): fc.Arbitrary<Snapshot> {
    const role = fc.constantFrom<Readonly<Record<string, string>>>({ role: 'web' }, { role: 'db' }, {});
    const size = fc.integer({ min: 1, max: 6 });
    const room = fc.integer({ min: 0, max: 12 });
    return fc
        .record({
            onA: fc.array(fc.record({ role, size }), { maxLength: most.onA }),
            elsewhere: fc.array(fc.record({ role, size, on: fc.constantFrom('b', 'c', 'd') }), { maxLength: most.elsewhere }),
            rooms: fc.record({ b: room, c: room, d: room }),
        })
        .map(({ onA, elsewhere, rooms }) => {
            const vms = [
                ...onA.map((v, i) => vm(`v${i}`, 'a', { tags: v.role, memory: gib(v.size) })),
                ...elsewhere.map((v, i) => vm(`e${i}`, v.on, { tags: v.role, memory: gib(v.size) })),
            ];
            const hosts = [
                host('a', { maintenance: true }),
                ...(['b', 'c', 'd'] as const).map((name) => host(name, { memoryFree: gib(rooms[name]) })),
            ];
            return snapshot(hosts, vms);
        });
}

const apart: Policy['destination']['apart'] = [{ by: attr('vm.tag.role'), range: nowhere }];

/** Empties hosts in maintenance, keeping roles apart. */
export const evacuateApart = policy({ destination: { apart } });

/** Takes VMs of all hosts in turn, larger ones first: some leave hosts that others go to. */
export const shuffleApart = policy({
    name: 'shuffle',
    trigger: { kind: 'not', of: { kind: 'any', of: [], range: nowhere }, range: nowhere },
    selection: { from: { kind: 'all', range: nowhere }, order: [{ by: attr('vm.memory'), direction: 'descending', range: nowhere }] },
    destination: { apart, preferences: [{ kind: 'most-free-memory', weight: 1, gain: undefined, range: nowhere }] },
});
