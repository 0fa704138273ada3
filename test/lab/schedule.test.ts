/** A policy with a window, on real hosts: it moves inside of it, and leaves everything alone outside. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostsOfGuest, labCommand, startGuest } from '../../runtime/src/edges/lab/door.js';
import { defaultHosts } from '../../runtime/src/edges/lab/spec.js';
import { expectUntouched } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, type Ended } from '../kit/mig-run.js';

describeWithLab(
    'a policy with a window',
    (fixture) => {
        let desk: Desk;
        beforeAll(async () => {
            desk = await Desk.clear();
            await startGuest(fixture.lab, 'kvm-a', { name: 'vm1', memoryMiB: 32 });
        });
        afterAll(() => desk[Symbol.asyncDispose]());

        /** Runs a policy whose window begins and ends so many hours from now. */
        async function between(from: number, to: number): Promise<Ended> {
            const at = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);
            await desk.write(
                'p.mig',
                `policy p {\n  between ${at(from)} and ${at(to)} on Mon..Sun in "UTC"\n  move vms on hosts where host.name == "kvm-a"\n  to hosts\n  using precopy\n}\n`,
            );
            const through = labCommand(fixture.lab, []);
            return desk.migRun(['p.mig', '--inventory', fixture.lab.inventoryPath, '--yes'], { through });
        }

        test('that is closed moves nothing, and says when it opens', async () => {
            const { code, stdout } = await between(2, 3);
            expect(stdout).toMatch(/Nothing to do/);
            expect(code).toBe(0);
            await expectUntouched(fixture.lab, 'kvm-a');
        });

        test('that is open moves', async () => {
            const { code, stdout } = await between(-1, 1);
            expect(stdout).toMatch(/1 of 1 VM moved/);
            expect(code).toBe(0);
            expect(await hostsOfGuest(fixture.lab, 'vm1')).toEqual(['kvm-b']);
        });
    },
    defaultHosts.slice(0, 2),
);
