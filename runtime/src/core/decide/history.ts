import type { AttributeRead, Program } from '@mig/language';
import type { Sample, Snapshot } from '../model/snapshot.js';
import { historyKey, readAttribute, type Scope, scopeOf } from './attributes.js';
import { vmsOf, type World, worldOf } from './world.js';

/**
 * What a Snapshot adds to the histories that a program needs (`for 5 min`): one sample for each attribute that is read
 * with a past, of each host, VM or the cluster, by its key in `Snapshot.history`. What is unknown adds nothing.
 */
export function samplesToKeep(program: Pick<Program, 'reads'>, snapshot: Snapshot): Readonly<Record<string, Sample>> {
    const world = worldOf(snapshot);
    const samples: Record<string, Sample> = {};
    for (const read of program.reads) {
        if (read.historyMs === 0) continue;
        const name = { entity: read.entity, attribute: read.attribute, key: undefined };
        for (const scope of scopesOf(read, world)) {
            const key = historyKey(name, scope);
            const outcome = readAttribute(name, scope);
            if (key === undefined || !outcome.known || typeof outcome.value === 'object') continue;
            samples[key] = { at: snapshot.takenAt, value: outcome.value };
        }
    }
    return samples;
}

function scopesOf({ entity }: AttributeRead, world: World): readonly Scope[] {
    switch (entity) {
        case 'vm':
            return vmsOf(world).map((vm) => scopeOf(world, { vm }));
        case 'host':
        case 'source':
            return [...world.hosts.keys()].map((host) => scopeOf(world, { host, source: host }));
        case 'cluster':
            return [scopeOf(world)];
        case 'link':
        case 'move':
            return [];
    }
}
