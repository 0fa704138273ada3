import { expect, test } from 'vitest';
import { Desk, root } from '../kit/mig-run.js';

test('where no lab can be built, the demo says why and carries the same policy out on the simulated cluster', async () => {
    await using desk = await Desk.clear();
    const { code, stdout, stderr } = await desk.migRun(['lab', 'demo'], { cwd: root, env: { PATH: desk.directory } });
    expect(stderr).toMatch(/cannot be built here:\n +.+: .+/);
    expect(stderr).toContain('simulated cluster');
    expect(stdout).toMatch(/5 of 5 VMs moved/);
    expect(code).toBe(0);
});
