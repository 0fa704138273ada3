import { describe, expect, test } from 'vitest';
import { compileText } from './compile-text.js';
import { bare, compile, findings, program, uri } from './testing/kit.js';
import { evacuate, techniques, tour } from './testing/tour.js';

const readTechniques = (path: string): Promise<string | undefined> =>
    Promise.resolve(path.endsWith('/techniques.mig') ? techniques : undefined);

describe('a whole file', () => {
    test('the first example compiles without a finding', async () => {
        expect(await findings(evacuate)).toEqual([]);
    });

    test('a file with every clause of the language compiles without a finding', async () => {
        expect(await findings(tour, { read: readTechniques })).toEqual([]);
    });

    test.each([['the example', evacuate] as const, ['the tour', tour] as const])('%s survives the way through JSON', async (_, text) => {
        const compiled = await program(text, { read: readTechniques });
        expect(JSON.parse(JSON.stringify(compiled))).toEqual(bareUndefined(compiled));
    });

    test('a program names its sources, its inventory and its params', async () => {
        const compiled = await program(tour, { read: readTechniques });
        expect(compiled.sources).toEqual([{ uri }, { uri: 'file:///policies/techniques.mig' }]);
        expect(compiled.inventory?.path).toBe('rack.yaml');
        expect(bare(compiled.params)).toEqual([
            { name: 'uplink', type: 'rate', value: 1e9, bounds: { least: 1.25e8, most: 5e9 } },
            { name: 'tier', type: 'string', value: 'web', bounds: { oneOf: ['web', 'db'] } },
            { name: 'zones', type: 'strings', value: ['east', 'west'], bounds: { oneOf: ['east', 'west', 'north'] } },
        ]);
        expect(bare(compiled.groups).map((group) => [group.name, group.of])).toEqual([
            ['web', 'vms'],
            ['rack40', 'hosts'],
        ]);
    });

    test('policies come by priority, and then as they are written', async () => {
        const compiled = await program(tour, { read: readTechniques });
        expect(compiled.policies.map((policy) => policy.name)).toEqual(['urgent', 'evacuate', 'relieve', 'rebalance', 'pack']);
    });

    test('what a program uses, reads and mentions is listed', async () => {
        const { uses, reads, mentions } = await program(evacuate);
        expect(new Set(uses.map((use) => use.within))).toEqual(new Set(['evacuate']));
        expect(uses.map((use) => use.feature)).toEqual([
            'priority',
            'trigger.condition',
            'select.filter',
            'select.order',
            'destination.where',
            'destination.keep-free',
            'destination.apart',
            'destination.prefer',
            'technique.precopy',
            'option.downtime',
            'rung.time-bound',
            'bandwidth.total',
            'bandwidth.vm',
            'limit.per-host',
            'require.downtime',
            'failure.leave',
            'failure.report',
        ]);
        expect(reads.map((read) => `${read.entity}.${read.attribute}`)).toEqual([
            'host.maintenance',
            'vm.tags',
            'vm.memory',
            'host.zone',
            'vm.tag',
        ]);
        expect(bare(mentions)).toEqual([
            { of: 'tag', name: 'pinned' },
            { of: 'tag', name: 'role' },
        ]);
    });

    test('the longest history that is asked of an attribute is kept', async () => {
        const { reads } = await program(`policy p {
          when host.cpu > 80% for 5 min and host.cpu > 90% for 1 min
          move vms on host where vm.cpu > 10%
          to hosts where host.cpu < 50%
          using precopy
        }`);
        expect(reads).toContainEqual({ entity: 'host', attribute: 'cpu', historyMs: 300_000 });
        expect(reads).toContainEqual({ entity: 'vm', attribute: 'cpu', historyMs: 0 });
    });

    test('every range lies in the text that it points into', async () => {
        const compiled = await program(evacuate);
        const at = (line: number): string => evacuate.split('\n')[line] ?? '';
        const [policy] = compiled.policies;
        expect(at(policy!.nameRange.start.line).slice(policy!.nameRange.start.character, policy!.nameRange.end.character)).toBe('evacuate');
        const [cap] = policy!.bandwidth!.caps;
        expect(at(cap!.range.start.line).slice(cap!.range.start.character, cap!.range.end.character)).toBe('total uplink');
    });

    test('a program with an error is not handed out', async () => {
        const { program: none, findings: found } = await compile(evacuate.replace('300 ms', '300 MiB'));
        expect(none).toBeUndefined();
        expect(found).toHaveLength(1);
    });

    test('two compilations at once do not see each other', async () => {
        const one = compileText({ uri, text: 'param a: number = 1' });
        const other = compileText({ uri, text: 'param a: number = 2' });
        expect((await one).program?.params[0]?.value).toBe(1);
        expect((await other).program?.params[0]?.value).toBe(2);
    });
    test('a reader of imports that fails does not spoil the next compilation', async () => {
        const failing = { read: () => Promise.reject(new Error('the disk is gone')) };
        expect(await findings('import "other.mig"', failing)).toEqual([
            'MIG002 The import "other.mig" cannot be read. Looked for /policies/other.mig.',
        ]);
        expect(await findings('param a: number = 2')).toEqual([]);
    });
});

/** JSON has no undefined: properties that are undefined are the same as none. */
function bareUndefined(of: unknown): unknown {
    if (Array.isArray(of)) return of.map(bareUndefined);
    if (typeof of !== 'object' || of === null) return of;
    return Object.fromEntries(
        Object.entries(of)
            .filter(([, value]) => value !== undefined)
            .map(([key, value]) => [key, bareUndefined(value)]),
    );
}
