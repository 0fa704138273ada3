/** Policies as people write them, with and without mistakes: what is found, where exactly, and that its fix mends it. */
import { compileText, epochMs, type Finding, textRules, withEdits } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { parseInventory } from '../../inventory/parse.js';
import { LastLooks } from '../../look/last-look.js';
import { lint } from '../lint.js';
import { files, hosts } from './policies.js';
import { sound } from './sound.js';
import { wrong } from './wrong.js';

const root = 'file:///corpus/';
const { inventory } = parseInventory(hosts, `${root}hosts.yaml`);
if (!inventory) throw new Error('the inventory of the corpus is wrong');
const look = new LastLooks().of(undefined, '', inventory, epochMs(0));

async function judged(text: string): Promise<readonly Finding[]> {
    const read = (uri: string) => Promise.resolve({ ...files, 'main.mig': text }[uri.slice(root.length)]);
    const { program, findings, sources } = await compileText({ uri: `${root}main.mig`, text }, { read });
    const texts = await Promise.all(sources.map(async ({ uri }) => ({ text: (await read(uri)) ?? '' })));
    return lint({ program, findings, textRules, sources: texts, inventory, look, config: undefined }).filter(
        ({ range }) => range.source === 0,
    );
}

/** The text without its marks, and the marked parts as `id from-to text`. */
function unmarked(marked: string): { readonly text: string; readonly parts: readonly string[] } {
    let text = '';
    const open: { readonly id: string; readonly from: number }[] = [];
    const parts: string[] = [];
    for (const piece of marked.split(/(⟦MIG\d+\||⟧)/)) {
        const id = /^⟦(MIG\d+)\|$/.exec(piece)?.[1];
        if (id !== undefined) open.push({ id, from: text.length });
        else if (piece === '⟧') {
            const { id: closed, from } = open.pop() ?? { id: 'no mark is open', from: 0 };
            parts.push(`${closed} ${from}-${text.length} ${text.slice(from)}`);
        } else text += piece;
    }
    return { text, parts: parts.sort() };
}

function asPart({ id, range: { start, end } }: Finding, text: string): string {
    const [from, to] = [start, end].map(
        ({ line, character }) => text.split('\n').slice(0, line).join('\n').length + (line > 0 ? 1 : 0) + character,
    );
    return `${id} ${from ?? 0}-${to ?? 0} ${text.slice(from, to)}`;
}

/** What does not count unless it is asked for: what is merely worth a word, and what this version does not carry out. */
const counts = ({ id, severity }: Finding, asked: ReadonlySet<string>): boolean =>
    asked.has(id) || (severity !== 'info' && id !== 'MIG090');

describe('in a policy that is wrong, the mistake is found where it stands, and nothing else', () => {
    test.each(wrong)('%s', async (_, marked) => {
        const { text, parts } = unmarked(marked);
        const asked = new Set(parts.map((part) => part.slice(0, 6)));
        const found = (await judged(text)).filter((finding) => counts(finding, asked));
        expect(found.map((finding) => asPart(finding, text)).sort()).toEqual(parts);
        for (const { message, hint, id, range, fixes } of found) {
            expect(message.length + (hint?.length ?? 0), `${id} says what to do`).toBeGreaterThan(20);
            for (const { edits } of fixes) {
                const left = await judged(withEdits(text, edits));
                expect(
                    left.filter(
                        (one) =>
                            one.id === 'MIG001' || (one.id === id && one.message === message && one.range.start.line === range.start.line),
                    ),
                ).toEqual([]);
            }
        }
    });
});

describe('in a policy that is right nothing is found', () => {
    test.each(sound)('%s', async (_, text) => {
        expect((await judged(text)).filter((finding) => counts(finding, new Set())).map(({ id, message }) => `${id} ${message}`)).toEqual(
            [],
        );
    });
});
