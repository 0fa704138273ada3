/** The README's way to try mig-run on real hosts, word by word. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { labDown, listLabs, removeLeftovers } from '../../runtime/src/edges/lab/door.js';
import { describeWhereLabsRun } from '../kit/lab.js';
import { Desk, root } from '../kit/mig-run.js';
import { commands } from '../kit/readme.js';

describeWhereLabsRun('the README', () => {
    let desk: Desk;
    beforeAll(async () => {
        await removeLeftovers();
        await labDown('default');
        desk = await Desk.clear();
    });
    afterAll(async () => {
        await labDown('default');
        await desk[Symbol.asyncDispose]();
    });

    test('every command on the lab works, one after the other', async () => {
        expect(commands().lab.length).toBeGreaterThan(3);
        for (const args of commands().lab) {
            const { code, all } = await desk.migRun(args, { cwd: root });
            expect(code, `mig-run ${args.join(' ')}\n${all}`).toBe(0);
        }
        expect((await listLabs()).map((lab) => lab.name)).not.toContain('default');
    });
});
