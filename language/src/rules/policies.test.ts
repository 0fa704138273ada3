/** Edge cases of the rules on the clauses of policies; what each rule finds at all is in rules.test.ts. */
import { describe, expect, test } from 'vitest';
import { findings, policyText } from '../testing/kit.js';
import { rulesOfFilesAlone } from './alone.js';
import { textRules } from './index.js';

const ids = async (text: string): Promise<readonly string[]> => (await findings(text)).map((line) => line.slice(0, 6));

describe('the rules on the clauses of a policy', () => {
    test.each([
        // Promises
        ['using precopy { downtime 300 ms }\nrequire downtime < 300 ms', []],
        ['using precopy { downtime 300 ms }\nrequire blackout <= 200 ms', ['MIG309']],
        ['using precopy { downtime 300 ms }\nrequire hard downtime <= 200 ms', ['MIG310']],
        ['using precopy { downtime 300 ms }\nrequire brownout <= 200 ms', []],
        ['using choose { vm.cpu > 50%: precopy { downtime 900 ms } otherwise: postcopy }\nrequire downtime <= 500 ms', ['MIG309']],
        // Gangs
        ['move vm "a", "b", "c" together by vm.tag.app\nat most 2 at once in all', []],
        ['move vm "a", "b", "c" where vm.tag.app == "x" together by vm.tag.app\nat most 2 at once per host', []],
        ['move vm "a", "b", "c" where vm.tag.app == "x" limit 2 together by vm.tag.app\nat most 2 at once in all', []],
        ['move vm "a", "b", "a" where vm.tag.app == "x" together by vm.tag.app\nat most 2 at once in all', []],
        ['move vm "a", "b", "c" where vm.tag.app in ["x"] together by vm.tag.app\nat most 2 at once in all', ['MIG311']],
        // Floors and caps
        ['bandwidth { per host 1 Gbit/s; per vm at least 2 Gbit/s }', ['MIG312']],
        ['bandwidth { per link 60%; per vm at least 2 Gbit/s }', []],
        ['bandwidth { per link 60%; per link at least 80% }', ['MIG312']],
        ['bandwidth { total 8 Gbit/s; per vm at least 2 Gbit/s; between 08:00 and 18:00: total 1 Gbit/s }', ['MIG312']],
        ['bandwidth { total 1 Gbit/s; per vm at least 500 Mbit/s; between 18:00 and 20:00: total 8 Gbit/s, per vm at least 2 Gbit/s }', []],
        ['bandwidth { total unlimited; per vm 1 Gbit/s }', []],
        ['bandwidth { total 1 Gbit/s; per vm 1 Gbit/s }', []],
        ['bandwidth { per host 1 Gbit/s; per link 2 Gbit/s }', ['MIG313']],
        ['bandwidth { reserve 50%; per link 60% }', ['MIG313']],
        ['bandwidth { reserve 40%; per link 60% }', []],
        // Limits
        ['at most 4 at once into each host, 2 per host', ['MIG314']],
        ['at most 2 at once into each host, 2 out of each host, 4 per host, 8 in all', []],
        // Windows
        ['bandwidth { total 8 Gbit/s; between 08:00 and 08:00: total 1 Gbit/s }', ['MIG317']],
        // Deadlines and tries
        ['using precopy { after 10 min: abort }\ndeadline 5 min', []],
        ['using precopy { after 10 min: switch to postcopy }\nrequire duration <= 8 min', ['MIG319']],
        ['using precopy { after 10 min: switch to postcopy }\nrequire duration <= 8 min\ndeadline 20 min waive require', []],
        ['require duration <= 15 min\ndeadline 5 min waive require', []],
        ['require eviction <= 15 min\ndeadline 5 min', ['MIG321']],
        ['on failure retry 3 times', []],
        ['on failure retry 500 times every 10 min', ['MIG320']],
        ['at 02:00 for 10 min\non failure retry 3 times every 5 min, then leave', ['MIG320']],
        ['at 02:00\non failure retry 3 times every 5 min, then leave', []],
        // Caps under the dirty rate
        ['move vms where vm.dirty_rate > 100 MiB/s\nbandwidth { per vm 1 Gbit/s }', []],
        ['move vms where vm.dirty_rate < 100 MiB/s\nbandwidth { per vm 100 Mbit/s }', []],
        ['move vms except vm.dirty_rate <= 100 MiB/s\nbandwidth { total 400 Mbit/s }', ['MIG322']],
        ['move vms where vm.dirty_rate > 100 MiB/s\nusing postcopy\nbandwidth { per vm 400 Mbit/s }', []],
        ['using choose { vm.dirty_rate > 100 MiB/s: precopy otherwise: postcopy }\nbandwidth { per vm 400 Mbit/s }', ['MIG322']],
        // Choices
        ['using choose { vm.cpu > 50%: postcopy vm.cpu > 50%: hybrid otherwise: precopy }', ['MIG323']],
        ['using choose { otherwise: precopy vm.cpu > 50%: postcopy }', ['MIG323']],
        ['using choose { vm.cpu > 50% and vm.cpu < 20%: postcopy otherwise: precopy }', ['MIG323']],
        ['using choose { vm.cpu > 50%: postcopy vm.cpu <= 50%: hybrid otherwise: precopy }', []],
        ['using choose { vm.cpu > 50%: postcopy } otherwise precopy', []],
        ['using choose { vm.cpu > 50%: postcopy }', ['MIG324']],
    ])('%s: %j', async (clauses, expected) => {
        expect(await ids(policyText(clauses))).toEqual(expected);
    });

    test('what a policy inherits is judged where it is written, and only there', async () => {
        const base = policyText('bandwidth { total 1 Gbit/s; per vm 2 Gbit/s }\non failure retry 500 times every 10 min');
        expect(await ids(`${base}\npolicy a like p { cooldown 5 min }\npolicy b like p { cooldown 6 min }`)).toEqual(['MIG313', 'MIG320']);
    });

    test('what a policy adds to what it inherits is judged at what it adds', async () => {
        const base = policyText('using precopy { downtime 300 ms }');
        expect(await findings(`${base}\npolicy a like p { require downtime <= 200 ms }`)).toHaveLength(1);
    });

    test('a cap that is reckoned from a param is not said never to bind, since it may be set otherwise', async () => {
        const clauses = policyText('bandwidth { total uplink; per vm 800 Mbit/s }');
        expect(await findings(`param uplink: rate = 400 Mbit/s\n${clauses}`)).toEqual([]);
    });
});

describe('the rules on names', () => {
    const run = 'policy p { when host is in maintenance move vms on host to hosts using precopy }\n';

    test('leave files alone that only lend what they declare, or whose policies are run by name', async () => {
        expect(await ids('param a: rate = 1 Gbit/s\ntechnique t = precopy')).toEqual([]);
        expect(await ids(`param a: rate = 1 Gbit/s\n${policyText('')}`)).toEqual([]);
        expect(await ids(`param a: rate = 1 Gbit/s\n${run}`)).toEqual(['MIG130']);
    });

    test('say nothing of uses where a part of the text could not be read', async () => {
        expect(await ids(`param a: rate = 1 Gbit/s\n${run}policy q { move vms to hosts using precopy bandwidth { total `)).not.toContain(
            'MIG130',
        );
    });

    test('tell the names apart that are hidden', async () => {
        expect(await findings('let hot = vm.cpu > 50%\ntechnique t(hot: duration = 5 ms) = precopy { downtime hot }')).toEqual([
            "MIG136 The parameter 'hot' hides the let 'hot'. Give one of the two another name.",
        ]);
        expect(await ids('param cluster: rate = 1 Gbit/s')).toEqual(['MIG136']);
    });
});

describe('what nothing in a file uses', () => {
    test('is found by rules that are listed as such', () => {
        const named = textRules.filter(({ name }) => /^unused-(?!import|parameter$)/.test(name)).map(({ id }) => id);
        expect([...rulesOfFilesAlone]).toEqual(named);
    });

    const drain = (name: string, using = 'precopy'): string =>
        `policy ${name} { when host is in maintenance  move vms on host  to hosts  using ${using} }\n`;
    const spare =
        'technique quick = precopy { after 5 min: abort }\ntechnique slow = precopy { after 9 min: abort }\nlet hot = vm.cpu > 9%\n';

    test('is said of a file that runs something and stands alone', async () => {
        expect(await ids(`${spare}${drain('a', 'quick')}`)).toEqual(['MIG133', 'MIG131']);
        expect(await ids(spare)).toEqual([]);
    });

    test('is not said of a file that is imported: others may use it, whether it runs something itself or not', async () => {
        const read = (): Promise<string> => Promise.resolve(`${spare}${drain('a')}`);
        expect(await findings(`import "shared.mig"\n${drain('b', 'quick')}`, { read })).toEqual([]);
    });
});
