import { writeFile } from 'node:fs/promises';
import { MigrationError } from '../../../core/index.js';
import { type Console, Exit } from '../console.js';
import type { Compiling } from '../compile/compiling.js';
import { EarlySessions } from '../early-sessions.js';
import { beginToLoad } from '../load.js';
import type { PlanOptions } from '../options.js';
import { judgeFailures, load, observeFor, planFor, readSnapshot, sessionsAfter } from '../pipeline.js';
import { showPlan } from '../show.js';
import { interruptible } from '../signals.js';

/** Shows, and saves, what would be done and why. Nothing is changed on any host. */
export async function planPolicy(file: string, options: PlanOptions, console: Console, compiling: Compiling): Promise<void> {
    const policy = beginToLoad(file, options.set, compiling);
    await using early = await EarlySessions.begin(file, options);
    const loaded = await load(policy, options, console, early);
    await using sessions = await sessionsAfter(early, loaded.inventory);
    using interrupt = interruptible();
    const observed =
        options.snapshot === undefined
            ? await observeFor(loaded, sessions, options, interrupt.signal)
            : { snapshot: await readSnapshot(options.snapshot), failures: new Map<string, unknown>() };
    const planning = planFor(loaded, observed.snapshot, options, console);
    judgeFailures(observed, planning.plan, console);
    const { plan } = planning;
    if (options.json === true) console.out(JSON.stringify(plan ?? { nothing: planning.nothing?.text }, null, 2));
    else showPlan(planning, { actions: options.actions === true, snapshot: observed.snapshot, inventory: loaded.inventory }, console);
    if (options.save !== undefined) {
        if (plan === undefined)
            throw new MigrationError('nothing-to-save', 'there is no plan to save', { hint: 'see above why nothing would be done' });
        await save(options.save, plan);
        if (options.json !== true)
            console.out(
                `\nsaved as ${options.save}; carry it out with \`mig-run apply ${options.save} --inventory ${loaded.inventoryFile.path}\``,
            );
    }
    if (plan?.moves.length === 0 && plan.shutdowns === undefined && plan.unplaced.length > 0) throw new Exit('noPlan');
}

/** Throws `file-unwritable`. */
export async function save(file: string, value: unknown): Promise<void> {
    try {
        await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
    } catch (cause) {
        throw new MigrationError('file-unwritable', `cannot write ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, {
            cause,
            hint: 'check the path and the space on its disk',
        });
    }
}
