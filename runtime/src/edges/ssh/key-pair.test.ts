import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { newKeyPair } from './key-pair.js';

test('every new key can be read again', () => {
    // One in 256 could not, were the library trusted.
    for (let count = 0; count < 3000; count += 1) {
        const pair = newKeyPair('lab');
        expect(ssh2.utils.parseKey(pair.private)).not.toBeInstanceOf(Error);
        expect(ssh2.utils.parseKey(pair.public)).not.toBeInstanceOf(Error);
    }
});
