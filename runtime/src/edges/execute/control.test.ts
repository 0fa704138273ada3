import { expect, test } from 'vitest';
import { Control } from './control.js';

test('what is cancelled says why it was, and not why no more was to be started before', () => {
    const control = new Control();
    const move = control.forOne();
    control.halt({ why: 'interrupted', detail: 'nothing more is started' });
    expect(move.reason?.detail).toBe('nothing more is started');
    control.cancelAll({ why: 'aborted', detail: 'ann asked to cancel the run' });
    expect(move.reason).toEqual({ why: 'aborted', detail: 'ann asked to cancel the run' });
    control.cancelAll({ why: 'interrupted', detail: 'again' });
    expect(control.reason?.detail).toBe('ann asked to cancel the run');
});
