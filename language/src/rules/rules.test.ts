import { describe, expect, test } from 'vitest';
import { checks } from '../catalogue/checks.js';
import type { CompileOptions } from '../compile-text.js';
import type { Finding, Fix } from '../finding.js';
import { compile } from '../testing/kit.js';
import { evacuate, techniques, tour } from '../testing/tour.js';
import { textRules, type TextRule } from './index.js';

/** What beside a rule's own text says of it: nothing but what cannot be carried out yet may be found in a mended file. */
const allowed: ReadonlySet<string> = new Set(['MIG090']);

describe.each(textRules.map((rule): [string, TextRule] => [`${rule.id} ${rule.name}`, rule]))('%s', (_, rule) => {
    test('finds what is to be avoided, as often as it says', async () => {
        const found = await findingsIn(rule.avoid, rule);
        expect(found.filter((finding) => finding.id === rule.id)).toHaveLength(rule.fires ?? 1);
    });

    test('has nothing to say of the preferred text, and nor has any other check', async () => {
        const found = await findingsIn(rule.prefer, rule);
        expect(found.filter((finding) => finding.severity !== 'info' && !allowed.has(finding.id)).map(said)).toEqual([]);
    });

    test('what it finds goes away when its fix is applied', async () => {
        for (const fix of (await findingsIn(rule.avoid, rule)).filter((finding) => finding.id === rule.id).flatMap(firstFix)) {
            const mended = await findingsIn(apply(rule.avoid, fix), rule);
            expect(mended.filter((finding) => finding.id === rule.id)).toHaveLength((rule.fires ?? 1) - 1);
            expect(mended.filter((finding) => finding.severity === 'error').map(said)).toEqual([]);
        }
    });

    test('points at a place in the text, and has a message and a hint that are sentences', async () => {
        const lines = rule.avoid.split('\n');
        for (const { id, range, message, hint } of await findingsIn(rule.avoid, rule)) {
            if (id !== rule.id) continue;
            expect(range.end.line).toBeLessThan(lines.length);
            expect(range.end.character).toBeLessThanOrEqual(lines[range.end.line]?.length ?? 0);
            expect(message).toMatch(/^\S.*[.?]$/s);
            expect(hint).toMatch(/^\S.*[.?]$/s);
        }
    });

    test('is documented', () => {
        expect(rule.id).toMatch(/^MIG\d{3}$/);
        expect(rule.name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
        for (const text of [rule.summary, rule.rationale, rule.source]) expect(text.trim()).toMatch(/\S/);
        expect(rule.summary).toMatch(/\.$/);
    });
});

describe('all rules that need only text', () => {
    test('have ids and names of their own', () => {
        const ids = textRules.map((rule) => rule.id);
        expect(ids).toEqual([...new Set(ids)]);
        expect(ids.filter((id) => id in checks)).toEqual([]);
        const names = textRules.map((rule) => rule.name);
        expect(names).toEqual([...new Set(names)]);
    });

    test('say nothing of the first example and of the file with every clause', async () => {
        const read = (path: string): Promise<string | undefined> =>
            Promise.resolve(path.endsWith('/techniques.mig') ? techniques : undefined);
        expect((await compile(evacuate)).findings.map(said)).toEqual([]);
        expect((await compile(tour, { read })).findings.map(said)).toEqual([]);
    });

    test('say the same thing in the same place once only', async () => {
        for (const rule of textRules) {
            const found = (await findingsIn(rule.avoid, rule)).map((finding) =>
                JSON.stringify([finding.id, finding.range, finding.message]),
            );
            expect(found).toEqual([...new Set(found)]);
        }
    });
});

async function findingsIn(text: string, { files }: TextRule): Promise<readonly Finding[]> {
    const options: CompileOptions = { read: (path) => Promise.resolve(files?.[path.split('/').at(-1) ?? '']) };
    const { findings } = await compile(text, options);
    return findings.filter((finding) => finding.range.source === 0);
}

const firstFix = (finding: Finding): readonly Fix[] => finding.fixes.slice(0, 1);

const said = ({ id, message }: Finding): string => `${id} ${message}`;

function apply(text: string, fix: Fix): string {
    const starts = [0];
    for (const line of text.split('\n')) starts.push((starts.at(-1) ?? 0) + line.length + 1);
    const offset = ({ line, character }: Finding['range']['start']): number => (starts[line] ?? 0) + character;
    return [...fix.edits]
        .sort((a, b) => offset(b.range.start) - offset(a.range.start))
        .reduce((changed, { range, newText }) => changed.slice(0, offset(range.start)) + newText + changed.slice(offset(range.end)), text);
}
