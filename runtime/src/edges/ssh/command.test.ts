import { execFileSync } from 'node:child_process';
import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { shellCommand } from './command.js';

/** What a shell makes of the line, each argument ended by a zero. */
const readBack = (line: string): readonly string[] =>
    execFileSync('sh', ['-c', `printf '%s\\0' ${line}`])
        .toString('utf8')
        .split('\0')
        .slice(0, -1);

test.prop(
    [
        fc.array(
            fc.string({ unit: 'grapheme' }).filter((s) => !s.includes('\0')),
            { minLength: 1, maxLength: 4 },
        ),
    ],
    { numRuns: 25 },
)('a shell reads back exactly the arguments', (argv) => {
    expect(readBack(shellCommand(argv))).toEqual(argv);
});

test('quotes, dollars, line feeds and empty arguments are kept', () => {
    const argv = ["it's", '$(reboot)', 'two\nlines', '', '`x`', '-n', '"'];
    expect(readBack(shellCommand(argv))).toEqual(argv);
});

test('what needs no quotes stands as it is', () => {
    expect(shellCommand(['cat', '/proc/self/stat'])).toBe('cat /proc/self/stat');
});
