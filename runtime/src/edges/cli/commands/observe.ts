import type { Console } from '../console.js';
import type { Compiling } from '../compile/compiling.js';
import { EarlySessions } from '../early-sessions.js';
import { beginToLoad } from '../load.js';
import type { PolicyOptions } from '../options.js';
import { judgeFailures, load, observeFor, sessionsAfter } from '../pipeline.js';
import { showSnapshot } from '../show.js';
import { interruptible } from '../signals.js';
import { save } from './plan.js';

/** Reads hosts and VMs; with `all` every figure, else what the policy reads. */
export async function observeHosts(
    file: string,
    options: PolicyOptions & { readonly all?: boolean; readonly save?: string },
    console: Console,
    compiling: Compiling,
): Promise<void> {
    const policy = beginToLoad(file, options.set, compiling);
    await using early = await EarlySessions.begin(file, options);
    const loaded = await load(policy, options, console, early);
    await using sessions = await sessionsAfter(early, loaded.inventory);
    using interrupt = interruptible();
    const observed = await observeFor(loaded, sessions, options, interrupt.signal);
    judgeFailures(observed, undefined, console);
    if (options.save !== undefined) await save(options.save, observed.snapshot);
    if (options.json === true) console.out(JSON.stringify(observed.snapshot, null, 2));
    else showSnapshot(observed.snapshot, console);
}
