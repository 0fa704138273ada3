import { createSecretKey } from 'node:crypto';
import type { Client } from 'ssh2';

/**
 * The SSH library gives Node the key of each packet as bytes; from bytes Node makes a key anew each time, which takes longer
 * than to encrypt a small packet. A key that is an object already is used as it is. Where the library keeps its keys
 * elsewhere, and after it has changed them, all is as it was, and slower.
 */
export function keepKeysAsObjects(client: Client): void {
    const { _protocol } = client as unknown as { readonly _protocol?: Partial<Record<string, unknown>> };
    for (const side of [_protocol?.['_cipher'], _protocol?.['_decipher']]) {
        if (typeof side !== 'object' || side === null) continue;
        const keys = side as Record<string, unknown>;
        for (const name of ['_encKey', '_decipherKey']) {
            const key = keys[name];
            if (Buffer.isBuffer(key)) keys[name] = createSecretKey(key);
        }
    }
}
