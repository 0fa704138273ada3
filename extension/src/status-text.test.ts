import { expect, test } from 'vitest';
import { statusOf } from './status-text.js';

const policy = 'file:///work/drain.mig';

test('the status bar names the inventory and counts its hosts', () => {
    expect(statusOf({ policy, inventory: 'file:///work/rack%2040.yaml', hosts: 3, seen: undefined, problem: undefined }).text).toBe(
        '$(server) rack 40.yaml: 3 hosts',
    );
    expect(statusOf({ policy, inventory: 'file:///work/one.yaml', hosts: 1, seen: undefined, problem: undefined }).text).toBe(
        '$(server) one.yaml: 1 host',
    );
});

test('an inventory that cannot be used is marked, with the reason', () => {
    const { text, tooltip } = statusOf({
        policy,
        inventory: 'file:///work/a.yaml',
        hosts: 0,
        seen: undefined,
        problem: 'there is no such file',
    });
    expect(text).toBe('$(warning) a.yaml');
    expect(tooltip).toBe('Inventory a.yaml: there is no such file');
});

test('a policy without an inventory says what is not checked', () => {
    expect(statusOf({ policy, inventory: undefined, hosts: 0, seen: undefined, problem: undefined }).tooltip).toContain('not checked');
});

test('it is said when the hosts were seen by which a policy is judged', () => {
    const use = { policy, inventory: 'file:///work/one.yaml', hosts: 1, problem: undefined };
    const seen = Date.UTC(2026, 10, 29, 20, 40);
    expect(statusOf({ ...use, seen }).tooltip).toContain(`Hosts and VMs as seen at ${new Date(seen).toLocaleString()}.`);
    expect(statusOf({ ...use, seen: undefined }).tooltip).toBe('Inventory one.yaml: 1 host. Click to open it.');
});
