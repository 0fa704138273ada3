/** The way to an SSH server, through the jump hosts that stand before it. */
import { HypervisorError } from '../hypervisor/errors.js';
import type { SshEnvironment } from './environment.js';
import type { JumpHosts, Lease } from './jump-hosts.js';
import { type Peer, peerText, resolveTarget, type SshTarget } from './ssh-config.js';
import { connectClient } from './ssh-connect.js';
import { SshLink } from './ssh-link.js';

/** More than anybody means: where configurations lead on and on. */
const maxJumps = 8;

/** A server on the way, or at its end. */
interface Stop {
    /** The host, or the jump host, in words. */
    readonly name: string;
    readonly target: SshTarget;
}

/**
 * Connects and authenticates. Each jump host is reached as its own configuration says, with host keys, keys and agent of
 * its own; none is given our agent.
 * Errors: host-unreachable, host-key-unknown, host-key-mismatch, authentication-failed, feature-missing; those of a jump
 * host name it.
 */
export async function dial(name: string, peer: Peer, signal: AbortSignal, environment: SshEnvironment, jumps: JumpHosts): Promise<SshLink> {
    const stops = await routeTo(name, peer, environment, [peerText(peer)]).catch((error: unknown) => {
        throw asTold(name, error);
    });
    return follow(stops, signal, environment, jumps);
}

/**
 * The servers to pass through and the one itself. As in OpenSSH the first jump host is reached as its own configuration says,
 * and each further one through the one before. `passed` are those that are reached through this one.
 */
async function routeTo(name: string, peer: Peer, environment: SshEnvironment, passed: readonly string[]): Promise<readonly Stop[]> {
    const target = await resolveTarget(name, peer, environment);
    const [first, ...further] = target.jumps;
    if (first === undefined) return [{ name, target }];
    const text = peerText(first);
    if (passed.includes(text) || passed.length > maxJumps) throw circle(name, [...passed, text]);
    const before = await routeTo(jumpName(first), first, environment, [...passed, text]);
    const after = await Promise.all(
        further.map(async (hop, nth): Promise<Stop> => {
            const jump = target.jumps.slice(0, nth + 1);
            return { name: jumpName(hop), target: await resolveTarget(jumpName(hop), { ...hop, jump }, environment) };
        }),
    );
    return [...before, ...after, { name, target }];
}

const jumpName = (hop: Peer): string => `the jump host ${peerText(hop)}`;

/** The last stop is ours alone; those before it are shared with all who take the same way. */
async function follow(stops: readonly Stop[], signal: AbortSignal, environment: SshEnvironment, jumps: JumpHosts): Promise<SshLink> {
    const before = stops.slice(0, -1);
    const last = stops.at(-1);
    if (last === undefined) throw new Error('a way without an end');
    const { name, target } = last;
    if (before.length === 0) return new SshLink(name, await connectClient(name, target, undefined, signal), undefined);
    const key = JSON.stringify([environment, before.map((stop) => stop.target)]);
    let way: Lease | undefined;
    try {
        way = await jumps.lease(key, (stop) => follow(before, stop, environment, jumps), signal);
        const stream = await way.link.openTcp(target.host, target.port, signal);
        return new SshLink(name, await connectClient(name, target, stream, signal), way);
    } catch (error) {
        await way?.[Symbol.asyncDispose]();
        throw asTold(name, error);
    }
}

/** What stands against a jump host, as told of the host behind it. */
function asTold(name: string, error: unknown): unknown {
    if (!(error instanceof HypervisorError) || error.host === name) return error;
    const { hint, where } = error;
    return new HypervisorError(error.code, name, `${name}: ${error.message}`, {
        cause: error,
        ...(hint === undefined ? {} : { hint }),
        where: { ...where, host: name },
    });
}

function circle(name: string, passed: readonly string[]): HypervisorError {
    return new HypervisorError(
        'host-unreachable',
        name,
        `${name} cannot be reached: its jump hosts lead on and on: ${passed.join(' → ')}`,
        {
            hint: 'give the jump host ProxyJump none in ~/.ssh/config, above the lines that set it for all hosts',
        },
    );
}
