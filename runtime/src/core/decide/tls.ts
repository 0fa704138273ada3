/** Whether an encrypted migration between two hosts would be set up: the certificates in place, what they are for, and until when. */
import type { EpochMs } from '@mig/language';
import type { HostName, HostProvisions, TlsCertificate } from '../model/inventory.js';
import { listed } from './wording.js';

/** A host as far as its certificates go. */
export interface TlsEnd {
    readonly name: HostName;
    readonly provides: HostProvisions | undefined;
    /** What others connect to for migrations. */
    readonly address: string | undefined;
}

/** What stands against it, with host and file; undefined where nothing is known to. */
export function tlsLack(source: TlsEnd, destination: TlsEnd, now: EpochMs): string | undefined {
    return sendingLack(source, destination, now) ?? receivingLack(source, destination, now);
}

/** What a host lacks to receive, from whomever; undefined where nothing is known to stand against it. */
export function receiverLack(destination: TlsEnd, now: EpochMs): string | undefined {
    return presenceLack(destination, ['none', 'sending']) ?? fileLack(destination, ['ca', 'server'], now) ?? nameLack(destination);
}

/** What a host lacks to send, to whomever. */
export function senderLack(source: TlsEnd, now: EpochMs): string | undefined {
    return presenceLack(source, ['none']) ?? fileLack(source, ['ca', 'client'], now);
}

function sendingLack(source: TlsEnd, destination: TlsEnd, now: EpochMs): string | undefined {
    const lack = senderLack(source, now);
    if (lack !== undefined) return lack;
    const [here, there] = [source.provides?.tlsFiles, destination.provides?.tlsFiles];
    if (here && there?.asksForClients === true && here.client === undefined)
        return `${destination.name} asks who sends for a certificate, and ${source.name} has not both of ${here.directory}/client-cert.pem and client-key.pem`;
    return here?.client && there?.ca && otherAuthority(here.client, source.name, there.ca, destination.name);
}

function receivingLack(source: TlsEnd, destination: TlsEnd, now: EpochMs): string | undefined {
    const lack = receiverLack(destination, now);
    if (lack !== undefined) return lack;
    const [server, ca] = [destination.provides?.tlsFiles?.server, source.provides?.tlsFiles?.ca];
    return server && ca && otherAuthority(server, destination.name, ca, source.name);
}

function presenceLack({ name, provides }: TlsEnd, without: readonly HostProvisions['tlsCertificates'][]): string | undefined {
    const directory = provides?.tlsFiles?.directory;
    const in_ = directory === undefined ? '' : ` in ${directory}`;
    if (provides?.tlsCertificates === undefined || !without.includes(provides.tlsCertificates)) return undefined;
    if (provides.tlsCertificates === 'none') return `${name} has no certificates for it: there is no ca-cert.pem${in_}`;
    return `${name} has no certificate to receive with: there are not both of server-cert.pem and server-key.pem${in_}`;
}

function fileLack({ name, provides }: TlsEnd, roles: readonly ('ca' | 'server' | 'client')[], now: EpochMs): string | undefined {
    for (const role of roles) {
        const certificate = provides?.tlsFiles?.[role];
        if (certificate === undefined) continue;
        const { file, unusable, from, until } = certificate;
        if (unusable !== undefined) return `${file} on ${name} cannot be used: ${unusable}`;
        if (until !== undefined && until <= now) return `${file} on ${name} has expired on ${day(until)}`;
        if (from !== undefined && from > now) return `${file} on ${name} is not valid before ${day(from)}`;
    }
    return undefined;
}

function nameLack({ name, provides, address }: TlsEnd): string | undefined {
    const server = provides?.tlsFiles?.server;
    if (server?.names === undefined || address === undefined || server.names.some((one) => covers(one, address))) return undefined;
    const is = server.names.length === 0 ? 'no name at all' : listed(server.names);
    return `${server.file} on ${name} is for ${is}, and migrations to ${name} connect to ${address}`;
}

function otherAuthority(certificate: TlsCertificate, of: HostName, ca: TlsCertificate, at: HostName): string | undefined {
    if (certificate.authority === undefined || ca.authorities === undefined || ca.authorities.includes(certificate.authority))
        return undefined;
    return `${certificate.file} on ${of} was not signed by the authority that ${at} trusts (${ca.file})`;
}

/** A wildcard stands for one label (RFC 6125, 6.4.3). */
function covers(name: string, address: string): boolean {
    const [pattern, wanted] = [oneSpelling(name), oneSpelling(address.replace(/^\[|\]$/g, ''))];
    if (pattern === wanted) return true;
    return pattern.startsWith('*.') && wanted.includes('.') && wanted.slice(wanted.indexOf('.')) === pattern.slice(1);
}

/** An IPv6 address has many spellings: all its groups, without leading zeros. */
function oneSpelling(name: string): string {
    const text = name.toLowerCase();
    if (!/^[\da-f:]*:[\da-f:]*$/.test(text)) return text;
    const [head = [], tail] = text.split('::').map((part) => part.split(':').filter((group) => group !== ''));
    const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0');
    return [...head, ...zeros, ...(tail ?? [])].map((group) => group.replace(/^0+(?=.)/, '')).join(':');
}

const day = (at: EpochMs): string => new Date(at).toISOString().slice(0, 10);
