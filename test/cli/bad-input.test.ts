/** Everything that a person can get wrong: what, where, how to mend; the exit code; and nothing is done. */
import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Desk } from '../kit/mig-run.js';

const inventory = `
networks: [{ name: migration, capacity: 1 Gbit/s }]
hosts:
  kvm-a:
    driver: simulated
    zone: east
    maintenance: true
    migration: { network: migration, address: 10.66.1.11 }
    simulated:
      memory: 8 GiB
      cpus: 4
      vms:
        - { name: web1, memory: 64 MiB, tags: [role=web] }
        - { name: web2, memory: 64 MiB, tags: [role=web] }
        - { name: build1, memory: 64 MiB, tags: [pinned] }
  kvm-b:
    driver: simulated
    zone: east
    migration: { network: migration, address: 10.66.1.12 }
    simulated: { memory: 8 GiB, cpus: 4 }
`;

const policy = (body: string): string => `inventory "hosts.yaml"\n\npolicy drain {\n  when host is in maintenance\n${body}\n}\n`;
const whole = policy('  move vms on host\n  to hosts\n  using precopy');

let desk: Desk;
beforeEach(async () => {
    desk = await Desk.clear();
    await desk.write('hosts.yaml', inventory);
});
afterEach(async () => desk[Symbol.asyncDispose]());

const run = async (text: string, ...args: string[]) => {
    await desk.write('drain.mig', text);
    return desk.migRun(['drain.mig', '--yes', ...args]);
};

test('a policy that is right moves the VMs', async () => {
    const { code, stdout } = await run(whole);
    expect(stdout).toMatch(/web1 .*kvm-b/);
    expect(code).toBe(0);
});

describe('the policy', () => {
    test.each([
        ['a syntax error', policy('  move vms on host\n  to hosts\n  usin precopy'), 'drain.mig:7:3', /expected|did you mean/, 3],
        [
            'an unknown attribute',
            policy('  move vms on host where vm.memroy > 1 GiB\n  to hosts\n  using precopy'),
            'drain.mig:5:',
            /memory/,
            3,
        ],
        ['a wrong unit', policy('  move vms on host where vm.memory > 1 Gbit/s\n  to hosts\n  using precopy'), 'drain.mig:5:', /rate/, 3],
        [
            'a cap of 0',
            policy('  move vms on host\n  to hosts\n  using precopy\n  bandwidth { total 0 Gbit/s }'),
            'drain.mig:8:',
            /unlimited|0/,
            3,
        ],
        [
            'an unknown host',
            policy('  move vms on host\n  to hosts where host.name == "kvm-x"\n  using precopy'),
            'drain.mig:6:',
            /kvm-/,
            3,
        ],
        ['an unknown VM', policy('  move vms on host where vm.name == "wbe1"\n  to hosts\n  using precopy'), 'drain.mig:5:', /web1/, 3],
        ['an unknown technique', policy('  move vms on host\n  to hosts\n  using precopi'), 'drain.mig:7:9', /precopy/, 3],
        [
            'what is not built yet',
            policy('  move vms on host\n  to hosts\n  using scatter-gather via 2 hosts'),
            'drain.mig:7:9',
            /technique\.scatter-gather/,
            5,
        ],
    ])('%s is shown with its place and a cure', async (_, text, place, cure, exit) => {
        const { code, all } = await run(text);
        expect(all).toContain(place);
        expect(all).toMatch(cure);
        expect(code).toBe(exit);
    });

    test('that is not there is named', async () => {
        const { code, stderr } = await desk.migRun(['nowhere.mig']);
        expect(stderr).toContain('nowhere.mig: there is no such file');
        expect(code).toBe(2);
    });

    test('whose param does not exist, or gets a value of the wrong kind, is refused', async () => {
        const unknown = await run(`param uplink: rate = 1 Gbit/s\n${whole}`, '--set', 'uplnk=2Gbit/s');
        expect(unknown.all).toMatch(/uplnk.*\n.*uplink/s);
        expect(unknown.code).toBe(3);
        const wrong = await run(`param uplink: rate = 1 Gbit/s\n${whole}`, '--set', 'uplink=2GiB');
        expect(wrong.all).toMatch(/uplink/);
        expect(wrong.code).toBe(3);
        expect((await run(whole, '--set', 'uplink')).code).toBe(2);
    });
});

describe('the inventory', () => {
    test.each([
        ['that is not YAML', 'hosts: [', /not YAML.*hosts\.yaml:1:9/s],
        [
            'with an unknown key',
            inventory.replace('zone: east\n    maintenance', 'zonne: east\n    maintenance'),
            /hosts\.yaml:6:5.*did you mean zone/s,
        ],
        ['that names a host twice', inventory.replace('kvm-b:', 'kvm-a:'), /kvm-a is named twice.*hosts\.yaml:16:3/s],
    ])('%s is shown with line and column', async (_, text, message) => {
        await desk.write('hosts.yaml', text);
        const { code, all } = await run(whole);
        expect(all).toMatch(message);
        expect(code).toBe(3);
    });

    test('that is missing is named, and so is one that nobody named', async () => {
        const missing = await run(whole.replace('hosts.yaml', 'rack.yaml'));
        expect(missing.stderr).toContain('rack.yaml: there is no such file');
        expect(missing.code).toBe(2);
        const unnamed = await run(whole.replace('inventory "hosts.yaml"', ''));
        expect(unnamed.stderr).toMatch(/names no inventory.*--inventory/s);
        expect(unnamed.code).toBe(2);
    });

    test('does not have a host of the command line', async () => {
        const { code, stderr } = await run(whole, '--maintenance', 'kvm-z');
        expect(stderr).toMatch(/kvm-z.*\n.*kvm-a, kvm-b/);
        expect(code).toBe(2);
    });
});

describe('the decision', () => {
    test('an empty selection says which clause passed which VM over', async () => {
        const { code, all } = await run(policy('  move vms on host where vm.memory > 1 TiB\n  to hosts\n  using precopy'));
        expect(all).toMatch(/web1/);
        expect(all).toMatch(/vm\.memory/);
        expect(code).toBe(0);
    });

    test('when no destination fits, the constraint that excludes each host is named', async () => {
        const { code, all } = await run(
            policy('  move vms on host\n  to hosts where host.zone == "west"\n  using precopy')
                .replace('"west"', '"east"')
                .replace('to hosts where', 'to hosts where host.rack == source.rack and'),
        );
        expect(all).toMatch(/kvm-b/);
        expect(all).toMatch(/rack/);
        expect(code).toBe(5);
    });

    test('an anti-affinity that one destination cannot meet leaves the second VM, and says why', async () => {
        const { code, all } = await run(
            policy('  move vms on host where vm.tags contains "role"\n  to hosts apart by vm.tag.role\n  using precopy'),
        );
        expect(all).toMatch(
            /cannot be placed\n+ +web2 \(on kvm-a\)\n +kvm-b +has web1, and vm\.tag\.role is \"web\" for both +drain\.mig:6/,
        );
        expect(code).toBe(1);
    });

    test('a stale plan is refused, an altered one too', async () => {
        await desk.write('drain.mig', whole);
        expect((await desk.migRun(['plan', 'drain.mig', '--save', 'plan.json'])).code).toBe(0);
        await desk.write('hosts.yaml', inventory.replace('name: web1, memory: 64 MiB', 'name: web1, memory: 128 MiB'));
        const stale = await desk.migRun(['apply', 'plan.json', '--inventory', 'hosts.yaml', '--yes']);
        expect(stale.stderr).toMatch(/no longer holds.*web1/);
        expect(stale.code).toBe(6);
        await desk.write('plan.json', '{"kind":"mig-plan","version":1,"id":"sha256:0"}');
        const altered = await desk.migRun(['apply', 'plan.json', '--inventory', 'hosts.yaml', '--yes']);
        expect(altered.stderr).toMatch(/has been changed/);
        expect(altered.code).not.toBe(0);
        await desk.write('plan.json', '{"kind":"mig-plan","version":99}');
        expect((await desk.migRun(['apply', 'plan.json', '--inventory', 'hosts.yaml', '--yes'])).stderr).toMatch(/newer mig-run/);
    });

    test('a saved plan that still holds is carried out', async () => {
        await desk.write('drain.mig', whole);
        await desk.migRun(['plan', 'drain.mig', '--save', 'plan.json']);
        const { code, stdout } = await desk.migRun(['apply', 'plan.json', '--inventory', 'hosts.yaml', '--yes']);
        expect(stdout).toMatch(/web1/);
        expect(code).toBe(0);
    });
});

describe('the surroundings', () => {
    test('without a terminal the plan is not carried out unasked', async () => {
        await desk.write('drain.mig', whole);
        const { code, stderr } = await desk.migRun(['drain.mig']);
        expect(stderr).toMatch(/--yes/);
        expect(code).toBe(2);
    });

    test('a journal that cannot be written stops everything before it begins', async () => {
        await desk.write('state', 'a file where a directory should be');
        const { code, stderr } = await run(whole);
        expect(stderr).toMatch(/state/);
        expect(stderr).toMatch(/XDG_STATE_HOME/);
        expect(code).toBe(7);
    });

    test('60 columns are enough: no line is wider', async () => {
        await desk.write('drain.mig', whole);
        const { stdout, code } = await desk.migRun(['drain.mig', '--yes', '--actions'], { env: { COLUMNS: '60' } });
        expect(code).toBe(0);
        // Lines of a log carry their time; they are for files, and are not cut.
        const lines = stdout.split('\n').filter((line) => !/^ +[\d.]+ s  /.test(line));
        expect(lines.length).toBeGreaterThan(20);
        expect(lines.filter((line) => line.length > 60)).toEqual([]);
    });

    test('a reader that goes away does not stop the run', async () => {
        await desk.write('drain.mig', whole);
        const { code } = await desk.migRun(['drain.mig', '--yes'], {
            through: ['bash', '-c', 'set -o pipefail; "$@" | true', 'bash'],
        });
        const status = await desk.migRun(['status', '--json']);
        expect(code).toBe(0);
        expect(JSON.parse(status.stdout)).toMatchObject({ state: 'ended', outcome: 'complete' });
    });

    test('a reader that takes its time gets everything', async () => {
        // Four times what a pipe holds.
        const wrong = Array.from({ length: 1000 }, (_, i) => `let a${i} = vm.memry > ${i} GiB`).join('\n');
        await desk.write('wrong.mig', wrong);
        const { code, stdout } = await desk.migRun(['check', 'wrong.mig', '--json'], {
            through: ['bash', '-c', 'set -o pipefail; "$@" | (sleep 1; cat)', 'bash'],
        });
        expect(stdout.length).toBeGreaterThan(256 * 1024);
        expect((JSON.parse(stdout) as readonly { readonly id: string }[]).filter((f) => f.id === 'MIG105')).toHaveLength(1000);
        expect(code).toBe(3);
    });

    test('a full disk under the output does not stop the run, and is told', async () => {
        await desk.write('drain.mig', whole);
        const through = ['bash', '-c', '"$@" >/dev/full', 'bash'];
        const run = await desk.migRun(['drain.mig', '--yes'], { through });
        expect(run.stderr).toMatch(/the output cannot be written: .*ENOSPC/);
        expect(run.code).toBe(74);
        const status = await desk.migRun(['status', '--json']);
        expect(JSON.parse(status.stdout)).toMatchObject({ state: 'ended', outcome: 'complete' });
        const wrong = await desk.migRun(['explain', 'MIG999'], { through });
        expect(wrong.code).toBe(2);
    });

    test('a command that is not built yet says so', async () => {
        const { code, stderr } = await desk.migRun(['watch']);
        expect(stderr).toMatch(/not built yet/);
        expect(code).toBe(2);
    });

    test('a check leaves no trace', async () => {
        await desk.write('drain.mig', whole);
        expect((await desk.migRun(['check', 'drain.mig'])).stdout).toContain('nothing found');
        expect((await readdir(desk.directory)).sort()).toEqual(['drain.mig', 'hosts.yaml']);
    });
});
