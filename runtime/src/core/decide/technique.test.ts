import { compileText } from '@mig/language';
import { expect, test } from 'vitest';
import { notBuilt } from '../rules/not-built.js';
import { techniqueFor } from './technique.js';

async function choice(using: string) {
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text: `policy p { move vms to hosts using ${using} }` });
    if (!program) throw new Error(findings.map((f) => f.message).join('\n'));
    const { technique, because } = techniqueFor(program.policies[0]?.technique ?? []);
    const refused = notBuilt(program, { kind: 'run', policy: 'p' }).filter((f) => f.severity === 'error').length > 0;
    return { kind: technique?.kind, because: because.map((r) => r.text), refused };
}

test('the first that can be carried out is used', async () => {
    expect(await choice('precopy')).toEqual({ kind: 'precopy', because: [], refused: false });
    expect(await choice('postcopy otherwise precopy')).toMatchObject({
        kind: 'precopy',
        because: ['postcopy needs post-copy (technique.postcopy), which cannot be carried out yet', 'so precopy is used'],
    });
});

test.each([
    'precopy { downtime 300 ms; after 5 min: abort }',
    'precopy { when stalled for 3 iterations: downtime 450 ms; when iteration 9: abort }',
    'precopy { after 1 min: report; after 5 min: abort }',
])('%s can be carried out', async (using) => {
    expect(await choice(using)).toEqual({ kind: 'precopy', because: [], refused: false });
});

test.each([
    ['precopy { streams 4; after 5 min: abort }', 'option.streams'],
    ['precopy { tls; after 5 min: abort }', 'option.tls'],
    ['precopy { when stalled for 3 iterations: throttle 20%; after 5 min: abort }', 'rung.throttle'],
    ['precopy { after 2 min: switch to postcopy }', 'rung.postcopy'],
    ['precopy { after 2 min: pause }', 'rung.pause'],
    ['hybrid', 'technique.hybrid'],
    ['least duration', 'technique.goal'],
    ['choose { otherwise: precopy }', 'technique.choose'],
])('%s cannot: nothing is chosen, and the run is refused (%s)', async (using, feature) => {
    const { kind, because, refused } = await choice(using);
    expect(kind).toBeUndefined();
    expect(because[0]).toContain(feature);
    expect(refused).toBe(true);
});
