import { expect, test } from 'vitest';
import { instance, move } from '../simulate/plan-builders.js';
import { vm } from '../testing/builders.js';
import { Failures } from './failures.js';

test('each policy has its own budget, and halts the plan with the first failure beyond it', () => {
    const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
    const tolerant = instance({ onFailure: { range, retry: undefined, then: [], budget: 1 } });
    const failures = new Failures({ instances: [tolerant, tolerant] });
    const [first, other] = [0, 1].map((n) => move(vm(`v${n}`, 'a'), 'b', { instance: n }));
    expect(failures.add(first!, undefined).halt).toBeUndefined();
    expect(failures.add(other!, undefined).halt).toBeUndefined();
    expect(failures.add(first!, undefined).halt).toContain('more than the budget of 1 failures');
    expect(failures.policyOf(first!)?.budget).toBe(1);
});
