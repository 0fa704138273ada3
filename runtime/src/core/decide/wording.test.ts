import { expect, test } from 'vitest';
import { compileText } from '@mig/language';
import { host, snapshot, vm } from '../testing/builders.js';
import { scopeOf } from './attributes.js';
import { listed, valueText, withFigures, wordsOf } from './wording.js';
import { worldOf } from './world.js';

async function expression(text: string) {
    const { program, findings } = await compileText({
        uri: 'file:///test.mig',
        text: `policy p { move vms where ${text} to hosts using precopy }`,
    });
    const where = program?.policies[0]?.selection.where[0];
    if (!where) throw new Error(findings.map((f) => f.message).join('\n'));
    return where;
}

test.each([
    'vm.memory > 2 GiB and host is in maintenance',
    '(vm.persistent or vm.autostart) and not vm.passthrough',
    'vm.net.tx > 2 * vm.net.rx',
    'vm.memory - (vm.working_set - 1 GiB) > 512 MiB',
    'not (vm.persistent or vm.autostart)',
    'vm.cpu > 90% for 5 min',
    'vm.tags contains "web" or "db" in vm.tags',
    '(vm.persistent and vm.autostart) for 1 min',
    'vm.tag.app == "shop"',
])('%s reads as it was written', async (text) => {
    expect(wordsOf(await expression(text))).toBe(text);
});

test('the figures stand behind it', async () => {
    const web = vm('web', 'a', { tags: { app: 'shop' } });
    const scope = scopeOf(worldOf(snapshot([host('a')], [web])), { vm: web });
    expect(withFigures(await expression('vm.memory > 2 GiB and vm.tags contains "app"'), scope)).toBe(
        'vm.memory > 2 GiB and vm.tags contains "app" (vm.memory is 4 GiB, vm.tags is "app", "app=shop")',
    );
    expect(withFigures(await expression('vm.persistent'), scope)).toBe('vm.persistent is true');
});

test('values are in the unit that reads best, and lists end in and', () => {
    expect(valueText(615, 'time-of-day')).toBe('10:15');
    expect(valueText([], 'strings')).toBe('empty');
    expect(listed(['a', 'b', 'c'])).toBe('a, b and c');
});
