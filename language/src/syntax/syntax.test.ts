import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { compile, findings, policyText } from '../testing/kit.js';
import { tour } from '../testing/tour.js';

const clause = "a clause of the policy (such as 'when', 'move', 'to', 'using', 'bandwidth', 'at most', 'require', 'on failure')";

describe('a syntax error says what was found and what was expected', () => {
    test.each([
        ['policy', 'MIG001 The file ends here, but the name of a policy was expected.'],
        ['policy p {', `MIG001 The file ends here, but ${clause} or '}' was expected.`],
        [
            policyText('move vms on host excpt vm.autostart'),
            `MIG001 Found 'excpt', but ${clause} or '}' was expected. Did you mean 'except'?`,
        ],
        [policyText('to hosts where host.zone = "a"'), `MIG001 Found '=', but ${clause} or '}' was expected. Did you mean '=='?`],
        [policyText('cooldown 300 msx'), `MIG001 Found 'msx', but ${clause} or '}' was expected. Did you mean 'ms'?`],
        [
            policyText('move vms where ;'),
            "MIG001 Found ';', but a value (a number, a quantity such as 300 ms, text in quotes, an attribute such as vm.memory, or a name) was expected.",
        ],
        [
            policyText('using precopy { downtme 300 ms }'),
            "MIG001 Found 'downtme', but an option (such as 'downtime', 'streams') or a rung (starting with 'when' or 'after') or '}' was expected. Did you mean 'downtime'?",
        ],
        [
            policyText('using precopy { after 3 min: stop }'),
            "MIG001 Found 'stop', but what the rung does ('downtime', 'throttle', 'bandwidth', 'switch to postcopy', 'pause', 'report' or 'abort') was expected. Did you mean 'step'?",
        ],
        [
            'polcy p {}',
            "MIG001 Found 'polcy', but a declaration (such as 'policy', 'technique', 'param', 'let', 'group', 'scenario') was expected. Did you mean 'policy'?",
        ],
        [policyText('using precopy limit 4'), `MIG001 Found 'limit', but ${clause} or '}' was expected. 'limit' belongs after 'move vms'.`],
        [
            policyText('downtime 300 ms'),
            `MIG001 Found 'downtime', but ${clause} or '}' was expected. 'downtime' belongs into the braces after the technique, as in 'using precopy { … }'.`,
        ],
        [
            policyText('move vms order by vm.name desc'),
            `MIG001 Found 'desc', but ${clause} or '}' was expected. Did you mean 'descending'?`,
        ],
        ['inventory "lab.yaml', 'MIG001 This text is not closed: its double quote is missing at the end of the line.'],
        ["inventory 'lab.yaml'", 'MIG001 Text is written in double quotes: "lab.yaml".'],
        [policyText('when host.vms > 3 && host is failing'), "MIG001 '&&' is not part of the language. Write 'and'."],
        ['let a = 3 > 2 #', "MIG001 '#' is not part of the language."],
    ])('%s', async (text, message) => {
        expect(await findings(text)).toEqual([message]);
    });

    test('it points at the word', async () => {
        const { findings: found } = await compile('policy p {\n  move vms\n  tow hosts\n}');
        const range = { source: 0, start: { line: 2, character: 2 }, end: { line: 2, character: 5 } };
        expect(found[0]?.range).toEqual(range);
    });

    test('it offers to write the word that was meant', async () => {
        const { findings: found } = await compile('policy p {\n  move vms\n  usng precopy\n}');
        expect(found[0]?.fixes).toEqual([{ title: 'Write using', edits: [{ range: found[0]?.range, newText: 'using' }] }]);
    });

    test('what stands after a broken policy is still read', async () => {
        const text = 'policy a { mve vms }\ntechnique t = precopy { downtime 3 GiB }';
        expect((await findings(text)).map((one) => one.slice(0, 6))).toEqual(['MIG001', 'MIG203']);
    });

    test('what is nested deeply is read, and what is nested too deeply is refused', async () => {
        const nested = (levels: number): string => policyText(`move vms where ${'('.repeat(levels)}vm.autostart${')'.repeat(levels)}`);
        expect(await findings(nested(35))).toEqual([]);
        expect((await findings(nested(5000)))[0]).toBe('MIG001 This is nested too deeply: at most 40 levels.');
        expect((await findings(policyText(`move vms where ${'not '.repeat(5000)}vm.autostart`)))[0]).toBe(
            'MIG001 This is nested too deeply: at most 40 levels.',
        );
    });

    test('a condition of a thousand parts compiles', async () => {
        expect(await findings(policyText(`move vms where vm.autostart${' or vm.cpu > 5%'.repeat(1000)}`))).toEqual([]);
    });

    test('a condition of many thousand parts is refused', async () => {
        for (const part of [' or vm.cpu > 5%', ' and vm.cpu > 5%'])
            expect((await findings(policyText(`move vms where vm.autostart${part.repeat(20_000)}`)))[0]).toBe(
                'MIG001 This expression is too long: at most 1200 operators.',
            );
    });
});

describe('whatever stands in the file', () => {
    const words = tour.split(/(\s+|[^\w\s])/).filter((word) => word !== '');
    const mutation = fc.record({
        at: fc.nat({ max: words.length - 1 }),
        remove: fc.nat({ max: 6 }),
        insert: fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 4 })), { maxLength: 4 }),
    });
    const mutated = fc.array(mutation, { minLength: 1, maxLength: 4 }).map((mutations) => {
        const text = [...words];
        for (const { at, remove, insert } of mutations) text.splice(at, remove, ...insert);
        return text.join('');
    });

    /** A program, or errors; and every finding within the text. */
    async function answered(text: string): Promise<void> {
        const { program, findings: found } = await compile(text);
        expect(program === undefined).toBe(found.some((one) => one.severity === 'error'));
        const lines = text.split(/\r\n|\r|\n/);
        for (const { range, message } of found) {
            expect(message).not.toMatch(/undefined|\[object|NaN/);
            for (const { line, character } of [range.start, range.end]) {
                expect(line).toBeLessThan(lines.length);
                expect(character).toBeLessThanOrEqual(lines[line]?.length ?? 0);
            }
        }
    }

    property.prop([mutated], { numRuns: 60 })(
        'a file with parts swapped, lost or added gives a program or findings within the text',
        answered,
    );
    property.prop([fc.string({ maxLength: 200 })], { numRuns: 100 })('so does any text at all', answered);
    property.prop([fc.array(fc.constantFrom(...words), { maxLength: 60 }).map((list) => list.join(' '))], { numRuns: 60 })(
        'so do words of the language in any order',
        answered,
    );
});
