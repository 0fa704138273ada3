/** A post-copy whose way is cut for real, in the middle: neither QEMU is told, each notices by itself that nothing comes any more. */
import type { MigrationEvent } from '@mig/runtime/core';
import { cutLink, type Lab, restoreLink } from '../../runtime/src/edges/lab/door.js';
import { type Striking, type Struck, struckAt } from './killed.js';
import { inHost } from './lab-state.js';

/** What is sent in vain is given up in seconds, as it is in a quarter of an hour with what Linux sets. */
export async function giveUpSoon(lab: Lab): Promise<void> {
    for (const { name } of lab.hosts) await inHost(lab, name, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/tcp_retries2');
}

/** Time in which enough is sent after the switch for the guest to need more of it, and not all. */
const intoPostcopy = 300;

export const tellsOfTheCut = (event: MigrationEvent): boolean =>
    event.type === 'note' && event.level === 'alarm' && /the way between the hosts was cut in post-copy/.test(event.text);

/** Runs a policy and cuts its destination off in post-copy; `told` is called, once, when the run says that it was. */
export async function cutInPostcopy(
    striking: Striking,
    words: readonly string[],
    told: (destination: string) => Promise<void>,
): Promise<Struck & { readonly destination: string }> {
    let destination = '';
    let resumed = Infinity;
    const work: Promise<unknown>[] = [];
    const struck = await struckAt(striking, words, (event) => {
        if (event.type === 'guest-resumed') [destination, resumed] = [event.on, Math.min(resumed, event.at)];
        if (work.length === 0 && event.at - resumed > intoPostcopy) work.push(cutLink(striking.lab, destination));
        const tells = tellsOfTheCut(event);
        if (tells && work.length === 1) work.push(told(destination));
        return tells;
    });
    await Promise.all(work);
    return { ...struck, destination };
}

/** The way is there again. */
export const mend =
    (lab: Lab) =>
    (host: string): Promise<void> =>
        restoreLink(lab, host);
