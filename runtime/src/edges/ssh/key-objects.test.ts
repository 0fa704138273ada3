import { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { newKeyPair } from './key-pair.js';
import { keepKeysAsObjects } from './key-objects.js';
import { fakeHost } from './testing/fake-host.js';

const mine = newKeyPair();

interface Ciphers {
    readonly _protocol: { readonly _cipher: { readonly _encKey: unknown }; readonly _decipher: { readonly _decipherKey: unknown } };
}

async function connected(port: number): Promise<ssh2.Client> {
    const client = new ssh2.Client();
    const ready = once(client, 'ready');
    client.connect({ host: '127.0.0.1', port, username: 'root', privateKey: mine.private });
    await ready;
    return client;
}

test('the keys of a connection become objects in both directions, and packets pass as before', async () => {
    await using host = await fakeHost({ accepts: [mine.public] });
    const client = await connected(host.port);
    keepKeysAsObjects(client);
    const { _cipher, _decipher } = (client as unknown as Ciphers)._protocol;
    expect(_cipher._encKey).toBeInstanceOf(KeyObject);
    expect(_decipher._decipherKey).toBeInstanceOf(KeyObject);
    const code = await new Promise((resolve, reject) => {
        client.exec('exit 7', (error, channel) => {
            if (error) return reject(error);
            channel.on('exit', resolve);
            channel.resume();
        });
    });
    expect(code).toBe(7);
    client.end();
    await once(client, 'close');
});

test('a client that keeps its keys elsewhere is left alone', () => {
    keepKeysAsObjects(new ssh2.Client());
    keepKeysAsObjects({ _protocol: { _cipher: null, _decipher: { other: Buffer.alloc(3) } } } as unknown as ssh2.Client);
});
