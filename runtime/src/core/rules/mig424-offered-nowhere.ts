import { nearest } from '@mig/language';
import { evacuate, hostsFile } from './example.js';
import { provisionsOf } from './provided.js';
import { reachOf } from './reach.js';
import type { HostRule } from './rule.js';
import { some } from './words.js';

/** Where the inventory lists each kind. */
const lists = { device: 'devices', profile: 'profiles' } as const;

export const offeredNowhere: HostRule = {
    id: 'MIG424',
    name: 'offered-nowhere',
    severity: 'error',
    needs: 'inventory',
    summary: 'A destination is to have a device or a profile that no host of the inventory has, or none that the policy may go to.',
    avoid: evacuate({ to: 'hosts with device "gpu-a1000"' }),
    prefer: evacuate({ to: 'hosts with device "gpu-a100"' }),
    files: { 'hosts.yaml': hostsFile({ a: { says: ['devices: []'] }, b: { says: ['devices: [gpu-a100]'] } }) },
    rationale:
        'No host would ever do, so no VM of the policy would ever be moved. The names are those of the inventory: a slip in one is a device that nobody has.',
    source: 'Nova\'s "No valid host was found" for a trait that no host has: operators ask which name it was.',
    lacks: (input) => {
        const asked = input.program.policies.flatMap(({ destination }) => destination.offers ?? []);
        const stated = [...provisionsOf(input).values()];
        return asked
            .filter(({ kind }) => stated.every((each) => (each[lists[kind]]?.length ?? 0) === 0))
            .map(({ kind, name }) => ({ what: `the ${kind} "${name}"`, of: `${lists[kind]} in the inventory`, hosts: [] }));
    },
    byPart: true,
    check: (input, report) => {
        const provided = [...provisionsOf(input)];
        const reach = reachOf(input);
        for (const policy of input.program.policies) {
            for (const { kind, name, range } of policy.destination.offers ?? []) {
                const offers = provided.map(([host, provides]) => ({ host, has: provides[lists[kind]] }));
                // The inventory gives the names: one that states none anywhere says nothing of them.
                const stated = offers.flatMap(({ has }) => has ?? []);
                if (stated.length === 0) continue;
                const having = offers.filter(({ has }) => has?.includes(name) === true).map(({ host }) => host);
                if (having.some((host) => reach.canArrive(host, policy))) continue;
                if (having.length > 0) {
                    report(
                        range,
                        `${policy.name} asks for the ${kind} "${name}", which only ${some(having)} has, and it may not go there`,
                        {
                            hint: 'loosen what stands against these hosts, or take the demand out',
                        },
                    );
                    continue;
                }
                const names = [...new Set(stated)].sort();
                const near = nearest(name, names);
                report(range, `no host of the inventory has the ${kind} "${name}"`, {
                    hint: near === undefined ? `known: ${some(names)}` : `did you mean "${near}"?`,
                    fixes: near === undefined ? [] : [{ title: `Change to "${near}"`, edits: [{ range, newText: `"${near}"` }] }],
                });
            }
        }
    },
};
