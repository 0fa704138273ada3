import { bytes } from '@mig/language';
import { expect, test } from 'vitest';
import type { InventoryHost } from '../../core/index.js';
import type { HostSession, Hypervisors } from '../hypervisor/port.js';
import { execute } from './execute.js';
import { all, bench, eventsOf, guest, inventoryOf, moveOf, planOf } from './testing.js';

const vms = ['vm0', 'vm1'].map((name) => guest(name));

/** Hosts whose links count a MiB at each look, but for those that do not tell. */
function counting(real: Hypervisors, silent: readonly string[]): { hypervisors: Hypervisors; asked: string[] } {
    const asked: string[] = [];
    const hypervisors: Hypervisors = {
        session: async (host: InventoryHost, signal) => {
            const session = await real.session(host, signal);
            const linkCounters: HostSession['linkCounters'] = (address) => {
                asked.push(address);
                const looks = asked.filter((one) => one === address).length;
                const counters = { sent: bytes(looks * 2 ** 20), received: bytes(looks * 2 ** 10) };
                return Promise.resolve(silent.includes(host.name) ? undefined : counters);
            };
            return new Proxy(session, {
                get(target, name): unknown {
                    if (name === 'linkCounters') return linkCounters;
                    const value: unknown = Reflect.get(target, name, target);
                    return typeof value === 'function' ? (...args: unknown[]): unknown => Reflect.apply(value, target, args) : value;
                },
            });
        },
    };
    return { hypervisors, asked };
}

test('each link is read when the first move over it begins and at the end of the run; one that does not tell is left out', async () => {
    const { ports } = bench(inventoryOf({ a: vms, b: [], c: [] }));
    const { hypervisors, asked } = counting(ports.hypervisors, ['c']);
    const moves = [moveOf(vms[0]!, 'a', 'b'), moveOf(vms[1]!, 'a', 'c')];
    const events = await all(execute(planOf(moves), { ...ports, hypervisors }));
    expect(asked.toSorted()).toEqual(['a.migration', 'a.migration', 'b.migration', 'b.migration', 'c.migration', 'c.migration']);
    expect(eventsOf(events, 'link-counted')).toMatchObject([
        { host: 'a', network: 'migration', sent: 2 ** 20, received: 2 ** 10 },
        { host: 'b', network: 'migration', sent: 2 ** 20, received: 2 ** 10 },
    ]);
    expect(events.at(-1)?.type).toBe('run-ended');
});

test('the link of a host that a move goes to instead is read as well', async () => {
    const { ports } = bench(inventoryOf({ a: vms, b: [], c: [] }), {
        faults: [{ call: 'prepare', vm: 'vm0', host: 'b', when: 'before', does: { kind: 'refuse' } }],
    });
    const { hypervisors } = counting(ports.hypervisors, []);
    const otherDestination = { destination: 'c', route: { network: 'migration', address: 'c.migration', listen: '0.0.0.0' } };
    const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
    const onFailure = { range, retry: undefined, then: ['other-destination'], budget: undefined } as const;
    const plan = planOf([moveOf(vms[0]!, 'a', 'b', { otherDestination })], {
        instances: [{ policy: 'p', bound: undefined, priority: 0, because: [], requires: [], onFailure, passedOver: [] }],
    });
    const events = await all(execute(plan, { ...ports, hypervisors }));
    expect(
        eventsOf(events, 'link-counted')
            .map(({ host }) => host)
            .sort(),
    ).toEqual(['a', 'b', 'c']);
});

test('hosts whose driver cannot tell are not asked, and the run ends all the same', async () => {
    const { ports } = bench(inventoryOf({ a: vms, b: [] }));
    const events = await all(execute(planOf([moveOf(vms[0]!, 'a', 'b')]), ports));
    expect(eventsOf(events, 'link-counted')).toEqual([]);
    expect(events.at(-1)).toMatchObject({ type: 'run-ended', outcome: 'complete' });
});
