import { expect, test } from 'vitest';
import { program } from '../testing/kit.js';
import { techniques, tour } from '../testing/tour.js';

test('what a program reads is every attribute that stands anywhere in its policies and sequences', async () => {
    const { policies, sequences, reads } = await program(tour, { read: () => Promise.resolve(techniques) });
    const everywhere = new Set<string>();
    JSON.stringify([policies, sequences], (_, part: unknown) => {
        if (isAttribute(part)) everywhere.add(`${part.entity === 'source' ? 'host' : part.entity}.${part.attribute}`);
        return part;
    });
    expect(everywhere.size).toBeGreaterThan(10);
    expect(new Set(reads.map(({ entity, attribute }) => `${entity}.${attribute}`))).toEqual(everywhere);
});

const isAttribute = (part: unknown): part is { readonly entity: string; readonly attribute: string } =>
    typeof part === 'object' && part !== null && 'kind' in part && part.kind === 'attribute' && 'entity' in part && 'attribute' in part;
