/** What is told of orders that go round in a circle, against every order in which the VMs could start. */
import { fc, test } from '@fast-check/vitest';
import { expect, test as plain } from 'vitest';
import { compiled } from '../testing/compiled.js';
import { orderInACircle } from './mig515-order-in-a-circle.js';
import { findingsOf } from './run.js';

async function found(clauses: string): Promise<readonly string[]> {
    const program = await compiled(`policy p { on demand move vms to hosts using precopy { after 5 min: abort } ${clauses} }`);
    return findingsOf([orderInACircle], { program, inventory: undefined, snapshot: undefined }).map(({ message }) => message);
}

function orders(of: readonly string[]): readonly (readonly string[])[] {
    return of.length === 0 ? [[]] : of.flatMap((first) => orders(of.filter((one) => one !== first)).map((rest) => [first, ...rest]));
}

const names = ['a', 'b', 'c', 'd'];
const pairs = fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom('before', 'after'), fc.subarray(names, { minLength: 1 })), {
    minLength: 1,
    maxLength: 4,
});

test.prop([pairs], { numRuns: 150 })('an order is told exactly where no order of the VMs keeps to all of them', async (all) => {
    const text = all.map(([one, relation, others]) => `start vm "${one}" ${relation} vm ${others.map((name) => `"${name}"`).join(', ')}`);
    const kept = orders(names).some((order) =>
        all.every(([one, relation, others]) =>
            others.every((other) =>
                relation === 'before' ? order.indexOf(one) < order.indexOf(other) : order.indexOf(one) > order.indexOf(other),
            ),
        ),
    );
    expect((await found(text.join('\n'))).length > 0).toBe(!kept);
});

plain('VMs that are chosen by a condition are told apart by what it says', async () => {
    const role = (name: string): string => `vms where vm.tag.role == "${name}"`;
    expect(await found(`start ${role('db')} before ${role('web')}; start ${role('db')} before ${role('batch')}`)).toEqual([]);
    expect(await found(`start ${role('db')} before ${role('web')}; start ${role('db')} after ${role('web')}`)).toEqual([
        'an order of p goes round in a circle: what has vm.tag.role == "web" and what has vm.tag.role == "db" are each to start before the next, and the last before the first',
    ]);
});
