/** Every rule that looks beyond the text, over its own documentation: it fires where it says, and not where it says how to mend it. */
import { compileText, type Finding, type Program } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { parseInventory } from '../inventory/parse.js';
import { simulatedSnapshot } from '../testing/simulated.js';
import { hostFindings, type HostRule, hostRules } from './index.js';
import { unknownNames } from './names.js';

const root = 'file:///rules/';

describe.each(hostRules.map((rule) => [`${rule.id} ${rule.name}`, rule] as const))('%s', (_, rule) => {
    test('fires in what is to be avoided, as often as it says', async () => {
        const found = await findings(rule, rule.avoid);
        expect(found.filter(({ id }) => id === rule.id).map(({ message }) => message)).toHaveLength(rule.fires ?? 1);
    });

    test('finds nothing in what is to be preferred', async () => {
        const found = await findings(rule, rule.prefer);
        expect(found.filter(({ id }) => id === rule.id)).toEqual([]);
        expect(others(found, rule)).toEqual([]);
    });

    test('is gone once its first fix is applied', async () => {
        const found = (await findings(rule, rule.avoid)).filter(({ id, fixes }) => id === rule.id && fixes.length > 0);
        for (const { message, range, fixes } of found) {
            const mended = await findings(rule, applied(rule.avoid, fixes[0]?.edits ?? []));
            expect(mended.filter((other) => other.message === message && other.range.start.line === range.start.line)).toEqual([]);
        }
    });

    test('has a page to show', () => {
        expect(rule.id).toMatch(/^MIG[45]\d\d$/);
        expect(rule.name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
        for (const text of [rule.summary, rule.rationale, rule.source]) expect(text.length).toBeGreaterThan(20);
    });
});

test('no two rules have an id or a name in common', () => {
    expect(new Set(hostRules.map(({ id }) => id)).size).toBe(hostRules.length);
    expect(new Set(hostRules.map(({ name }) => name)).size).toBe(hostRules.length);
});

/** Other than the rule's own, of those that count; what the runtime cannot carry out yet is no matter of a rule. */
function others(found: readonly Finding[], rule: HostRule): readonly string[] {
    return found
        .filter(({ id, severity }) => id !== rule.id && severity !== 'info' && id !== 'MIG090')
        .map(({ id, message }) => `${id} ${message}`);
}

async function findings(rule: HostRule, text: string): Promise<readonly Finding[]> {
    const files = rule.files ?? {};
    const read = (uri: string): Promise<string | undefined> => Promise.resolve(files[uri.slice(root.length)]);
    const { program, findings: found } = await compileText({ uri: `${root}main.mig`, text }, { read });
    if (!program) throw new Error(`it does not compile: ${found.map(({ id, message }) => `${id} ${message}`).join('; ')}`);
    return [...found, ...hostSide(rule, program, files)];
}

function hostSide(rule: HostRule, program: Program, files: Readonly<Record<string, string>>): readonly Finding[] {
    const name = program.inventory?.path ?? 'hosts.yaml';
    const yaml = files[name];
    if (yaml === undefined) {
        if (rule.needs !== 'program') throw new Error(`the rule gives no ${name}`);
        return hostFindings({ program, inventory: undefined, snapshot: undefined });
    }
    const { inventory, findings: wrong } = parseInventory(yaml, name);
    if (!inventory) throw new Error(`${name}: ${wrong.map(({ message }) => message).join('; ')}`);
    const plain = simulatedSnapshot(inventory);
    const snapshot = rule.exampleSnapshot?.(plain) ?? plain;
    return [...wrong, ...unknownNames(program, inventory, snapshot), ...hostFindings({ program, inventory, snapshot })];
}

/** Edits apply from the end, so that earlier places stay where they are. */
function applied(text: string, edits: Finding['fixes'][number]['edits']): string {
    const starts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
    const at = ({ line, character }: { readonly line: number; readonly character: number }): number => (starts[line] ?? 0) + character;
    return edits
        .map(({ range, newText }) => ({ from: at(range.start), to: at(range.end), newText }))
        .sort((a, b) => b.from - a.from)
        .reduce((result, { from, to, newText }) => result.slice(0, from) + newText + result.slice(to), text);
}
