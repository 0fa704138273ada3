import { describe, expect, test } from 'vitest';
import type { Expression } from '../program.js';
import { bare, condition, findings, policyText } from '../testing/kit.js';

const where = (text: string, before = ''): Promise<readonly string[]> => findings(`${before}\n${policyText(`move vms where ${text}`)}`);

/** An expression as a formula, to be read by eye. */
function formula(of: Expression): string {
    switch (of.kind) {
        case 'literal':
            return JSON.stringify(of.value);
        case 'attribute':
            return [of.entity, of.attribute, ...(of.key === undefined ? [] : [of.key])].join('.');
        case 'not':
            return `not(${formula(of.operand)})`;
        case 'negate':
            return `-(${formula(of.operand)})`;
        case 'held':
            return `held(${formula(of.condition)}, ${of.forMs})`;
        case 'metric':
            return `metric(${of.query})`;
        case 'binary':
            return `(${formula(of.left)} ${of.operator} ${formula(of.right)})`;
    }
}

const compiled = async (text: string, before = ''): Promise<string> => formula(await condition(text, before));

describe('what an expression compiles to', () => {
    test('quantities come in base units', async () => {
        expect(await compiled('vm.memory >= 1.5 GiB')).toBe('(vm.memory >= 1610612736)');
        expect(await compiled('vm.net.tx > 8 Mbit/s')).toBe('(vm.net.tx > 1000000)');
        expect(await compiled('vm.cpu < 60%')).toBe('(vm.cpu < 0.6)');
        expect(await compiled('vm.uptime > 2 min')).toBe('(vm.uptime > 120000)');
    });

    test('a quantity may stand together or apart', async () => {
        expect(await compiled('vm.uptime > 300ms')).toBe(await compiled('vm.uptime > 300 ms'));
    });

    test('and binds closer than or, not closer than and, for closer than not', async () => {
        expect(await compiled('vm.persistent or vm.autostart and not vm.cpu > 5% for 1 min')).toBe(
            '(vm.persistent or (vm.autostart and not(held((vm.cpu > 0.05), 60000))))',
        );
    });

    test('products bind closer than sums, and operators of one rank from the left', async () => {
        expect(await compiled('vm.memory - 1 GiB - 2 * 1 GiB > 0 GiB')).toBe('(((vm.memory - 1073741824) - (2 * 1073741824)) > 0)');
        expect(await compiled('(vm.memory - 1 GiB) * 2 > 0 B')).toBe('(((vm.memory - 1073741824) * 2) > 0)');
    });

    test('where seconds meet milliseconds the factor is written into the program', async () => {
        expect(await compiled('vm.memory / 1 GiB/s < 10 s')).toBe('(((vm.memory / 1073741824) * 1000) < 10000)');
        expect(await compiled('vm.dirty_rate * 10 s > vm.memory')).toBe('(((vm.dirty_rate * 10000) * 0.001) > vm.memory)');
    });

    test('tags are attributes with a key, in quotes where it is no name', async () => {
        expect(await compiled('vm.tag.app == "db"')).toBe('(vm.tag.app == "db")');
        expect(await compiled('vm.tag["my-app"] == "db"')).toBe('(vm.tag.my-app == "db")');
    });

    test('lists, texts and sets can be asked for their members', async () => {
        expect(await compiled('host.zone in ["a", "b"]')).toBe('(host.zone in ["a","b"])');
        expect(await compiled('vm.tags contains "web"')).toBe('(vm.tags contains "web")');
        expect(await compiled('vm.name contains "db"')).toBe('(vm.name contains "db")');
    });

    test('states of a host read as sentences', async () => {
        expect(await compiled('host is in maintenance')).toBe('host.maintenance');
        expect(await compiled('host is not healthy')).toBe('not(host.healthy)');
    });

    test('a let stands for its expression, and a let for a let', async () => {
        expect(await compiled('calm', 'let hot = vm.cpu > 50%\nlet calm = not hot')).toBe('not((vm.cpu > 0.5))');
    });

    test('a param stands for its value, at the place where it is used', async () => {
        const found = await condition('vm.memory > least', 'param least: size = 2 KiB');
        expect(formula(found)).toBe('(vm.memory > 2048)');
        expect(found.kind === 'binary' && found.right.range.start.line).toBe(2);
    });

    test('membership in a group is what the group says', async () => {
        expect(await compiled('vm in web', 'group web = vms where vm.tags contains "web"')).toBe('(vm.tags contains "web")');
        expect(await compiled('source in old', 'group old = hosts where host.rack == "1"')).toBe('(source.rack == "1")');
        expect(await compiled('vm in every_one', 'group every_one = vms')).toBe('true');
    });

    test('a metric is a number', async () => {
        expect(await compiled('metric "up{job=\\"x\\"}" > 5')).toBe('(metric(up{job="x"}) > 5)');
    });

    test('every expression knows where it stands', async () => {
        const found = await condition('vm.memory > 1 GiB');
        expect(bare({ kind: found.kind })).toEqual({ kind: 'binary' });
        expect(found.range).toEqual({ source: 0, start: { line: 2, character: 15 }, end: { line: 2, character: 32 } });
    });
});

describe('what is wrong with an expression', () => {
    test.each([
        ['vm.memry > 3 GiB', "MIG105 vm has no attribute 'memry'. Did you mean 'memory'?"],
        ['host.dirty_rate > 3 MiB/s', "MIG105 host has no attribute 'dirty_rate'. Did you mean vm.dirty_rate?"],
        ['vn.memory > 3 GiB', "MIG101 'vn' is not something with attributes. Did you mean 'vm'?"],
        ['memory > 3 GiB', "MIG101 'memory' is not declared. Did you mean vm.memory?"],
        ['vm.memory > 3 GiB/s', 'MIG202 vm.memory is a size and 3 GiB/s is a rate: they cannot be compared. Did you mean 3 GiB?'],
        [
            'vm.dirty_rate > 100 MiB',
            'MIG202 vm.dirty_rate is a rate and 100 MiB is a size: they cannot be compared. Did you mean 100 MiB/s?',
        ],
        ['vm.cpu > 0.9', 'MIG202 vm.cpu is a share in percent and 0.9 is a bare number: they cannot be compared. Did you mean 90%?'],
        ['vm.memory > 4', 'MIG202 vm.memory is a size and 4 is a bare number: they cannot be compared. Did you mean 4 GiB?'],
        [
            'vm.memory + vm.dirty_rate > 4 GiB',
            'MIG202 vm.memory is a size and vm.dirty_rate is a rate: they cannot be added. Both sides must be of one kind.',
        ],
        ['vm.name * 2 > 4', 'MIG202 vm.name is a text and 2 is a bare number: they cannot be multiplied.'],
        ['vm.memory', 'MIG203 A condition must be true or false, and vm.memory is a size. Compare it with something, such as with > or <.'],
        ['vm.persistent > vm.autostart', 'MIG202 vm.persistent is a condition: it can be compared with == and != only.'],
        ['vm.state == "runing"', 'MIG110 vm.state is never "runing". Did you mean "running"?'],
        ['vm.uptime > 300 msec', "MIG201 'msec' is not a unit; did you mean ms?"],
        ['vm.uptime > 300msx', "MIG201 'msx' is not a unit; did you mean ms?"],
        ['vm.cpu > 5% for 3', 'MIG204 How long it must have held is a duration: 3 needs a unit. Write 3 min, say.'],
        ['iteration > 3', "MIG107 'iteration' is known only while a VM moves: in the rungs of a technique, not where VMs are chosen."],
        ['host is in maintenanc', "MIG105 'in maintenanc' is not a state of a host. Did you mean 'in maintenance'?"],
        ['vm is healthy', 'MIG105 Only a host can be in maintenance, failing or healthy, not a VM.'],
        ['vm.tag == "x"', 'MIG105 vm.tag needs the name of a tag. Write vm.tag.app, say.'],
        [
            '"web" contains vm.tags',
            'MIG202 "web" is a text and vm.tags a set of texts: they stand the wrong way round. Did you mean vm.tags contains "web"?',
        ],
        ['vm == "a"', "MIG203 'vm' is no value of its own. Name one of its attributes, such as vm.name."],
        ['vm.memory > unlimited', "MIG208 'unlimited' cannot stand here: this must have a limit."],
    ])('%s', async (text, message) => {
        expect(await where(text)).toEqual([message]);
    });

    test('a mistake in a let is reported once, where it is declared', async () => {
        expect(await where('hot and hot', 'let hot = vm.cpuu > 50%')).toEqual(["MIG105 vm has no attribute 'cpuu'. Did you mean 'cpu'?"]);
    });

    test('lets that need each other are reported', async () => {
        expect(await findings('let a = not b\nlet b = not a')).toEqual(["MIG108 'a' needs itself.", "MIG108 'b' needs itself."]);
    });

    test('a group is no value', async () => {
        expect(await where('web', 'group web = vms')).toEqual(["MIG203 'web' is a group, not a value. Write vm in web."]);
        expect(await where('host in web', 'group web = vms')).toEqual(["MIG203 'web' is a group of vms: only vm can be in it."]);
    });

    test('what a let speaks of must be known where it is used', async () => {
        const text = `let hot = vm.cpu > 5%\n${policyText('move vms on hosts where hot')}`;
        expect(await findings(text)).toEqual(["MIG107 'hot' speaks of vm, and where hosts are chosen no VM is meant."]);
    });
});
