/** The certificates for encrypted migrations that are on a host, as their files have them: read there as text, understood here. */
import { createHash, X509Certificate } from 'node:crypto';
import { epochMs } from '@mig/language';
import type { TlsCertificate, TlsFiles } from '../../../core/index.js';

/**
 * Part of the script of provisions: `$migrate` is the directory, `$1` stands before every path, `$peers` and `$peersall` say
 * whether who sends has to show a certificate. Keys are only looked for: QEMU reads them, we do not.
 */
export const tlsFilesScript = `
    echo "tls-directory \${migrate#"$1"}"
    echo "tls-peers \${peers:-\${peersall:-1}}"
    for file in ca-cert server-cert server-key client-cert client-key; do
        [ -e "$migrate/$file.pem" ] || continue
        case $file in *-key) echo "tls-file $file"; continue;; esac
        text=
        [ -r "$migrate/$file.pem" ] && while read -r line || [ -n "$line" ]; do text="$text$line|"; done < "$migrate/$file.pem"
        echo "tls-file $file $text"
    done
`;

/** From the lines that the script told, without their keys. Undefined where the directory could not be looked into. */
export function readTlsFiles(told: (key: string) => readonly string[]): TlsFiles | undefined {
    const [directory] = told('tls-directory');
    if (directory === undefined) return undefined;
    const texts = new Map(
        told('tls-file').map((line) => {
            const [name = '', ...rest] = line.split(' ');
            return [name, rest.join(' ').replaceAll('|', '\n')];
        }),
    );
    const authorities = certificatesIn(texts.get('ca-cert'));
    const one = (name: string): TlsCertificate | undefined => {
        const text = texts.get(name);
        return text === undefined ? undefined : describe(`${directory}/${name}.pem`, text, authorities);
    };
    const withKey = (role: 'server' | 'client'): TlsCertificate | undefined => (texts.has(`${role}-key`) ? one(`${role}-cert`) : undefined);
    const [ca, server, client] = [one('ca-cert'), withKey('server'), withKey('client')];
    return {
        directory,
        asksForClients: told('tls-peers')[0] !== '0',
        ...(ca && { ca: authorities.length === 0 ? ca : { ...ca, authorities: authorities.map(fingerprint) } }),
        ...(server && { server }),
        ...(client && { client }),
    };
}

function describe(file: string, text: string, authorities: readonly X509Certificate[]): TlsCertificate {
    const [certificate] = certificatesIn(text);
    // A file that we may not read is no fault of it: QEMU may.
    if (certificate === undefined) return text === '' ? { file } : { file, unusable: 'it holds no certificate' };
    const authority = authorities.find((one) => certificate.checkIssued(one) && certificate.verify(one.publicKey));
    return {
        file,
        from: epochMs(certificate.validFromDate.getTime()),
        until: epochMs(certificate.validToDate.getTime()),
        names: namesOf(certificate),
        ...(authority && { authority: fingerprint(authority) }),
    };
}

function certificatesIn(text: string | undefined): readonly X509Certificate[] {
    const blocks = text?.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
    return blocks.flatMap((block) => {
        try {
            return [new X509Certificate(block)];
        } catch {
            return []; // told as a file that holds none
        }
    });
}

/** Names and addresses of the subject's alternatives; where there are none, the common name (RFC 6125). */
function namesOf({ subjectAltName, subject }: X509Certificate): readonly string[] {
    const alternatives = subjectAltName?.split(', ').flatMap((one) => /^(?:DNS|IP Address):"?([^"]*)"?$/.exec(one)?.[1] ?? []) ?? [];
    if (alternatives.length > 0) return alternatives;
    return subject.split('\n').flatMap((part) => /^CN=(.*)$/.exec(part)?.[1] ?? []);
}

const fingerprint = ({ raw }: X509Certificate): string => createHash('sha256').update(raw).digest('hex');
