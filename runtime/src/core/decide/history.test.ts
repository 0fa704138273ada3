import { compileText, epochMs, ratio } from '@mig/language';
import { expect, test } from 'vitest';
import type { Sample } from '../model/snapshot.js';
import { digest, host, inventoryOf, minute, noon, snapshot, vm } from '../testing/builders.js';
import { samplesToKeep } from './history.js';
import { makePlan } from './plan.js';

const uneven = [host('a', { cpuUsed: ratio(0.9) }), host('b', { cpuUsed: ratio(0.2) })];

async function compiled(text: string) {
    const { program } = await compileText({ uri: 'file:///test.mig', text });
    if (!program) throw new Error('the policy does not compile');
    return program;
}

const rebalance = `policy rebalance {
  when cluster.cpu.imbalance > 20% for 15 min
  move vms on hosts where host.cpu > 50% for 5 min
  to hosts using precopy
}`;

test('each figure that is read with a past is kept, of every host or of the cluster, and no other', async () => {
    const kept = samplesToKeep(await compiled(rebalance), snapshot(uneven, [vm('v', 'a')]));
    expect(kept).toEqual({
        'cluster:cpu.imbalance': { at: noon, value: expect.closeTo(0.7) },
        'host:a:cpu': { at: noon, value: 0.9 },
        'host:b:cpu': { at: noon, value: 0.2 },
    });
});

test('what is unknown is not kept', async () => {
    expect(samplesToKeep(await compiled(rebalance), snapshot([host('a'), host('b', { cpuUsed: ratio(0.2) })], []))).toEqual({
        'host:b:cpu': { at: noon, value: 0.2 },
    });
});

test('a policy that looks back fires once what was kept reaches back far enough', async () => {
    const program = await compiled(rebalance);
    const history: Record<string, readonly Sample[]> = {};
    const moves: number[] = [];
    for (const minutes of [0, 5, 10, 15, 20]) {
        const taken = snapshot(uneven, [vm('v', 'a')], { takenAt: epochMs(noon + minutes * minute), history: { ...history } });
        moves.push(makePlan(program, inventoryOf(taken), taken, { now: taken.takenAt, digest }).plan?.moves.length ?? 0);
        for (const [key, sample] of Object.entries(samplesToKeep(program, taken))) history[key] = [...(history[key] ?? []), sample];
    }
    expect(moves).toEqual([0, 0, 0, 1, 1]);
});
