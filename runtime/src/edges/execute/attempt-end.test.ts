import { expect, test } from 'vitest';
import type { PlannedMove } from '../../core/index.js';
import { endWithout } from './attempt-end.js';

const step = { vm: { uuid: 'u', name: 'db1' }, source: 'kvm-a', destination: 'kvm-b' } as PlannedMove;
const held = { end: 'held', vmOn: undefined, carried: [], because: 'kvm-a contradicts kvm-b' } as const;

test('a move that is held says why, with what went wrong in its phases if anything did', () => {
    expect(endWithout(step, held, new Error('perform broke')).error?.message).toBe('kvm-a contradicts kvm-b (perform broke)');
    expect(endWithout(step, held, undefined).error?.message).toBe('kvm-a contradicts kvm-b');
});
