import { expect, test } from 'vitest';
import { isBelow } from './compare.js';

test.each([
    ['9.0.0', '9.0.0', false],
    ['10.0', '9.0.0', false],
    ['8.10.2', '9.0.0', true],
    ['7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)', '7.2.0', false],
    ['7.1.9', '7.2.0', true],
])('%s is below %s: %s', (version, floor, below) => {
    expect(isBelow(version, floor)).toBe(below);
});
