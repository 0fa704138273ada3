import { attributes, bytesPerSecond, ratio } from '@mig/language';
import { expect, test } from 'vitest';
import { gib, host, snapshot, vm } from '../testing/builders.js';
import { hasReader, readAttribute, scopeOf, type Scope } from './attributes.js';
import { worldOf } from './world.js';

const read = (path: string, scope: Scope) => {
    const [entity = '', ...rest] = path.split('.');
    const keyed = rest[0] === 'tag';
    return readAttribute(
        { entity: entity as 'vm', attribute: keyed ? 'tag' : rest.join('.'), key: keyed ? rest.slice(1).join('.') : undefined },
        scope,
    );
};

const web = vm('web', 'a', { tags: { app: 'shop', pinned: '' }, workingSet: gib(2), netTx: bytesPerSecond(1e6) });
const seen = worldOf(snapshot([host('a', { cpuUsed: ratio(0.5) }), host('b', { cpuUsed: ratio(0.2) })], [web]));

test.each(attributes.filter((a) => a.cost !== 'run' && a.cost !== 'metric'))('a Snapshot answers for $entity.$name', ({ entity, name }) => {
    expect(hasReader(entity, name)).toBe(true);
});

test('tags are their names, and name=value for those with a value', () => {
    expect(read('vm.tags', scopeOf(seen, { vm: web }))).toEqual({ known: true, value: ['app', 'app=shop', 'pinned'] });
    expect(read('vm.tag.app', scopeOf(seen, { vm: web }))).toEqual({ known: true, value: 'shop' });
});

test('a tag that a VM does not have is unknown, and says whose it is', () => {
    const outcome = read('vm.tag.role', scopeOf(seen, { vm: web }));
    expect(outcome).toEqual({ known: false, because: [expect.stringContaining('vm.tag.role of web is not known')] });
});

test('the host of a VM is meant where no host is bound', () => {
    expect(read('host.name', scopeOf(seen, { vm: web }))).toEqual({ known: true, value: 'a' });
    expect(read('source.name', scopeOf(seen, { vm: web, host: 'b' }))).toEqual({ known: true, value: 'a' });
    expect(read('host.name', scopeOf(seen, { vm: web, host: 'b' }))).toEqual({ known: true, value: 'b' });
});

test('sums over VMs are unknown as soon as one VM is', () => {
    expect(read('host.memory.working_set', scopeOf(seen, { host: 'a' }))).toEqual({ known: true, value: 2 / 64 });
    const two = worldOf(snapshot([host('a')], [web, vm('db', 'a')]));
    expect(read('host.memory.working_set', scopeOf(two, { host: 'a' })).known).toBe(false);
    expect(read('host.memory.committed', scopeOf(two, { host: 'a' }))).toEqual({ known: true, value: 8 / 64 });
});

test('of a host that does not answer only what the inventory says is known', () => {
    const silent = worldOf(snapshot([host('a', { unreachable: 'no route', zone: 'z9' })], []));
    expect(read('host.zone', scopeOf(silent, { host: 'a' }))).toEqual({ known: true, value: 'z9' });
    expect(read('host.maintenance', scopeOf(silent, { host: 'a' }))).toEqual({ known: true, value: false });
    expect(read('host.healthy', scopeOf(silent, { host: 'a' }))).toEqual({ known: true, value: false });
    expect(read('host.memory.free', scopeOf(silent, { host: 'a' })).known).toBe(false);
    expect(read('cluster.vms', scopeOf(silent)).known).toBe(false);
});

test('the imbalance of a cluster leaves out hosts that are being emptied', () => {
    const scope = scopeOf(
        worldOf(
            snapshot(
                [
                    host('a', { cpuUsed: ratio(0.5) }),
                    host('b', { cpuUsed: ratio(0.2) }),
                    host('c', { cpuUsed: ratio(0), maintenance: true }),
                ],
                [],
            ),
        ),
    );
    expect(read('cluster.cpu.imbalance', scope)).toEqual({ known: true, value: 0.3 });
});
