import type { Policy } from '@mig/language';
import type { PlannedMove } from '../model/plan.js';
import { exclusion } from './constraints.js';
import { rank } from './preferences.js';
import { arrive, vmsOf, type World } from './world.js';

type Draft = Omit<PlannedMove, 'actions'>;

/**
 * `on failure … other destination`: for each move the next best host. Judged with every move of the plan carried out and
 * every other such place taken as well, so that however many moves fail, there is room for all of them.
 * `end` is the World after the plan.
 */
export function otherDestinations(moves: readonly Draft[], policies: readonly Policy[], end: World): readonly Draft[] {
    const vms = new Map(vmsOf(end).map((vm) => [vm.uuid, vm]));
    let world = end;
    return moves.map((move) => {
        const policy = policies[move.instance];
        const arrived = vms.get(move.vm.uuid);
        if (!policy?.onFailure?.then.includes('other-destination') || !arrived) return move;
        const vm = { ...arrived, host: move.source };
        const without = {
            ...world,
            hosts: new Map([...world.hosts].map(([name, place]) => [name, { ...place, vms: place.vms.filter((v) => v.uuid !== vm.uuid) }])),
        };
        const allowed = [...world.hosts.keys()].filter(
            (destination) =>
                destination !== move.destination && exclusion({ policy, vm, destination, world: without, pending: nobody }) === undefined,
        );
        const [destination] = rank(policy, vm, allowed, without).hosts;
        const route = destination === undefined ? undefined : world.hosts.get(destination)?.state.migration;
        if (destination === undefined || !route) return move;
        world = arrive(world, { ...vm, uuid: `${vm.uuid}/other`, name: `${vm.name}/other` }, destination);
        return {
            ...move,
            otherDestination: { destination, route },
            because: [...move.because, { text: `to ${destination} should it fail`, range: policy.onFailure.range }],
        };
    });
}

const nobody: ReadonlySet<string> = new Set();
