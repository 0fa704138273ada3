/** Every policy in the documents is as it is said to be, and every command of the tutorial prints what is shown. */
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { textRules } from '@mig/language';
import { parseConfig, parseInventory } from '@mig/runtime/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Step, stepsOf } from '../kit/document.js';
import { Desk, root } from '../kit/mig-run.js';
import { blocks } from '../kit/readme.js';

const documents = readdirSync(path.join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((name) => ({ name, steps: stepsOf(readFileSync(path.join(root, 'docs', name), 'utf8')) }))
    // Commands can be run where the document says which files they are about.
    .map(({ name, steps }) => ({ name, steps: steps.filter((step) => step.kind === 'policy' || steps.some(isFile)) }))
    .filter(({ steps }) => steps.length > 0);

test('there are policies in the documents', () => {
    expect(documents.map(({ name }) => name)).toEqual(expect.arrayContaining(['language.md', 'tutorial.md']));
});

const texts = [
    'README.md',
    'CONTRIBUTING.md',
    'examples/README.md',
    'extension/README.md',
    ...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`),
]
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ name, text: readFileSync(path.join(root, name), 'utf8') }));
const data = texts.flatMap(({ name, text }) =>
    ['yaml', 'json'].flatMap((language) => blocks(language, text).map((block, i) => ({ name, language, nth: i + 1, block }))),
);

test.each(data)('$language $nth of $name is right', ({ language, block }) => {
    if (language === 'json') expect(() => JSON.parse(block) as unknown).not.toThrow();
    else expect((/^rules:/m.test(block) ? parseConfig(block, textRules) : parseInventory(block, 'hosts.yaml')).findings).toEqual([]);
});

test('there is no block that no test looks into', () => {
    const looked = ['mig', 'sh', 'yaml', 'json', ''];
    const others = texts.flatMap(({ name, text }) =>
        [...text.matchAll(/^```(\w*)\n[\s\S]*?^```/gm)].flatMap(([, language = '']) =>
            looked.includes(language) ? [] : [`${name}: ${language}`],
        ),
    );
    expect(others).toEqual([]);
    // Policies elsewhere than in docs/ and the README would be read by nobody.
    const outside = texts.filter(({ name, text }) => !name.startsWith('docs/') && name !== 'README.md' && blocks('mig', text).length > 0);
    expect(outside.map(({ name }) => name)).toEqual([]);
});

describe.each(documents)('$name', ({ steps }) => {
    let desk: Desk;
    let printed = '';
    beforeAll(async () => {
        desk = await Desk.clear();
        copyFileSync(path.join(root, 'examples/simulated.yaml'), desk.at('hosts.yaml'));
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    const policies = steps.filter((step) => step.kind === 'policy');
    // One after the other, as a reader takes them: a command works on what was written before it.
    test.each(steps.map((step, index) => ({ title: titleOf(step, policies.indexOf(step as (typeof policies)[number])), index, step })))(
        '$index: $title',
        async ({ step, index }) => {
            if (step.kind === 'output') {
                const lines = printed.split('\n').map((line) => line.trim());
                let at = -1;
                for (const line of step.lines) {
                    at = lines.indexOf(line, at + 1);
                    expect(at, `'${line}' is not printed there:\n${printed}`).not.toBe(-1);
                }
            } else if (step.kind === 'command') {
                const { code, all } = await desk.migRun(step.args);
                printed = all;
                expect(code, all).toBe(step.ends);
            } else {
                const file = await desk.write(step.file ?? `policy-${index}.mig`, step.text);
                // Wide enough that no finding is broken into lines.
                const { all } = await desk.migRun(['check', file], { env: { COLUMNS: '400' } });
                const found = all.split('\n').filter((line) => /^(error|warning):/.test(line));
                const ids = found.map((line) => /\[(MIG\d+)\]$/.exec(line)?.[1] ?? line);
                expect(ids.filter((id) => id !== 'MIG090').toSorted(), all).toEqual(step.finds.toSorted());
                const features = found.flatMap((line) => /\(([\w.-]+)\) \[MIG090\]$/.exec(line)?.[1] ?? []);
                expect([...new Set(features)].toSorted()).toEqual(step.lacks.toSorted());
            }
        },
    );
});

function isFile(step: Step): boolean {
    return step.kind === 'policy' && step.file !== undefined;
}

function titleOf(step: Step, nth: number): string {
    if (step.kind === 'command') return `mig-run ${step.args.join(' ')}`;
    return step.kind === 'output' ? 'and what it prints' : (step.file ?? `policy ${nth + 1}`);
}
