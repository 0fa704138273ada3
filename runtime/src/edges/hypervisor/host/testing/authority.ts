/** Certificates for tests: an authority, and what it signs. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Signed {
    readonly certificate: string;
    readonly key: string;
}

export interface Authority extends AsyncDisposable {
    readonly certificate: string;
    /** `names` as OpenSSL takes them: `DNS:kvm-b`, `IP:10.66.1.12`. Valid from now for so many days; negative: expired by as many. */
    sign(commonName: string, names: readonly string[], days?: number): Promise<Signed>;
}

export async function newAuthority(name = 'authority of a test'): Promise<Authority> {
    const directory = await mkdtemp(path.join(tmpdir(), 'mig-ca-'));
    const at = (file: string): string => path.join(directory, file);
    const openssl = async (...words: readonly string[]): Promise<void> => {
        await run('openssl', [...words], { cwd: directory });
    };
    const read = (file: string): Promise<string> => readFile(at(file), 'utf8');
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const extensions = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'];
    await openssl('req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', `/CN=${name}`, '-days', '30', ...extensions);
    let nth = 0;
    return {
        certificate: await read('ca.pem'),
        sign: async (commonName, names, days = 7) => {
            nth += 1;
            const [key, request, signed] = [`${String(nth)}.key`, `${String(nth)}.csr`, `${String(nth)}.pem`];
            await openssl('req', '-new', ...curve, '-keyout', key, '-out', request, '-subj', `/CN=${commonName}`);
            const lines = [
                'basicConstraints=critical,CA:FALSE',
                'keyUsage=critical,digitalSignature',
                'extendedKeyUsage=serverAuth,clientAuth',
                ...(names.length === 0 ? [] : [`subjectAltName=${names.join(',')}`]),
            ];
            await writeFile(at('extensions'), `${lines.join('\n')}\n`);
            const [from, until] = days < 0 ? [days - 7, days] : [-1, days];
            const time = (offset: number): string =>
                new Date(Date.now() + offset * 86_400_000).toISOString().replace(/\.\d+/, '').replaceAll(/[-:T]/g, '');
            await writeFile(at('index.txt'), '');
            await writeFile(
                at('ca.conf'),
                '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\nunique_subject=no\nnew_certs_dir=.\npolicy=p\ndefault_md=sha256\n[p]\ncommonName=supplied\n',
            );
            const ca = ['-config', 'ca.conf', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-batch', '-notext', '-create_serial'];
            const when = ['-startdate', time(from), '-enddate', time(until)];
            await openssl('ca', ...ca, '-in', request, '-out', signed, '-extfile', 'extensions', ...when);
            return { certificate: await read(signed), key: await read(key) };
        },
        [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
    };
}
