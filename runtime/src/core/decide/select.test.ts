import { bytesPerSecond } from '@mig/language';
import { expect, test } from 'vitest';
import type { VmState } from '../model/snapshot.js';
import { gib, host, snapshot, vm } from '../testing/builders.js';
import { attr, lit, nowhere, op, policy } from '../testing/program.js';
import { mostToTake, select } from './select.js';
import { worldOf } from './world.js';

type SelectionFacts = NonNullable<Parameters<typeof policy>[0]>['selection'];
const hosts = [host('a'), host('b'), host('c', { unreachable: 'no route to host' })];
const on = (selection: SelectionFacts, vms: readonly VmState[], owners = new Map<string, string>()) =>
    select(
        { policy: policy({ ...(selection ? { selection } : {}) }), host: 'a', vm: undefined, because: [] },
        worldOf(snapshot(hosts, vms)),
        owners,
    );
const names = (...args: Parameters<typeof on>) => on(...args).candidates.map(({ vm: { name } }) => name);

const pinned = op(attr('vm.tags'), 'contains', lit('pinned'));
const dirty = op(attr('vm.dirty_rate'), '>', lit(1e6, 'rate'));

test('vms on host are those of the bound host', () => {
    expect(names({}, [vm('x', 'a'), vm('y', 'b')])).toEqual(['x']);
    expect(names({ from: { kind: 'all', range: nowhere } }, [vm('y', 'b'), vm('x', 'a')])).toEqual(['x', 'y']);
    expect(names({ from: { kind: 'named-vms', vms: ['y'], range: nowhere } }, [vm('x', 'a'), vm('y', 'b')])).toEqual(['y']);
    const full = op(attr('host.name'), '!=', lit('a'));
    expect(names({ from: { kind: 'hosts', where: full, range: nowhere } }, [vm('x', 'a'), vm('y', 'b')])).toEqual(['y']);
});

test('a host that does not answer is named, since its VMs are missing', () => {
    expect(on({ from: { kind: 'all', range: nowhere } }, []).warnings.map((w) => w.text)).toEqual([
        'the VMs of c are not known: no route to host',
    ]);
});

test('a VM is taken only if where is true and except is false: unknown is neither', () => {
    const vms = [vm('calm', 'a', { dirtyRate: bytesPerSecond(1) }), vm('wild', 'a', { dirtyRate: bytesPerSecond(1e9) }), vm('who', 'a')];
    expect(names({ where: [dirty] }, vms)).toEqual(['wild']);
    expect(names({ except: [dirty] }, vms)).toEqual(['calm']);
    const passed = on({ except: [dirty] }, vms).passedOver;
    expect(passed.map((p) => p.vm)).toEqual(['who', 'wild']);
    expect(passed[0]?.because.text).toContain('vm.dirty_rate of who is not known');
});

test('the clause and its figures say why a VM is passed over', () => {
    const passed = on({ except: [pinned] }, [vm('db', 'a', { tags: { pinned: '' } })]).passedOver;
    expect(passed).toEqual([{ vm: 'db', because: { text: 'except: vm.tags contains "pinned" (vm.tags is "pinned")', range: nowhere } }]);
});

test('the order is as asked, then by name; what is unknown comes last', () => {
    const by = (direction: 'ascending' | 'descending') => ({ order: [{ by: attr('vm.working_set'), direction, range: nowhere }] });
    const vms = [
        vm('d', 'a'),
        vm('c', 'a', { workingSet: gib(1) }),
        vm('b', 'a', { workingSet: gib(3) }),
        vm('a', 'a', { workingSet: gib(1) }),
    ];
    expect(names(by('ascending'), vms)).toEqual(['a', 'c', 'b', 'd']);
    expect(names(by('descending'), vms)).toEqual(['b', 'a', 'c', 'd']);
});

test('a VM that an earlier policy has taken is left to it', () => {
    expect(on({}, [vm('x', 'a')], new Map([[vm('x', 'a').uuid, 'first']])).passedOver[0]?.because.text).toBe('belongs to the policy first');
});

test('a share is rounded down: it is the most, not the least', () => {
    const limit = (share: number) => policy({ selection: { limit: { kind: 'share', share, range: nowhere } } });
    expect(mostToTake(limit(0.1), 29)).toBe(2);
    expect(mostToTake(limit(0.1), 9)).toBe(0);
    expect(mostToTake(limit(0.3), 10)).toBe(3);
    expect(mostToTake(policy(), 9)).toBe(Infinity);
});

test('a gang is named by what holds it together', () => {
    const selected = on({ together: { by: attr('vm.tag.app'), allOrNone: false, range: nowhere } }, [
        vm('x', 'a', { tags: { app: 'shop' } }),
        vm('y', 'a'),
    ]);
    expect(selected.candidates.map((c) => c.gang)).toEqual(['vm.tag.app "shop"', undefined]);
});
