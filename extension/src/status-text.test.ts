import { expect, test } from 'vitest';
import { statusOf } from './status-text.js';

const policy = 'file:///work/drain.mig';

test('the status bar names the inventory and counts its hosts', () => {
    expect(statusOf({ policy, inventory: 'file:///work/rack%2040.yaml', hosts: 3, problem: undefined }).text).toBe(
        '$(server) rack 40.yaml: 3 hosts',
    );
    expect(statusOf({ policy, inventory: 'file:///work/one.yaml', hosts: 1, problem: undefined }).text).toBe('$(server) one.yaml: 1 host');
});

test('an inventory that cannot be used is marked, with the reason', () => {
    const { text, tooltip } = statusOf({ policy, inventory: 'file:///work/a.yaml', hosts: 0, problem: 'there is no such file' });
    expect(text).toBe('$(warning) a.yaml');
    expect(tooltip).toBe('Inventory a.yaml: there is no such file');
});

test('a policy without an inventory says what is not checked', () => {
    expect(statusOf({ policy, inventory: undefined, hosts: 0, problem: undefined }).tooltip).toContain('not checked');
});
