/** Policies as operators write them, on a cluster as they have one: the rules on conflicts find nothing in them. */
import { compileText } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { Snapshot } from '../model/snapshot.js';
import { gib, host, inventoryOf, percent, snapshot, vm } from '../testing/builders.js';
import { hostRules } from './index.js';
import { findingsOf } from './run.js';

const using = 'using precopy { downtime 300 ms; after 10 min: abort } on failure leave and report';

const policies: Readonly<Record<string, string>> = {
    'drain a host within its zone': `policy p priority 10 {
  when host is in maintenance
  move vms on host except vm.tags contains "pinned" order by vm.memory descending
  to hosts where host.zone == source.zone keep 10% of memory free apart by vm.tag.role prefer least loaded ${using} }`,
    'drain to no older QEMU and back': `policy p { when host is in maintenance
  move vms on host to hosts where host.qemu >= source.qemu and host.qemu <= source.qemu prefer least loaded ${using} }`,
    'drain to hosts at least as large that are less busy': `policy p { when host is in maintenance
  move vms on host to hosts where host.memory >= source.memory and host.cpu < 70% and host.cpu <= source.cpu prefer least loaded ${using} }`,
    'drain gangs': `policy p { when host is in maintenance
  move vms on host together by vm.tag.app to hosts prefer most free memory ${using} }`,
    'drain gangs, all or none': `policy p { when host is in maintenance
  move vms on host together by vm.tag.app all or none to hosts prefer most free memory ${using} }`,
    'leave a failing host': `policy p priority 1000 { when host is failing
  move vms on host order by vm.memory ascending to hosts where host.rack != source.rack prefer most free memory ${using} }`,
    'relieve memory pressure': `policy p {
  when host.memory.used > 90% for 1 min until host.memory.used < 75%
  move vms on host order by vm.memory ascending until host.memory.used < 75%
  to hosts where host.memory.used < 70% prefer most free memory ${using} cooldown 10 min }`,
    'relieve the CPU, between two thresholds of one figure': `policy p {
  when host.cpu > 85% and host.memory.used < 95% for 5 min until host.cpu < 60%
  move vms on host where vm.cpu > 20% and vm.cpu < 80% limit 2
  to hosts where host.cpu < 50% prefer least loaded ${using} cooldown 15 min }`,
    'relieve by what a VM sends against what it receives': `policy p {
  when host.net.tx > 600 MiB/s for 5 min until host.net.tx < 300 MiB/s
  move vms on host where vm.net.tx > 2 * vm.net.rx and vm.net.rx > 1 MiB/s limit 3
  to hosts where host.net.tx < source.net.tx / 2 prefer least loaded ${using} cooldown 10 min }`,
    'rebalance in the night': `policy p { at 02:00 every Sat
  move vms where vm.dirty_rate < 40 MiB/s limit 10 to hosts prefer even load when gain > 5% ${using} cooldown 30 min }`,
    'rebalance when it is uneven': `policy p { when cluster.cpu.imbalance > 20% for 15 min
  move vms where vm.memory < 64 GiB limit 10 to hosts prefer even load when gain > 5% ${using} cooldown 30 min }`,
    'consolidate at night': `policy p { every day at 22:00
  move vms on hosts where host.cpu < 20% for 30 min
  to hosts where host.memory.used < 80% prefer fullest keep 1 host of spare capacity ${using} then power off emptied hosts }`,
    'send databases home': `policy p { every day at 03:00
  move vms where vm.tag.role == "db" and host.tag.disk != "ssd" to hosts where host.tag.disk == "ssd" prefer most free memory ${using} }`,
    'bring VMs to the zone of their tag': `policy p { every day at 04:00
  move vms where vm.tag.role == "web" and host.zone == "west" limit 20% to hosts where host.zone == "east" keep 8 GiB of memory free prefer least loaded ${using} }`,
    'move one VM when a person asks': `policy p { on demand move vm "db0" to host "b0" ${using} }`,
    'move small VMs, then large ones': `group small = vms where vm.memory <= 8 GiB
group large = vms where vm.memory > 8 GiB
policy p priority 2 { when host is in maintenance move vms in small on host to hosts prefer least loaded ${using} }
policy q priority 1 { when host is in maintenance move vms in large on host to hosts prefer most free memory ${using} }`,
    'web and databases by policies of their own': `policy p { when host is in maintenance move vms on host where vm.tag.role == "web" to hosts prefer least loaded ${using} }
policy q { when host is in maintenance move vms on host where vm.tag.role == "db" to hosts prefer most free memory ${using} }`,
    'drain, relieve and consolidate': `policy drain priority 10 { when host is in maintenance move vms on host to hosts prefer least loaded ${using} }
policy relieve priority 5 { when host.memory.used > 90% for 1 min until host.memory.used < 75%
  move vms on host order by vm.memory ascending until host.memory.used < 75% to hosts where host.memory.used < 60% prefer most free memory ${using} cooldown 10 min }
policy pack { every day at 22:00 move vms on hosts where host.memory.used < 20% to hosts where host.memory.used > 20% and host.memory.used < 50% prefer fullest ${using} }`,
    'evenings to one zone, mornings to another by tags that differ': `policy p { every day at 20:00 move vms where vm.tag.app == "batch0" to hosts where host.zone == "east" ${using} }
policy q { every day at 06:00 move vms where vm.tag.app == "batch1" to hosts where host.zone == "west" ${using} }`,
    'keep away from hosts that are nearly full, or busy': `policy p { when host.memory.used > 92% until host.memory.used < 80%
  move vms on host where vm.memory < 32 GiB or vm.cpu < 10% limit 4
  to hosts where (host.memory.used < 70% or host.cpu < 30%) and not (host.memory.used > 85%) prefer most free memory ${using} cooldown 10 min }`,
    'choose by traffic': `policy p { when host is in maintenance move vms on host to hosts prefer least loaded
  using choose { vm.net.tx > 2 * vm.net.rx: hybrid
    vm.net.rx > 2 * vm.net.tx: precopy { downtime 300 ms; after 10 min: abort }
    otherwise: precopy { downtime 300 ms; after 10 min: abort } }
  on failure leave and report }`,
    'roll through a rack': `sequence upgrade for each host in waves of 1 keep 1 host of spare capacity {
  drain using precopy { downtime 300 ms; after 10 min: abort } reboot within 15 min wait until host is healthy within 15 min return moved vms }`,
};

/** Two zones of three hosts, in three racks, with VMs of two roles on all of them, about half full. */
const cluster = ((): Snapshot => {
    const hosts = ['a', 'b'].flatMap((row, zone) =>
        [0, 1, 2].map((i) =>
            host(`${row}${i}`, {
                zone: zone === 0 ? 'east' : 'west',
                rack: `r${i}`,
                tags: { disk: i === 2 ? 'hdd' : 'ssd' },
                memory: gib(256),
                memoryFree: gib(136),
                cpus: 32,
                cpuUsed: percent(35 + 5 * i),
            }),
        ),
    );
    const vms = hosts.flatMap(({ name }, i) =>
        Array.from({ length: 10 }, (_, n) =>
            vm(`${n === 0 ? 'db' : 'v'}${n === 0 ? i : `${i}x${n}`}`, name, {
                memory: gib(n === 0 ? 48 : 8),
                cpu: percent(30),
                tags: { app: `batch${i}`, ...(n === 0 && i % 3 !== 1 ? { role: 'db' } : n === 1 && i % 3 !== 2 ? { role: 'web' } : {}) },
            }),
        ),
    );
    return snapshot(hosts, vms);
})();

const inMaintenance: Snapshot = { ...cluster, hosts: cluster.hosts.map((one) => ({ ...one, maintenance: one.name === 'a1' })) };

describe.each(Object.entries(policies))('%s', (_, text) => {
    test.each([
        ['by itself', undefined, undefined],
        ['with an inventory', cluster, undefined],
        ['on hosts as they are', cluster, cluster],
        ['with a host in maintenance', inMaintenance, inMaintenance],
    ])('%s', async (__, hosts, seen) => {
        const { program, findings } = await compileText({ uri: 'file:///test.mig', text });
        if (!program) throw new Error(findings.map((f) => f.message).join('\n'));
        const rules = hostRules.filter(({ id }) => id.startsWith('MIG5'));
        const found = findingsOf(rules, { program, inventory: hosts && inventoryOf(hosts), snapshot: seen });
        expect(found.map(({ id, message }) => `${id} ${message}`)).toEqual([]);
    });
});
