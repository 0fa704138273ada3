/**
 * Where an SSH connection goes and what it may use: the inventory's words first, then ~/.ssh/config, then OpenSSH's defaults.
 *
 * Honoured: HostName, User, Port, IdentityFile, IdentitiesOnly, IdentityAgent, ProxyJump, UserKnownHostsFile,
 * GlobalKnownHostsFile, HostKeyAlias, ConnectTimeout, BindAddress, AddressFamily, Include, Host and Match.
 * Refused, because leaving them out would change where we go or whom we trust: ProxyCommand, ProxyUseFdpass,
 * RevokedHostKeys, KnownHostsCommand. StrictHostKeyChecking is always on. Everything else is left out.
 */
import { readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import SshConfig from 'ssh-config';
import type { HostName, SshPeer } from '../../core/index.js';
import { HypervisorError } from '../hypervisor/errors.js';
import type { SshEnvironment } from './environment.js';

/** A server to connect to: a host of the inventory, or a jump host. */
export interface Peer extends SshPeer {
    /** Instead of what the configuration says. */
    readonly jump?: readonly Peer[];
    /** Of a jump host: the file with host keys that the inventory names for the host behind it. */
    readonly alsoKnown?: string;
}

export interface SshTarget {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    /** In the order in which they are tried; those that do not exist are passed over. */
    readonly identityFiles: readonly string[];
    /** Named by a person: such a file must exist. */
    readonly requiredIdentity: string | undefined;
    readonly agent: string | undefined;
    readonly knownHostsFiles: readonly string[];
    /** The name under which the host's key is looked up, where it is not the host's own. */
    readonly hostKeyAlias: string | undefined;
    /** Hosts to pass through, nearest first. */
    readonly jumps: readonly Peer[];
    readonly connectTimeoutMs: number;
    readonly bindAddress: string | undefined;
    readonly family: 4 | 6 | undefined;
}

const defaultConnectTimeoutMs = 10_000;
const defaultIdentities = ['id_ed25519', 'id_ecdsa', 'id_rsa', 'id_ed25519_sk', 'id_ecdsa_sk'];
const refused = ['proxyusefdpass', 'revokedhostkeys', 'knownhostscommand'];

/** Reads the person's configuration for a connection. */
export async function resolveTarget(name: HostName, connection: Peer, environment: SshEnvironment): Promise<SshTarget> {
    const sshDirectory = join(environment.home, '.ssh');
    const settings = computed(name, await configText(join(sshDirectory, 'config'), sshDirectory, environment), connection, environment);
    const one = (key: string): string | undefined => settings.get(key)?.[0];
    for (const key of refused) {
        const value = one(key);
        if (isSet(value) && value !== 'no') throw unsupported(name, key, value);
    }
    if (connection.jump === undefined) refuseProxyCommand(name, settings);
    const user = connection.user ?? one('user') ?? environment.user;
    const port = connection.port ?? Number(one('port') ?? 22);
    const host = (one('hostname') ?? connection.address).replaceAll('%h', connection.address);
    const expand = (path: string): string =>
        expandPath(path, { home: environment.home, localUser: environment.user, host, port, user, alias: connection.address });
    const many = (key: string): readonly string[] | undefined => settings.get(key)?.map(expand);
    const agent = one('identityagent');
    const family = one('addressfamily');
    const alsoKnown = connection.knownHosts ?? connection.alsoKnown;
    const jumps: readonly Peer[] = connection.jump ?? jumpPeers(name, one('proxyjump'), { host, port, user, alias: connection.address });
    return {
        host,
        port,
        user,
        identityFiles: [
            ...(connection.identityFile === undefined ? [] : [expand(connection.identityFile)]),
            ...(many('identityfile') ??
                (connection.identityFile === undefined ? defaultIdentities.map((file) => join(sshDirectory, file)) : [])),
        ],
        requiredIdentity: connection.identityFile === undefined ? undefined : expand(connection.identityFile),
        agent:
            one('identitiesonly') === 'yes' || agent === 'none'
                ? undefined
                : agent === undefined || agent === 'SSH_AUTH_SOCK'
                  ? environment.agent
                  : expand(agent),
        knownHostsFiles:
            connection.knownHosts === undefined
                ? [
                      ...(connection.alsoKnown === undefined ? [] : [expand(connection.alsoKnown)]),
                      ...(many('userknownhostsfile') ?? [join(sshDirectory, 'known_hosts'), join(sshDirectory, 'known_hosts2')]),
                      ...(many('globalknownhostsfile') ?? ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2']),
                  ]
                : [expand(connection.knownHosts)],
        hostKeyAlias: one('hostkeyalias'),
        jumps: jumps.map((jump) => (alsoKnown === undefined ? jump : { alsoKnown, ...jump })),
        connectTimeoutMs: one('connecttimeout') === undefined ? defaultConnectTimeoutMs : Number(one('connecttimeout')) * 1000,
        bindAddress: one('bindaddress'),
        family: family === 'inet' ? 4 : family === 'inet6' ? 6 : undefined,
    };
}

/** `[user@]address[:port]` as a person writes it. */
export function peerText({ user, address, port }: SshPeer): string {
    const place = address.includes(':') ? `[${address}]` : address;
    return `${user === undefined ? '' : `${user}@`}${place}${port === undefined ? '' : `:${String(port)}`}`;
}

/** The options of OpenSSH's tools that lead through these hosts. */
export const jumpOption = (jumps: readonly SshPeer[]): string => (jumps.length === 0 ? '' : `-J ${jumps.map(peerText).join(',')} `);

const isSet = (value: string | undefined): value is string => value !== undefined && value.toLowerCase() !== 'none';

/** ProxyJump and ProxyCommand: the one that is said first holds (ssh_config(5)). */
function refuseProxyCommand(name: HostName, settings: ReadonlyMap<string, readonly string[]>): void {
    const first = [...settings.keys()].find((key) => key === 'proxyjump' || key === 'proxycommand');
    const command = settings.get('proxycommand')?.[0];
    if (first === 'proxycommand' && isSet(command)) throw unsupported(name, 'proxycommand', command);
}

/** What ProxyJump says: `[user@]host[:port]` or `ssh://…`, separated by commas, or none. */
function jumpPeers(name: HostName, value: string | undefined, tokens: JumpTokens): readonly SshPeer[] {
    if (!isSet(value)) return [];
    const { host, port, user, alias } = tokens;
    const values: Readonly<Record<string, string>> = { '%': '%', h: host, n: alias, p: String(port), r: user };
    return value
        .replace(/%(.)/g, (whole, token: string) => values[token] ?? whole)
        .split(',')
        .map((spec) => jumpPeer(name, spec.trim()));
}

type JumpTokens = Pick<Tokens, 'host' | 'port' | 'user' | 'alias'>;

function jumpPeer(name: HostName, spec: string): SshPeer {
    const [, user, address, port] = /^(?:ssh:\/\/)?(?:([^@\s]+)@)?(\[[^\]\s]+\]|[^:\s[\]]+)(?::(\d+))?\/?$/.exec(spec) ?? [];
    if (address === undefined) {
        throw new HypervisorError('feature-missing', name, `~/.ssh/config sets ProxyJump for ${name}, and '${spec}' in it names no host`, {
            hint: 'write [user@]host[:port], an IPv6 address in brackets, several separated by commas',
        });
    }
    return {
        address: address.replace(/^\[|\]$/g, ''),
        user,
        port: port === undefined ? undefined : Number(port),
        identityFile: undefined,
        knownHosts: undefined,
    };
}

function computed(name: HostName, text: string, connection: SshPeer, environment: SshEnvironment): ReadonlyMap<string, readonly string[]> {
    try {
        const query = connection.user === undefined ? { Host: connection.address } : { Host: connection.address, User: connection.user };
        const found = SshConfig.parse(text).compute(query, { ignoreCase: true });
        return new Map(Object.entries(found).map(([key, value]) => [key, typeof value === 'string' ? [value] : value]));
    } catch (cause) {
        const file = join(environment.home, '.ssh', 'config');
        throw new HypervisorError(
            'host-unreachable',
            name,
            `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
            {
                cause,
                hint: `ssh -G ${connection.address} shows what OpenSSH makes of it`,
                where: { file },
            },
        );
    }
}

function unsupported(name: HostName, key: string, value: string): HypervisorError {
    return new HypervisorError('feature-missing', name, `~/.ssh/config sets ${key} '${value}' for ${name}, which mig-run cannot follow`, {
        hint:
            key === 'proxycommand'
                ? 'use ProxyJump, which is followed, or name the jump hosts in the inventory (ssh: jump)'
                : `set ${key} to none for this host, or list the accepted keys in known_hosts`,
    });
}

const maxIncludeDepth = 16;

/** A configuration's text with its includes in their places. A file that does not exist says nothing. */
async function configText(file: string, sshDirectory: string, environment: SshEnvironment, depth = 0): Promise<string> {
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
        throw error;
    });
    if (depth === maxIncludeDepth) return text;
    const lines = await Promise.all(
        text.split('\n').map(async (line) => {
            const included = /^\s*include[\s=]+(.*)$/i.exec(line)?.[1];
            if (included === undefined) return line;
            const files = await Promise.all(
                included
                    .split(/\s+/)
                    .filter((pattern) => pattern !== '')
                    .map((pattern) => matchingFiles(includePath(pattern, sshDirectory, environment))),
            );
            return (await Promise.all(files.flat().map((f) => configText(f, sshDirectory, environment, depth + 1)))).join('\n');
        }),
    );
    return lines.join('\n');
}

function includePath(pattern: string, sshDirectory: string, environment: SshEnvironment): string {
    const bare = pattern.replace(/^"|"$/g, '');
    if (bare.startsWith('~/')) return join(environment.home, bare.slice(2));
    return isAbsolute(bare) ? bare : join(sshDirectory, bare);
}

/** Wildcards are followed in the last part of the path, where people write them. */
async function matchingFiles(pattern: string): Promise<readonly string[]> {
    const slash = pattern.lastIndexOf('/');
    const last = pattern.slice(slash + 1);
    if (!/[*?]/.test(last)) return [pattern];
    const expression = new RegExp(
        `^${last
            .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
            .replaceAll('*', '.*')
            .replaceAll('?', '.')}$`,
    );
    const directory = pattern.slice(0, slash);
    const entries = await readdir(directory).catch(() => []);
    return entries
        .filter((entry) => expression.test(entry) && !entry.startsWith('.'))
        .sort()
        .map((entry) => join(directory, entry));
}

interface Tokens {
    readonly home: string;
    readonly localUser: string;
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly alias: string;
}

function expandPath(path: string, tokens: Tokens): string {
    const values: Readonly<Record<string, string>> = {
        '%': '%',
        d: tokens.home,
        h: tokens.host,
        n: tokens.alias,
        p: String(tokens.port),
        r: tokens.user,
        u: tokens.localUser,
    };
    const expanded = path.replace(/%(.)/g, (whole, token: string) => values[token] ?? whole);
    return expanded.startsWith('~/') ? join(tokens.home, expanded.slice(2)) : expanded;
}
