import { describe, expect, test } from 'vitest';
import { all, bench, eventsOf, guest, inventoryOf, mibPerSecond, moveOf, planOf } from './testing.js';
import { execute } from './execute.js';

describe('a run', () => {
    test('moves a VM through every phase, and it runs at its destination alone', async () => {
        const vm = guest('db', { autostart: true });
        const { ports, hypervisors } = bench(inventoryOf({ a: [vm], b: [] }));
        const events = await all(execute(planOf([moveOf(vm, 'a', 'b')]), ports));
        expect(eventsOf(events, 'phase-entered').map((e) => e.phase)).toEqual(['begin', 'prepare', 'perform', 'finish', 'confirm']);
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved', vmOn: 'b', error: undefined }]);
        expect(hypervisors.cluster.runningOn(moveOf(vm, 'a', 'b').vm.uuid)).toEqual(['b']);
    });
});
