import type { Hook, Requirement, Verify } from '@mig/language';
import { expect, test } from 'vitest';
import { parseInventory } from '../inventory/parse.js';
import { compiled } from '../testing/compiled.js';
import { around, unknownPlaces, wayHome } from './around.js';

const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
const hook = (on: string | undefined): Hook => ({ when: 'before', command: ['sync'], on, withinMs: undefined, range });
const tcp: Verify = { check: { kind: 'tcp', port: 22 }, from: 'probe', withinMs: 5000, otherwise: undefined, range };
const hosts = { source: 'a', destination: 'b' };

test('the ends of a move become hosts, and whatever names no place is run here', () => {
    const { hooks } = around(
        { hooks: [hook('source'), hook('destination'), hook('c'), hook(undefined)], verify: [], onFailure: undefined, requires: [] },
        { name: 'db', tags: {} },
        hosts,
    );
    expect(hooks?.map(({ on, end, withinMs }) => [on, end, withinMs])).toEqual([
        ['a', 'source', 60_000],
        ['b', 'destination', 60_000],
        ['c', undefined, 60_000],
        [undefined, undefined, 60_000],
    ]);
});

test('a VM is reached at the address of its tag, else by its name; what is not said is reported', () => {
    const addressOf = (tags: Record<string, string>) =>
        around({ hooks: [], verify: [tcp], onFailure: undefined, requires: [] }, { name: 'db', tags }, hosts).checks;
    expect(addressOf({ address: '10.0.0.7' })).toEqual([
        { check: { kind: 'tcp', address: '10.0.0.7', port: 22 }, from: 'probe', withinMs: 5000, otherwise: 'report' },
    ]);
    expect(addressOf({})?.[0]?.check).toMatchObject({ address: 'db' });
});

test('a check that says nothing sends the VM home where the policy does so on failure, and the way home is in the plan', () => {
    const returning = {
        hooks: [],
        verify: [tcp],
        onFailure: { range, retry: undefined, then: ['return-home' as const], budget: undefined },
        requires: [],
    };
    expect(around(returning, { name: 'db', tags: {} }, hosts).checks?.[0]?.otherwise).toBe('return-home');
    const migration = { network: 'mig', address: 'a.mig', listen: '0.0.0.0' };
    expect(wayHome(returning, { name: 'a', migration })).toEqual({
        home: migration,
        because: [{ text: 'home again to a should it not answer', range }],
    });
    expect(wayHome(returning, { name: 'a', migration: undefined }).because[0]?.text).toMatch(/^not home again .* no migration address/);
    const reporting = { ...returning, onFailure: undefined, verify: [{ ...tcp, otherwise: 'report' as const }] };
    expect(wayHome(reporting, { name: 'a', migration })).toEqual({ because: [] });
});

const policy = 'policy p { on demand move vms to hosts using precopy verify tcp 22 from "porbe" before each move on source run "sync" }';

test('a place that is neither a host nor a probe is found once, with what was meant', async () => {
    const [program, like] = [await compiled(policy), await compiled(`${policy}\npolicy q like p { on demand }`)];
    const inventory = (text: string) => parseInventory(`hosts: { a: { ssh: root@a } }\n${text}`, 'hosts.yaml').inventory;
    const found = (text: string, of = program) => {
        const read = inventory(text);
        return read === undefined ? ['unread'] : unknownPlaces(of, read).map(({ id, message, hint }) => [id, message, hint]);
    };
    expect(found('probes: { probe: { ssh: watch@p } }')).toEqual([
        ['MIG121', 'the inventory has no host and no probe "porbe"', 'did you mean "probe"?'],
    ]);
    expect(found('', like)).toHaveLength(1);
    expect(found('probes: { porbe: { local: true } }')).toEqual([]);
});

test('a probe is named like no host, and says how it is reached', () => {
    const findings = (probes: string) =>
        parseInventory(`hosts: { a: { ssh: root@a } }\nprobes: ${probes}`, 'hosts.yaml').findings.map((f) => f.message);
    expect(findings('{ a: { local: true } }')).toEqual(['a is a host and a probe']);
    expect(findings('{ p: {} }')).toEqual(['it is not clear how the probe p is reached']);
    expect(findings('{ p: { ssh: watch@p } }')).toEqual([]);
});

test('a VM is watched while it moves only where its blackout is promised, from where it is verified and at its address', () => {
    const blackout: Requirement = { metric: 'blackout', operator: '<=', value: 200, hard: false, range };
    const probeOf = (verify: readonly Verify[], requires: readonly Requirement[]) =>
        around({ hooks: [], verify, requires, onFailure: undefined }, { name: 'db', tags: { address: '10.0.0.7' } }, hosts).probe;
    expect(probeOf([tcp], [])).toBeUndefined();
    expect(probeOf([tcp], [{ ...blackout, metric: 'downtime' }])).toBeUndefined();
    // Port 22 is open: its program would be disturbed a hundred times a second.
    expect(probeOf([tcp], [blackout])).toEqual({ from: 'probe', address: '10.0.0.7', port: 1 });
    expect(probeOf([], [blackout])).toEqual({ from: undefined, address: '10.0.0.7', port: 1 });
});
