import { createHash } from 'node:crypto';
import { milliseconds } from '@mig/language';
import { canonicalJson, MigrationError, type Plan, planVersion } from '../../../core/index.js';
import { observe, wallClock } from '../../observe/observe.js';
import { carryOut } from '../carry-out.js';
import { confirm, type Console, Exit } from '../console.js';
import { readInventory } from '../load.js';
import { judgeFailures, readJson, requireFresh, sessionsWith } from '../pipeline.js';
import { showFindings, showPlan } from '../show.js';
import { interruptible } from '../signals.js';

/** Carries out a saved plan, if what it was made from still holds. */
export async function applyPlan(
    file: string,
    options: { readonly inventory: string; readonly yes?: boolean; readonly json?: boolean; readonly metrics?: string },
    console: Console,
): Promise<void> {
    const plan = (await readJson(file, 'mig-plan', planVersion)) as Plan;
    requireWhole(plan, file);
    const read = await readInventory(options.inventory);
    showFindings(read, console, options);
    if (read.inventory === undefined) throw new Exit('invalid');
    await using sessions = sessionsWith(read.inventory);
    using before = interruptible();
    const needs = { statistics: true, twoSamples: false, dirtyRate: false, windowMs: milliseconds(0) };
    const maintenance = plan.assumptions.flatMap((a) => (a.kind === 'host-maintenance' && a.maintenance ? [a.host] : []));
    const observed = await observe(read.inventory, sessions, { needs, maintenance, now: wallClock }, before.signal);
    judgeFailures(observed, plan, console);
    requireFresh(plan, observed.snapshot);
    if (options.json !== true) showPlan({ plan }, { actions: false, snapshot: observed.snapshot, inventory: read.inventory }, console);
    if (options.yes !== true && !(await confirm(`Carry out ${file}?`, console, before.signal))) throw new Exit('declined');
    before[Symbol.dispose]();
    await carryOut(plan, read.inventory, observed.snapshot, sessions, options, console);
}

/** Throws `plan-altered` where the plan is not what its id says: it was edited or cut off. */
function requireWhole(plan: Plan, file: string): void {
    const { id, ...body } = plan;
    if (id === `sha256:${createHash('sha256').update(canonicalJson(body)).digest('hex')}`) return;
    throw new MigrationError('plan-altered', `${file} has been changed since it was made`, {
        hint: 'make a new one with `mig-run plan --save`: a plan is not edited by hand',
        where: { file },
    });
}
