import { describe, expect, test } from 'vitest';
import { bare, findings, policyText, program } from '../testing/kit.js';

describe('work over hosts', () => {
    test('its hosts, waves, limits and steps', async () => {
        const { sequences } = await program(`group rack = hosts where host.rack == "40"
            sequence kernels for each host in rack where host.cpus > 4 in waves of 2
                keep 1 host of spare capacity start between 22:00 and 05:00 finish inside halt plan after 1 failed host {
                drain using precopy otherwise stop-and-copy
                run "apt-get", "upgrade" within 30 min; run "uname -r"
                reboot within 10 min
                wait until host is healthy within 15 min
                return moved vms
            }`);
        expect(bare(sequences)).toMatchObject([
            {
                name: 'kernels',
                hosts: { operator: 'and', left: { left: { attribute: 'rack' } }, right: { left: { attribute: 'cpus' } } },
                waves: 2,
                spareHosts: 1,
                startBetween: { from: 1320, to: 300 },
                finishInside: true,
                haltAfterFailedHosts: 1,
                steps: [
                    { kind: 'drain', technique: [{ technique: 'precopy' }, { technique: 'stop-and-copy' }] },
                    { kind: 'run', command: ['apt-get', 'upgrade'], withinMs: 1_800_000 },
                    { kind: 'run', command: ['sh', '-c', 'uname -r'] },
                    { kind: 'reboot', withinMs: 600_000 },
                    { kind: 'wait-until', condition: { attribute: 'healthy' }, withinMs: 900_000 },
                    { kind: 'return-moved-vms' },
                ],
            },
        ]);
    });

    test('needs no name, and goes host by host unless it says otherwise', async () => {
        const { sequences } = await program('let hot = vm.cpu > 5%\nfor each host { reboot }');
        expect(bare(sequences)).toEqual([{ waves: 1, steps: [{ kind: 'reboot' }], finishInside: false }]);
    });
});

describe('scenarios', () => {
    const scenario = (items: string): string => `${policyText('')}\nscenario "s" { ${items} }`;

    test('what is given, run and expected', async () => {
        const { scenarios } = await program(
            scenario(`given host "a" is in maintenance
                given vm "db" { dirty_rate: 8 Mbit/s  memory: 1 KiB, tags: ["web", "db"], tag.app: "x", host: "a", autostart: true }
                given link "a/net" { capacity: 1 Gbit/s }
                run p
                expect moved vms == 6
                expect vm "db" downtime < 300 ms
                expect every host memory.used <= 90%
                expect vm "db" host == "b"`),
        );
        expect(bare(scenarios)).toEqual([
            {
                name: 's',
                given: [
                    { kind: 'condition', entity: 'host', name: 'a', attribute: 'maintenance', value: true },
                    {
                        kind: 'facts',
                        entity: 'vm',
                        name: 'db',
                        facts: { dirty_rate: 1e6, memory: 1024, tags: ['web', 'db'], 'tag.app': 'x', host: 'a', autostart: true },
                    },
                    { kind: 'facts', entity: 'link', name: 'a/net', facts: { capacity: 125e6 } },
                ],
                runs: [{ policy: 'p' }],
                expects: [
                    { subject: { kind: 'run', metric: 'moved vms' }, operator: '==', value: 6, type: 'number' },
                    { subject: { kind: 'vm', name: 'db', metric: 'downtime' }, operator: '<', value: 300, type: 'duration' },
                    { subject: { kind: 'every', of: 'host', metric: 'memory.used' }, operator: '<=', value: 0.9, type: 'ratio' },
                    { subject: { kind: 'vm', name: 'db', metric: 'host' }, operator: '==', value: 'b', type: 'string' },
                ],
            },
        ]);
    });

    test.each([
        ['run p given vm "a" { memry: 1 GiB }', "MIG105 vm has no attribute 'memry'. Did you mean 'memory'?"],
        ['run p given vm "a" { memory: 1 s }', 'MIG203 memory is a size, and 1 s is a duration.'],
        ['run p given vm "a" { memory: 1 GiB memory: 2 GiB }', "MIG004 'memory' is given twice here."],
        ['run p given link "a" { speed: 1 Gbit/s }', "MIG105 A link has no attribute 'speed'. It has capacity and latency."],
        ['run p expect duration < 3 GiB', 'MIG203 duration is a duration, and 3 GiB is a size.'],
        ['given host "a" is failing', 'MIG005 The scenario "s" does not run a policy. Add \'run\' and the name of a policy.'],
    ])('%s is refused', async (items, message) => {
        expect(await findings(scenario(items))).toEqual([message]);
    });
});

test('a schedule may follow what happens on failure', async () => {
    const { policies } = await program(policyText('on failure retry 2 times\nevery day at 22:00'));
    expect(policies[0]?.onFailure?.retry).toEqual({ times: 2, everyMs: 0 });
    expect(policies[0]?.trigger?.kind).toBe('schedule');
});
