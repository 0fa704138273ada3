import { describe, expect, test } from 'vitest';
import { bare, findings, program } from '../testing/kit.js';

const text =
    'param uplink: rate = 8 Gbit/s\nparam half = uplink / 2\nparam zone: string = "a"\nparam quick: boolean = false\nparam many: number = 3\nparam since: time = 08:30';

describe('the value of a param', () => {
    test('stands in the text, and may be reckoned from others before it', async () => {
        expect(bare((await program(text)).params).map(({ name, type, value }) => [name, type, value])).toEqual([
            ['uplink', 'rate', 1e9],
            ['half', 'rate', 5e8],
            ['zone', 'string', 'a'],
            ['quick', 'boolean', false],
            ['many', 'number', 3],
            ['since', 'time-of-day', 510],
        ]);
    });

    test('can be set from outside; --set wins over the environment', async () => {
        const options = {
            set: { uplink: '2Gbit/s', quick: 'true' },
            environment: { MIG_UPLINK: '4 Gbit/s', MIG_ZONE: 'b', MIG_MANY: '5', MIG_SINCE: '7:05', PATH: '/bin' },
        };
        expect((await program(text, options)).params.map(({ value }) => value)).toEqual([2.5e8, 1.25e8, 'b', true, 5, 425]);
    });

    test('may be left to be set from outside', async () => {
        expect((await program('param uplink: rate', { set: { uplink: '8 Mbit/s' } })).params[0]?.value).toBe(1e6);
        expect(await findings('param uplink: rate')).toEqual([
            "MIG209 The param 'uplink' has no value. Give it one here, or set it: --set uplink=200Mbit/s.",
        ]);
    });

    test('carries its doc comment', async () => {
        expect((await program('/** What the wire\n * carries. */\nparam uplink: rate = 8 Gbit/s')).params[0]?.doc).toBe(
            'What the wire\ncarries.',
        );
    });
});

describe('what is wrong with a param', () => {
    test.each([
        [{ uplik: '2Gbit/s' }, "MIG111 --set uplik: the program has no param 'uplik'. Did you mean 'uplink'?"],
        [{ colour: 'red' }, "MIG111 --set colour: the program has no param 'colour'. It has uplink, half, zone, quick, many, since."],
        [{ uplink: '2 GiB' }, 'MIG203 --set uplink=2 GiB: the param is a rate, and this is a size. Write --set uplink=200Mbit/s, say.'],
        [
            { uplink: '2' },
            "MIG203 --set uplink=2: '2' is not a quantity: write a number and a unit, such as 8 Gbit/s. Write --set uplink=200Mbit/s, say.",
        ],
        [
            { uplink: '2gbit/s' },
            "MIG203 --set uplink=2gbit/s: 'gbit/s' is not a unit; did you mean Gbit/s. Write --set uplink=200Mbit/s, say.",
        ],
        [{ quick: 'yes' }, 'MIG203 --set quick=yes: it is true or false.'],
        [{ many: 'x' }, 'MIG203 --set many=x: it is a number.'],
        [{ since: '25:00' }, 'MIG203 --set since=25:00: it is a time of day such as 08:00.'],
    ])('set to %o', async (set, message) => {
        expect(await findings(text, { set })).toEqual([message]);
    });

    test('a value in the environment is named by its variable', async () => {
        expect(await findings(text, { environment: { MIG_UPLINK: 'fast' } })).toEqual([
            "MIG203 MIG_UPLINK=fast: 'fast' is not a quantity: write a number and a unit, such as 8 Gbit/s. Write MIG_UPLINK=200Mbit/s, say.",
        ]);
    });

    test.each([
        ['param a: rat = 3', "MIG101 'rat' is not a type. Did you mean 'rate'?"],
        ['param a: rate = 3 GiB', "MIG203 The param 'a' is a rate, and 3 GiB is a size. Did you mean 3 GiB/s?"],
        ['param a', "MIG209 The param 'a' has neither a type nor a value. Write param a: rate = 1 Gbit/s, say."],
        [
            'param a: set of number = 3',
            "MIG101 'set of number' is not a type. Types are boolean, string, set of string, number, duration, size, rate, share, ratio, power, energy, time.",
        ],
        ['param a: set of string = "x"', 'MIG203 The param \'a\' is a set of texts, and "x" is a text.'],
        ['param a: set of string = [3 s]', 'MIG203 A list in brackets holds texts in double quotes.'],
        [
            'param a: set of string = ["x", "z"] one of "x", "y"',
            'MIG206 The param \'a\' is ["x", "z"]: it may hold "x", "y", and not "z". The param \'a\' is declared with \'one of "x", "y"\'.',
        ],
        ['param a = b\nparam b = 3', "MIG108 The param 'b' is not known yet here. Declare it before it is used."],
        ['param a = vm.memory', 'MIG107 vm is not known here: in a fixed value no VM is meant.'],
    ])('%s', async (wrong, message) => {
        expect(await findings(wrong)).toEqual([message]);
    });
});

describe('the bounds of a param', () => {
    const bounded =
        'param uplink: rate = 8 Gbit/s between 1 Gbit/s and 40 Gbit/s\nparam waves = 2 at least 1 at most 4\nparam since: time = 22:00 between 20:00 and 23:30\nparam zone: string = "east" one of "east", "west"\nparam share: ratio at most 80%';
    const set = { share: '50%' };
    const zones = 'param zones: set of string = ["east"] one of "east", "west"';

    test('are part of the program, both ends included', async () => {
        const { params } = await program(bounded, { set: { ...set, uplink: '40 Gbit/s', waves: '1', zone: 'west' } });
        expect(params.map(({ value, bounds }) => [value, bounds])).toEqual([
            [5e9, { least: 1.25e8, most: 5e9 }],
            [1, { least: 1, most: 4 }],
            [1320, { least: 1200, most: 1410 }],
            ['west', { oneOf: ['east', 'west'] }],
            [0.5, { most: 0.8 }],
        ]);
    });

    test.each([
        [{ uplink: '400 Mbit/s' }, '--set uplink=400 Mbit/s: it must be at least 1 Gbit/s', 'between 1 Gbit/s and 40 Gbit/s', 'uplink'],
        [{ uplink: '41 Gbit/s' }, '--set uplink=41 Gbit/s: it must be at most 40 Gbit/s', 'between 1 Gbit/s and 40 Gbit/s', 'uplink'],
        [{ waves: '5' }, '--set waves=5: it must be at most 4', 'at least 1 at most 4', 'waves'],
        [{ since: '19:00' }, '--set since=19:00: it must be at least 20:00', 'between 20:00 and 23:30', 'since'],
        [{ zone: 'south' }, '--set zone=south: it must be one of "east", "west"', 'one of "east", "west"', 'zone'],
        [{ share: '90%' }, '--set share=90%: it must be at most 80%', 'at most 80%', 'share'],
    ])('refuse %o', async (outside, message, bounds, name) => {
        const found = await findings(bounded, { set: { ...set, ...outside } });
        expect(found).toEqual([`MIG206 ${message}. The param '${name}' is declared with '${bounds}'.`]);
    });

    test.each([
        ['east,west', ['east', 'west']],
        [' west , west ', ['west']],
        ['["west", "east"]', ['west', 'east']],
        ['', []],
    ])('of a set are bounds of each of its texts: %s', async (outside, value) => {
        expect((await program(zones, { environment: { MIG_ZONES: outside } })).params[0]?.value).toEqual(value);
    });

    test.each([
        ['east,north', 'MIG206 --set zones=east,north: it may hold "east", "west", and not "north".'],
        ['east,,west', 'MIG203 --set zones=east,,west: it is a set of texts, with commas between them.'],
        ['["east", 3]', 'MIG203 --set zones=["east", 3]: it is a set of texts, with commas between them.'],
        ['["east"', 'MIG203 --set zones=["east": it is a set of texts, with commas between them.'],
    ])('of a set refuse %s', async (outside, message) => {
        expect((await findings(zones, { set: { zones: outside } })).map((found) => found.slice(0, message.length))).toEqual([message]);
    });

    test('refuse a value of the environment by the name of its variable', async () => {
        expect(await findings(bounded, { set, environment: { MIG_UPLINK: '1 Mbit/s' } })).toEqual([
            "MIG206 MIG_UPLINK=1 Mbit/s: it must be at least 1 Gbit/s. The param 'uplink' is declared with 'between 1 Gbit/s and 40 Gbit/s'.",
        ]);
    });

    test.each([
        ['param a = 5 at most 4', "MIG206 The param 'a' is 5: it must be at most 4. The param 'a' is declared with 'at most 4'."],
        ['param a = 5 between 9 and 4', 'MIG206 Nothing is between 9 and 4: the least stands first.'],
        ['param a: rate = 1 Gbit/s at most 4 GiB', "MIG203 The param 'a' is a rate, and 4 GiB is a size."],
        ['param a = 5 one of 5, "five"', 'MIG203 The param \'a\' is a bare number, and "five" is a text.'],
        [
            'param a: string = "x" at least "w"',
            "MIG203 The param 'a' is a text: it has no least or most. Write 'one of' and what it may be.",
        ],
    ])('%s', async (wrong, message) => {
        expect(await findings(wrong)).toEqual([message]);
    });
});
