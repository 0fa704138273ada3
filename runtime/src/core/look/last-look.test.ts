import { epochMs } from '@mig/language';
import { expect, test } from 'vitest';
import { parseInventory } from '../inventory/parse.js';
import type { Inventory } from '../model/inventory.js';
import { host, noon, snapshot, vm } from '../testing/builders.js';
import { agoText, isWorthALook, LastLooks, lookFileName, lookText } from './last-look.js';
import { lookDirectoryOf, stateDirectoryOf } from './place.js';

const file = '/work/hosts.yaml';
const hour = 3_600_000;

function inventory(text: string): Inventory {
    const { inventory: parsed, findings } = parseInventory(text, file);
    if (!parsed) throw new Error(findings.map(({ message }) => message).join('; '));
    return parsed;
}

const plain = inventory('hosts: { a: { ssh: a, zone: east }, b: { ssh: b } }\nvm_tags: { db: [role=db] }');
const seen = snapshot([host('a'), host('b')], [vm('db', 'a', { tags: { role: 'db' } }), vm('web', 'b', { tags: { role: 'web' } })], {
    history: { 'host:a:cpu': [{ at: noon, value: 1 }] },
});
const kept = lookText(file, plain, seen);
const at = (hours: number) => epochMs(seen.takenAt + hours * hour);
const look = (text: string | undefined, of = plain, now = at(1), path = file) => new LastLooks().of(text, path, of, now);

test('what was seen is used for a week, without what lasts no week', () => {
    expect(look(kept)).toMatchObject({
        kind: 'seen',
        snapshot: { takenAt: seen.takenAt, history: {}, hosts: [{ name: 'a' }, { name: 'b' }] },
    });
    expect(look(kept, plain, at(7 * 24))).toMatchObject({ kind: 'seen' });
    expect(look(kept, plain, at(7 * 24 + 1))).toEqual({ kind: 'none', why: 'the last look at the hosts is 7 days old' });
});

test('what the inventory says counts as it is written now', () => {
    const now = inventory(
        'hosts: { a: { ssh: a, zone: west, maintenance: true }, b: { ssh: b, monitor: deny } }\nvm_tags: { db: [role=cache], web: [role=x] }',
    );
    const { hosts, vms } = (look(kept, now) as { snapshot: typeof seen }).snapshot;
    expect(hosts).toMatchObject([{ zone: 'west', maintenance: true }, { monitor: 'deny' }]);
    // Tags that the VM bears itself are its own.
    expect(vms.map(({ tags }) => tags)).toEqual([{ role: 'cache' }, { role: 'web' }]);
});

test('a look that does not fit the inventory is none, and says why', () => {
    const three = inventory('hosts: { a: { ssh: a }, b: { ssh: b }, c: { ssh: c } }');
    expect(look(kept, three)).toEqual({ kind: 'none', why: 'the last look at the hosts did not see c' });
    const shared = inventory('hosts: { a: { ssh: a }, b: { ssh: b } }\nshared_storage: [/srv]');
    expect(look(kept, shared)).toMatchObject({ kind: 'none', why: expect.stringContaining('shared storage') as unknown });
    const one = inventory('hosts: { a: { ssh: a } }');
    expect(look(kept, one)).toMatchObject({ kind: 'seen', snapshot: { hosts: [{ name: 'a' }], vms: [{ name: 'db' }] } });
});

test('what is no look of this inventory is none', () => {
    for (const text of [undefined, '', '{', 'null', '[]', '{"kind":"mig-look","version":2}', kept.replace('"version":1', '"version":99')])
        expect(look(text)).toEqual({ kind: 'none' });
    expect(look(kept, plain, at(1), '/elsewhere/hosts.yaml')).toEqual({ kind: 'none' });
});

test('the same text and inventory give the same snapshot, so that what was found by it is known again', () => {
    const looks = new LastLooks();
    const first = looks.of(kept, file, plain, at(1));
    expect(looks.of(kept, file, plain, at(2))).toBe(first);
    expect(looks.of(`${kept} `, file, plain, at(2))).not.toBe(first);
});

test('simulated hosts are as the inventory says, and need no look', () => {
    const made = inventory(
        'hosts: { a: { driver: simulated, simulated: { memory: 8 GiB, cpus: 4, vms: [{ name: db, memory: 1 GiB }] } } }',
    );
    expect(isWorthALook(made)).toBe(false);
    expect(look(kept, made)).toMatchObject({ kind: 'stated', snapshot: { vms: [{ name: 'db', host: 'a' }] } });
    const bare = inventory('hosts: { a: { driver: simulated, simulated: { memory: 8 GiB, cpus: 4 } } }');
    expect(look(kept, bare)).toEqual({ kind: 'none' });
});

test('files of looks are told apart by where the inventory is', () => {
    expect(lookFileName('/work/rack 40.yaml')).toMatch(/^rack_40\.yaml-[0-9a-f]{16}\.json$/);
    expect(lookFileName('/work/a/hosts.yaml')).not.toBe(lookFileName('/work/b/hosts.yaml'));
});

test('where they are kept follows the environment', () => {
    expect(lookDirectoryOf(stateDirectoryOf({}, '/home/me'))).toBe('/home/me/.local/state/mig-run/looks');
    expect(stateDirectoryOf({ HOME: '/h' }, '/home/me')).toBe('/h/.local/state/mig-run');
    expect(stateDirectoryOf({ XDG_STATE_HOME: '/state/' }, '/home/me')).toBe('/state/mig-run');
    expect(stateDirectoryOf({ XDG_STATE_HOME: 'relative' }, '/home/me')).toBe('/home/me/.local/state/mig-run');
});

test('ages are told in whole units', () => {
    expect([0, 90_000, hour, 25 * hour, 50 * hour].map(agoText)).toEqual(['1 minute', '1 minute', '1 hour', '1 day', '2 days']);
});
