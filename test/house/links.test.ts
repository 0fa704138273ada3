/** Links between the documents of this repository. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const documents = [
    ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'examples/README.md', 'extension/README.md'],
    ...['docs', 'docs/rules'].flatMap((folder) => readdirSync(path.join(root, folder)).map((name) => `${folder}/${name}`)),
].filter((name) => name.endsWith('.md'));

/** Text without what stands in code. */
const proseOf = (name: string): string =>
    readFileSync(path.join(root, name), 'utf8')
        .replaceAll(/^```[\s\S]*?^```/gm, '')
        .replaceAll(/`[^`\n]*`/g, '');

/** Anchors of headings, as GitHub makes them. */
const anchorsOf = (name: string): readonly string[] =>
    [...readFileSync(path.join(root, name), 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
        heading
            .toLowerCase()
            .replaceAll(/[^\w\- ]/g, '')
            .replaceAll(' ', '-'),
    );

test.each(documents)('every link of %s leads somewhere', (name) => {
    const links = [...proseOf(name).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const lost = links
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => {
            const [file = '', anchor] = target.split('#');
            const to = file === '' ? name : path.join(path.dirname(name), file);
            if (!existsSync(path.join(root, to))) return true;
            return anchor !== undefined && to.endsWith('.md') && !anchorsOf(to).includes(anchor);
        });
    expect(lost).toEqual([]);
});
