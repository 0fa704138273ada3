/** Control of a lab's links while it runs. */
import type { BytesPerSecond } from '@mig/language';
import { LabError } from './errors.js';
import { labCommand } from './exec.js';
import { labPaths } from './paths.js';
import { mustRun, run } from './run.js';
import { controlLink, hostMigrationLink, migrationLink, shapeArguments } from './scripts.js';
import { labHostOf, type Lab } from './state.js';

/** The link that carries migrations, or the one that carries SSH. */
export type LabNetwork = 'migration' | 'control';

/** Sets the rate of a host's link to the migration network, in both directions. */
export async function setLinkRate(lab: Lab, host: string, rate: BytesPerSecond, signal?: AbortSignal): Promise<void> {
    const { index } = labHostOf(lab, host);
    if (!(rate > 0))
        throw new LabError('lab-bad-options', `host ${host}: the link rate must be above zero`, { hint: 'cutLink cuts a link' });
    await mustRun(labCommand(lab, shapeArguments(hostMigrationLink, rate), host), `link of ${host}`, { signal });
    await mustRun(inLab(lab, shapeArguments(migrationLink(index), rate)), `link of ${host}`, { signal });
}

/** Cuts a host off a network: nothing passes until the link is restored, and open connections are not told. */
export async function cutLink(lab: Lab, host: string, network: LabNetwork = 'migration', signal?: AbortSignal): Promise<void> {
    await setBridgeSide(lab, host, network, 'down', signal);
}

/** Undoes `cutLink`. */
export async function restoreLink(lab: Lab, host: string, network: LabNetwork = 'migration', signal?: AbortSignal): Promise<void> {
    await setBridgeSide(lab, host, network, 'up', signal);
}

/** Whether this kernel can delay and lose packets; tried in the lab, on a link that carries nothing. */
export async function canDelayPackets(lab: Lab, signal?: AbortSignal): Promise<boolean> {
    const trial = await run(inLab(lab, ['tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms']), { signal });
    if (trial.code !== 0) return false;
    await mustRun(inLab(lab, ['tc', 'qdisc', 'del', 'dev', 'lo', 'root']), 'removing the trial delay', { signal });
    return true;
}

async function setBridgeSide(
    lab: Lab,
    host: string,
    network: LabNetwork,
    state: 'up' | 'down',
    signal: AbortSignal | undefined,
): Promise<void> {
    const { index } = labHostOf(lab, host);
    const link = network === 'migration' ? migrationLink(index) : controlLink(index);
    await mustRun(inLab(lab, ['ip', 'link', 'set', link, state]), `${network} link of ${host}`, { signal });
}

/** The image's tools, on the lab's side of the links. */
function inLab(lab: Lab, argv: readonly string[]): readonly string[] {
    const [nsenter = '', target = ''] = labCommand(lab, []);
    return [nsenter, target, '--net', '--mount', '--pid', '--', 'chroot', labPaths(lab.name).tools, ...argv];
}
