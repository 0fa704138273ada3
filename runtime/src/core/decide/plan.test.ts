import { bytes, bytesPerSecond, epochMs, type Cap, type Policy } from '@mig/language';
import { expect, test } from 'vitest';
import type { Snapshot } from '../model/snapshot.js';
import { digest, gib, host, inventoryOf, minute, noon, snapshot, vm } from '../testing/builders.js';
import { attr, lit, nowhere, op, policy, precopy, program, when } from '../testing/program.js';
import { makePlan, planId, type PlanOptions } from './plan.js';

const three = snapshot(
    [host('a', { maintenance: true }), host('b', { memoryFree: gib(40) }), host('c', { memoryFree: gib(30) })],
    [vm('db', 'a', { memory: gib(8), autostart: true }), vm('web', 'a'), vm('old', 'b')],
);

const plans = (policies: readonly Policy[], on: Snapshot = three, options: Partial<PlanOptions> = {}) =>
    makePlan(program(policies), inventoryOf(on), on, { now: noon, digest, ...options });

const cap = (facts: Partial<Cap> & Pick<Cap, 'limit'>): Cap => ({ scope: 'total', kind: 'cap', range: nowhere, ...facts });
const capped = (...caps: readonly Cap[]) => policy({ bandwidth: { caps, windows: [], range: nowhere } });

test('a host in maintenance is emptied, and every move says why it goes there', () => {
    const { plan, nothing } = plans([policy()]);
    expect(nothing).toBeUndefined();
    expect(plan?.instances).toMatchObject([
        { policy: 'evacuate', bound: { kind: 'host', name: 'a' }, because: [{ text: 'a: host is in maintenance' }] },
    ]);
    expect(plan?.moves.map((m) => `${m.id} ${m.vm.name} ${m.source}>${m.destination}`)).toEqual(['m1 db a>b', 'm2 web a>b']);
    expect(plan?.moves[0]?.because.map((r) => r.text)).toEqual(['least loaded: 50% with the VM (c 65.6%)']);
});

test('where one host is left, a move says what ruled the others out; where a better one is left to another, it says that', () => {
    const web = { tags: { role: 'web' } };
    const hosts = [host('a', { maintenance: true }), host('b', { memoryFree: gib(60) }), host('c', { memoryFree: gib(5) })];
    const apart = policy({ destination: { apart: [{ by: attr('vm.tag.role'), range: nowhere }] } });
    const both = snapshot(hosts, [vm('w1', 'a', web), vm('w2', 'a', { ...web, memory: gib(8) })]);
    expect(plans([apart], both).plan?.moves.map((m) => m.because.map((r) => r.text))).toEqual([
        ['least loaded: 98.4% with the VM (b 12.5%)', 'b would come first, but then a VM further down would have no place'],
        ['least loaded: 18.8% with the VM', 'the only host that every constraint allows'],
    ]);
    const twins = snapshot([...hosts.slice(0, 2), host('c')], [vm('w1', 'a', web), vm('w2', 'a', web)]);
    expect(plans([apart], twins).plan?.moves[1]?.because.map((r) => r.text)).toEqual([
        'least loaded: 31.3% with the VM',
        'the only host that every constraint allows',
        'not b: has w1, and vm.tag.role is "web" for both',
    ]);
});

test('the actions of a move are the calls of the protocol, in order', () => {
    const { plan } = plans([capped(cap({ limit: { kind: 'rate', rate: 125_000_000 } }))]);
    const actions = plan?.moves[0]?.actions.map((a) => `${a.on} ${a.phase}: ${a.call} ${JSON.stringify(a.with)}`).join('\n');
    expect(actions).toMatchInlineSnapshot(`
      "a lock: flock {"file":"/run/mig-run/11111111-1111-4111-8111-000000006462.lock"}
      a lock: virDomainSetMetadata {"domain":"db","uri":"urn:mig:mover:1","set":"run and epoch","flags":["LIVE","CONFIG"]}
      a begin: virDomainMigrateBegin3Params {"domain":"db","flags":["LIVE","PERSIST_DEST","UNDEFINE_SOURCE","CHANGE_PROTECTION"],"migrate_uri":"tcp:b.mig","listen_address":"0.0.0.0"}
      b prepare: virDomainMigratePrepare3Params {"flags":["LIVE","PERSIST_DEST","UNDEFINE_SOURCE"],"migrate_uri":"tcp:b.mig","listen_address":"0.0.0.0","destination_xml":"as begin gave it"}
      a settings: virDomainMigrateSetMaxSpeed {"domain":"db","bandwidth":"its share, at most 1 Gbit/s, in whole MiB/s","again":"as moves start and end"}
      a settings: virDomainMigrateGetMaxSpeed {"domain":"db"}
      a settings: virDomainMigrateSetMaxDowntime {"domain":"db","downtime":"300 ms"}
      a settings: virDomainMigrateGetMaxDowntime {"domain":"db"}
      a perform: virDomainMigratePerform3Params {"domain":"db","flags":["LIVE","PERSIST_DEST","UNDEFINE_SOURCE","CHANGE_PROTECTION"],"migrate_uri":"tcp:b.mig, with the port that prepare gave","listen_address":"0.0.0.0","destination_xml":"as begin gave it"}
      a perform: virDomainMigrateSetMaxDowntime {"domain":"db","downtime":"100 ms","when":"while it sends; 300 ms once a pass leaves no more than that"}
      b finish: virDomainMigrateFinish3Params {"destination_name":"db","flags":["LIVE","PERSIST_DEST","UNDEFINE_SOURCE"],"cancelled":false}
      a confirm: virDomainMigrateConfirm3Params {"domain":"db","flags":["LIVE","PERSIST_DEST","UNDEFINE_SOURCE","CHANGE_PROTECTION"],"cancelled":false}
      b arrival: virDomainSetMetadata {"domain":"db","uri":"urn:mig:mover:1","set":"removed","flags":["LIVE","CONFIG"]}
      b arrival: virDomainSetAutostart {"domain":"db","autostart":true}"
    `);
});

test('a transient VM keeps its definition out of the flags', () => {
    const transient = snapshot([host('a', { maintenance: true }), host('b')], [vm('tmp', 'a', { persistent: false })]);
    const begin = plans([policy()], transient).plan?.moves[0]?.actions.find((a) => a.phase === 'begin');
    expect(begin?.with['flags']).toEqual(['LIVE', 'CHANGE_PROTECTION']);
});

test('a VM belongs to the first policy that takes it, and a later one sees what the earlier one did', () => {
    const first = policy({ name: 'first', priority: 10, selection: { where: [op(attr('vm.name'), '==', lit('db'))] } });
    const second = policy({ name: 'second', priority: 5 });
    const { plan } = plans([first, second]);
    expect(plan?.moves.map((m) => [m.vm.name, plan.instances[m.instance]?.policy])).toEqual([
        ['db', 'first'],
        ['web', 'second'],
    ]);
    const emptied = policy({
        name: 'late',
        priority: 1,
        trigger: when(op(attr('host.vms'), '>', lit(0)), 'host'),
        selection: { from: { kind: 'all', range: nowhere } },
    });
    const late = plans([policy({ name: 'first', priority: 10 }), emptied]).plan;
    expect(late?.instances.at(-1)?.passedOver.map((p) => p.because.text)).toContain('belongs to the policy first');
});

test('caps are rates: a share of a link becomes one cap for each link that is used', () => {
    const share = cap({ scope: 'link', limit: { kind: 'share', share: 0.6 } });
    const { plan } = plans([
        capped(cap({ limit: { kind: 'rate', rate: 1e8 } }), cap({ scope: 'vm', limit: { kind: 'unlimited' } }), share),
    ]);
    expect(plan?.caps.map((c) => [c.scope, c.of, c.rate, c.because.text])).toEqual([
        ['total', undefined, 1e8, 'at most 800 Mbit/s in all'],
        ['link', 'a/mig', 75e6, 'at most 600 Mbit/s for link a/mig'],
        ['link', 'b/mig', 75e6, 'at most 600 Mbit/s for link b/mig'],
    ]);
});

test('a share of a link whose capacity nobody knows is an error that says where to name it', () => {
    const unknown = snapshot(
        [host('a', { maintenance: true, links: [{ network: 'mig', capacity: undefined }] }), host('b')],
        [vm('web', 'a')],
    );
    const outcome = plans([capped(cap({ scope: 'link', limit: { kind: 'share', share: 0.5 } }))], unknown);
    expect(outcome.plan).toBeUndefined();
    expect(outcome.findings).toMatchObject([
        { id: 'MIG301', severity: 'error', message: 'a share of a link needs its capacity, and that of a to "mig" is not known' },
    ]);
    expect(plans([capped(cap({ scope: 'vm', limit: { kind: 'share', share: 0.5 } }))]).findings).toMatchObject([{ id: 'MIG302' }]);
});

test('limits are the strictest of the policies that run, and what the daemons can serve', () => {
    const limit = (count: number) => ({ count, range: nowhere });
    const none = policy().concurrency;
    const { plan } = plans([
        policy({ name: 'one', concurrency: { ...none, perHost: limit(4), inAll: limit(8) } }),
        policy({ name: 'two', concurrency: { ...none, perHost: limit(2) } }),
    ]);
    expect(plan?.limits).toEqual({
        perHost: 2,
        inAll: 8,
        intoHost: undefined,
        outOfHost: undefined,
        perLink: undefined,
        workers: { a: 15, b: 15, c: 15 },
    });
});

test('a policy that cannot be carried out yet is refused with its id, unless another is asked for by name', () => {
    const uses = [{ feature: 'technique.agile' as const, within: 'later', range: nowhere }];
    const file = program([policy(), policy({ name: 'later', trigger: undefined })], { uses });
    const options = { now: noon, digest };
    expect(makePlan(file, inventoryOf(three), three, options)).toMatchObject({
        plan: undefined,
        findings: [{ id: 'MIG090', severity: 'error' }],
    });
    const named = makePlan(file, inventoryOf(three), three, { ...options, policy: 'evacuate' });
    expect(named.plan?.moves).toHaveLength(2);
    expect(named.findings).toMatchObject([{ id: 'MIG090', severity: 'warning' }]);
});

test('using a otherwise b: the plan says why it is not a', () => {
    const agile = { ...precopy, technique: 'agile' as const, name: 'swift' };
    const { plan } = plans([policy({ technique: [agile, precopy] })]);
    expect(plan?.moves[0]?.technique.kind).toBe('precopy');
    expect(plan?.moves[0]?.because.map((r) => r.text)).toContain(
        'swift needs agile migration (technique.agile), which cannot be carried out yet',
    );
});

test('an unknown policy or host is answered with the one that was meant', () => {
    expect(plans([policy()], three, { policy: 'evcuate' }).findings).toMatchObject([
        { id: 'MIG103', message: 'there is no policy "evcuate"', hint: 'did you mean "evacuate"?' },
    ]);
    expect(plans([policy()], three, { policy: 'evacuate', host: 'bb' }).findings).toMatchObject([
        { id: 'MIG121', hint: 'did you mean "b"?' },
    ]);
});

test('where there is nothing to do, the plan says why', () => {
    const calm = snapshot([host('a'), host('b')], [vm('web', 'a')]);
    expect(plans([policy()], calm)).toMatchObject({
        plan: undefined,
        nothing: { text: expect.stringContaining('evacuate: a: not so: host is in maintenance') },
    });
    const empty = snapshot([host('a', { maintenance: true }), host('b')], []);
    expect(plans([policy()], empty).nothing?.text).toBe('there are no VMs to move on a');
    const pinned = policy({ selection: { where: [op(attr('vm.name'), '==', lit('x'))] } });
    expect(plans([pinned]).nothing?.text).toBe('none of the 2 VMs on a is to be moved');
    const alone = snapshot([host('a', { maintenance: true })], [vm('web', 'a')]);
    expect(plans([policy()], alone).nothing?.text).toBe('none of 1 VMs can be moved');
    const silent = snapshot([host('a', { maintenance: true, unreachable: 'no route to host' }), host('b')], []);
    expect(plans([policy()], silent).nothing?.text).toBe('a does not answer, so its VMs are not known: no route to host');
    expect(plans([]).nothing?.text).toBe('the file has no policy');
});

test('what nobody could tell of CPU and disks is a warning, once for each host', () => {
    const disk = { target: 'vda', path: undefined, kind: 'network', shared: undefined, readOnly: false } as const;
    const unsure = { ...three, vms: [vm('db', 'a', { disks: [disk] }), vm('web', 'a')], hosts: three.hosts.slice(0, 2) };
    expect(plans([policy()], unsure).plan?.warnings.map((w) => w.text)).toEqual([
        'nobody could say whether the CPU of b suits db and web',
        'it cannot be told whether b sees the disk vda of db',
    ]);
});

test('hosts whose hypervisor is reached in an unusual way are named once, where a move concerns them', () => {
    const ways = [
        host('a', { maintenance: true, reachedBy: 'virt-ssh-helper' }),
        host('b', { reachedBy: 'virt-ssh-helper' }),
        host('c', { reachedBy: 'nc', memoryFree: bytes(0) }),
    ];
    expect(plans([policy()], { ...three, hosts: ways }).plan?.warnings.map((w) => w.text)).toContain(
        'libvirt on a and b is reached by virt-ssh-helper: SSH forwards to no unix sockets there (AllowStreamLocalForwarding)',
    );
    expect(
        plans([policy()], { ...three, hosts: ways })
            .plan?.warnings.map((w) => w.text)
            .join(),
    ).not.toContain('nc:');
});

test('a trigger that is unknown is a warning of the plan', () => {
    const hot = policy({ name: 'relieve', trigger: when(op(attr('host.cpu'), '>', lit(0.9, 'ratio')), 'host') });
    expect(plans([policy(), hot]).plan?.warnings.map((w) => w.text)).toContainEqual(
        expect.stringContaining('relieve might run: a: host.cpu > 90% is unknown'),
    );
});

test('the name of a plan changes with everything in it, and with nothing else', () => {
    const plan = plans([policy()]).plan;
    if (!plan) throw new Error('no plan');
    expect(planId(plan, digest)).toBe(plan.id);
    expect(planId({ ...plan, madeAt: epochMs(noon + minute) }, digest)).not.toBe(plan.id);
    expect(plans([policy()], { ...three, hosts: [...three.hosts].reverse() }).plan?.id).toBe(plan.id);
});

test('a host that is older than what the runtime is made for is refused', () => {
    const old = snapshot([host('a', { maintenance: true, versions: { libvirt: '8.0.0', qemu: '7.2.22' } }), host('b')], []);
    expect(plans([policy()], old).findings).toMatchObject([
        { id: 'MIG401', message: 'a runs libvirt 8.0.0, and 9.0.0 or later is needed' },
    ]);
});

test('the most that a move may send, in its actions, is that of the strictest cap', () => {
    const { plan } = plans([capped(cap({ limit: { kind: 'rate', rate: 1e8 } }), cap({ scope: 'vm', limit: { kind: 'rate', rate: 5e7 } }))]);
    expect(plan?.moves[0]?.actions.find((a) => a.call === 'virDomainMigrateSetMaxSpeed')?.with['bandwidth']).toBe(
        'its share, at most 400 Mbit/s, in whole MiB/s',
    );
    expect(bytesPerSecond(5e7)).toBe(plan?.caps[1]?.rate);
});

test('of VMs that go by their traffic, what sends goes first and what receives behind it, with the figures', () => {
    const megabits = (n: number) => bytesPerSecond((n * 1e6) / 8);
    const hosts = [host('a', { maintenance: true }), host('b')];
    const takes = { netTx: megabits(1), netRx: megabits(90) };
    const sends = { netTx: megabits(80), netRx: megabits(2) };
    const four = snapshot(hosts, [vm('in1', 'a', takes), vm('out1', 'a', sends), vm('in2', 'a', takes), vm('out2', 'a', sends)]);
    const byTraffic = policy({
        technique: [{ kind: 'technique', technique: 'traffic-sensitive', name: undefined, options: {}, ladder: [], range: nowhere }],
    });
    const moves = plans([byTraffic], four).plan?.moves ?? [];
    expect(moves.map(({ id, vm: { name }, technique, behind }) => [id, name, technique.kind, behind])).toEqual([
        ['m3', 'out1', 'postcopy', undefined],
        ['m4', 'out2', 'postcopy', undefined],
        ['m1', 'in1', 'precopy', ['m3', 'm4']],
        ['m2', 'in2', 'precopy', ['m3', 'm4']],
    ]);
    expect(moves[2]?.because.map(({ text }) => text)).toEqual(
        expect.arrayContaining([
            'precopy is chosen: in1 mostly receives (1 Mbit/s out, 90 Mbit/s in)',
            'not beside out1 (m3), out2 (m4): what mostly sends goes first, and has the link to itself',
        ]),
    );
});

test('a promise on blackout has each VM watched, and the actions say from where', () => {
    const watched = policy({ requires: [{ metric: 'blackout', operator: '<=', value: 200, hard: false, range: nowhere }] });
    const move = plans([watched]).plan?.moves[0];
    expect(move?.probe).toEqual({ from: undefined, address: 'db', port: 1 });
    expect(move?.actions.find(({ call }) => call === 'connect')).toMatchObject({ on: 'mig-run', with: { to: 'db:1', every: '10 ms' } });
    expect(plans([policy()]).plan?.moves[0]?.probe).toBeUndefined();
});
