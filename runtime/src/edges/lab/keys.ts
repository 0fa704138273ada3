import ssh2 from 'ssh2';

export interface KeyPair {
    /** In OpenSSH's own format. */
    readonly private: string;
    /** One line, as in authorized_keys. */
    readonly public: string;
}

/** A new ed25519 key. */
export function newKeyPair(comment: string): KeyPair {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment });
    return { private: pair.private, public: pair.public };
}
