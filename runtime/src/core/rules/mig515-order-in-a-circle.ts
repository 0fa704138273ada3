import type { Expression, Ordering } from '@mig/language';
import { listed, wordsOf } from '../decide/wording.js';
import { evacuate } from './example.js';
import type { HostRule } from './rule.js';

const policy = (second: string): string =>
    evacuate({ inventory: 'none', more: `start vms where vm.tag.role == "db" before vms where vm.tag.role == "web"\n${second}` });

export const orderInACircle: HostRule = {
    id: 'MIG515',
    name: 'order-in-a-circle',
    severity: 'warning',
    needs: 'program',
    summary: 'VMs are to start before others that are to start before them, or before themselves.',
    avoid: policy('start vms where vm.tag.role == "web" before vms where vm.tag.role == "db"'),
    prefer: policy('start vms where vm.tag.role == "web" before vms where vm.tag.role == "batch"'),
    rationale:
        'None of them could ever begin. A plan keeps to what comes first in it and leaves out what would close the circle, so that half of ' +
        'what was asked for is not done, and which half hangs on the order of the plan.',
    source: 'A plan warns of each move whose order it does not keep (runtime/src/core/decide); units of systemd and jobs of build tools are checked for the same.',
    byPart: true,
    check: ({ program }, report) => {
        for (const { ordering, name } of program.policies) {
            const before = new Map<string, Set<string>>();
            for (const one of ordering) {
                const circle = closedBy(one, before);
                if (circle) {
                    const [first = '', ...others] = circle;
                    const way =
                        others.length === 0
                            ? `${first} is to start before itself`
                            : `${listed(circle)} are each to start before the next, and the last before the first`;
                    report(one.range, `an order of ${name} goes round in a circle: ${way}`, {
                        hint: 'take one of the orders out, or turn it round',
                    });
                    continue;
                }
                for (const first of partsOf(one.first)) {
                    let known = before.get(first);
                    if (!known) before.set(first, (known = new Set<string>()));
                    for (const then of partsOf(one.then)) known.add(then);
                }
            }
        }
    },
};

/** The VMs, in words, by which an order closes a circle with those before it; undefined where it closes none. */
function closedBy({ first, then }: Ordering, before: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] | undefined {
    for (const start of partsOf(first)) {
        for (const end of partsOf(then)) {
            const way = wayFrom(end, start, before);
            if (way) return start === end ? [start] : [start, ...way.slice(0, -1)];
        }
    }
    return undefined;
}

/** From one to the other by what is to start before what, both ends included. */
function wayFrom(from: string, to: string, before: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] | undefined {
    const seen = new Set([from]);
    const open: (readonly string[])[] = [[from]];
    for (const way of open) {
        const last = way.at(-1) ?? from;
        if (last === to) return way;
        for (const next of before.get(last) ?? []) {
            if (seen.has(next)) continue;
            seen.add(next);
            open.push([...way, next]);
        }
    }
    return undefined;
}

/** Named VMs each by itself; others by what is said of them. */
function partsOf(vms: Expression): readonly string[] {
    if (
        vms.kind === 'binary' &&
        vms.left.kind === 'attribute' &&
        vms.left.entity === 'vm' &&
        vms.left.attribute === 'name' &&
        vms.right.kind === 'literal'
    ) {
        if (vms.operator === '==') return [String(vms.right.value)];
        if (vms.operator === 'in' && typeof vms.right.value === 'object') return vms.right.value;
    }
    return [`what has ${wordsOf(vms)}`];
}
