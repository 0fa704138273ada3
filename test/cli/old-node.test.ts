import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { migRunPath } from '../kit/mig-run.js';

const asNode = (version: string) =>
    promisify(execFile)(process.execPath, [
        '-e',
        `Object.defineProperty(process, 'versions', { value: { node: '${version}' } }); process.argv[1] = '--version'; require(${JSON.stringify(migRunPath)})`,
    ]).then(
        ({ stdout }) => ({ code: 0, text: stdout }),
        (error: unknown) => {
            const { code, stderr } = error as { code: number; stderr: string };
            return { code, text: stderr };
        },
    );

test.each(['20.20.2', '22.12.0'])('Node %s is told what is needed', async (version) => {
    const { code, text } = await asNode(version);
    expect(text).toContain(`mig-run needs Node 22.13 or newer, and this is Node ${version}.`);
    expect(text).toContain('npx mig-run');
    expect(code).toBe(2);
});
