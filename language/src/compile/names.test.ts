import { describe, expect, test } from 'vitest';
import { findings, policyText as p, program } from '../testing/kit.js';

/** The ids of what is found, each once. */
const ids = async (text: string): Promise<readonly string[]> => [...new Set((await findings(text)).map((found) => found.slice(0, 6)))];

const chain = (length: number, line: (at: number) => string): string => Array.from({ length }, (_, at) => line(at)).join('\n');
const repeated = (text: string, between: string): string => Array.from({ length: 4 }, () => text).join(between);

describe('what needs itself is told so', () => {
    test.each([
        ['group a = vms where vm in a'],
        [`group a = vms where vm in b\ngroup b = vms where not vm in a\n${p('move vms in a')}`],
        [`group a = hosts where host in b and host.zone == "x"\nlet near = host in a\ngroup b = hosts where near\n${p('to hosts in b')}`],
        [`let a = b\nlet b = a\n${p('move vms where a')}`],
        [`technique a = b\ntechnique b = a\n${p('using a')}`],
        [`technique a = choose { vm.memory > 1 GiB: b; otherwise: precopy }\ntechnique b = a { downtime 300 ms }\n${p('using b')}`],
    ])('%s', async (text) => {
        expect(await ids(text)).toEqual(['MIG108']);
    });
});

describe('what doubles with every name is refused', () => {
    test.each([
        [
            'lets',
            `${chain(12, (at) => `let n${at} = ${at === 0 ? 'vm.memory' : repeated(`n${at - 1}`, ' + ')}`)}\n${p('move vms where n11 > 1 GiB')}`,
        ],
        [
            'groups',
            `${chain(12, (at) => `group n${at} = vms where ${at === 0 ? 'vm.memory > 1 GiB' : repeated(`vm in n${at - 1}`, ' or ')}`)}\n${p('move vms in n11')}`,
        ],
        [
            'groups of hosts by way of lets',
            `${chain(12, (at) => `group n${at} = hosts where ${at === 0 ? 'host.cpu < 50%' : repeated(`l${at - 1}`, ' or ')}\nlet l${at} = host in n${at}`)}\n${p('to hosts in n11')}`,
        ],
        [
            'techniques',
            `${chain(14, (at) => `technique n${at} = ${at === 0 ? 'precopy { after 5 min: abort }' : `choose { ${repeated(`vm.cpu > 5%: n${at - 1}`, '; ')} otherwise: postcopy }`}`)}\n${p('using n13')}`,
        ],
    ])('%s', async (_, text) => {
        expect(await ids(text)).toContain('MIG112');
    });

    test('also where one is built on another several thousand times', async () => {
        const lets = chain(3000, (at) => `let n${at} = ${at === 0 ? 'vm.memory' : `n${at - 1}`}`);
        expect(await ids(`${lets}\n${p('move vms where n2999 > 1 GiB')}`)).toContain('MIG112');
    });

    test('and a thousand names in a row are not', async () => {
        const groups = chain(900, (at) => `group n${at} = vms where ${at === 0 ? 'vm.memory > 1 GiB' : `vm in n${at - 1}`}`);
        expect((await program(`${groups}\n${p('move vms in n899')}`)).groups).toHaveLength(900);
    });
});
