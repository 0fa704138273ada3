import ssh2 from 'ssh2';

export interface KeyPair {
    /** In OpenSSH's own format. */
    readonly private: string;
    /** One line, as in authorized_keys. */
    readonly public: string;
}

/**
 * A new ed25519 key. The library cuts leading zeros off, so that one pair in 256 is no key that anybody could read
 * (github.com/mscdex/ssh2/issues/1513): such a pair is thrown away.
 */
export function newKeyPair(comment = ''): KeyPair {
    for (;;) {
        const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment });
        if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return { private: pair.private, public: pair.public };
    }
}
