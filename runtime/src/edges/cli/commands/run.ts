import { figuresOf, isMigrationError, type Planning, simulate } from '../../../core/index.js';
import { ObservationMemory } from '../../observe/memory.js';
import { carryOut, endAs } from '../carry-out.js';
import type { Compiling } from '../compile/compiling.js';
import { confirm, type Console, Exit } from '../console.js';
import { EarlySessions } from '../early-sessions.js';
import { beginToLoad } from '../load.js';
import type { RunOptions } from '../options.js';
import { judgeFailures, load, observeFor, planFor, readSnapshot, sessionsAfter, stateDirectory } from '../pipeline.js';
import { showEvents, showPlan } from '../show.js';
import { interruptible } from '../signals.js';

/** The main job: observe, decide, show, ask, carry out, report. With `dryRun` the plan is played instead. */
export async function runPolicy(file: string, options: RunOptions, console: Console, compiling: Compiling): Promise<void> {
    const policy = beginToLoad(file, options.set, compiling);
    await using early = await EarlySessions.begin(file, options);
    const loaded = await load(policy, options, console, early);
    await using sessions = await sessionsAfter(early, loaded.inventory);
    using before = interruptible();
    const observed =
        options.snapshot === undefined
            ? await observeFor(loaded, sessions, options, before.signal)
            : { snapshot: await readSnapshot(options.snapshot), failures: new Map<string, unknown>() };
    const { snapshot } = observed;
    const planning = planFor(loaded, snapshot, options, console);
    judgeFailures(observed, planning.plan, console);
    const { plan } = planning;
    if (options.json !== true)
        showPlan(planning, { actions: options.actions === true, most: mostShown, snapshot, inventory: loaded.inventory }, console);
    const stopped = plan?.shutdowns?.length ?? 0;
    if (plan === undefined || plan.moves.length + stopped === 0) {
        if (options.dryRun !== true) remember(planning, console);
        if (options.json === true) console.out(JSON.stringify({ nothing: planning.nothing?.text, unplaced: plan?.unplaced ?? [] }));
        throw new Exit((plan?.unplaced.length ?? 0) > 0 ? 'noPlan' : 'ok');
    }
    if (options.dryRun === true) {
        const events = simulate(plan, snapshot, { now: snapshot.takenAt, seed: options.seed, guests: figuresOf(plan, loaded.inventory) });
        endAs(await showEvents(events, { ...options, played: true }, console), false, options, console);
        return;
    }
    const vms = (count: number): string => `${count} ${count === 1 ? 'VM' : 'VMs'}`;
    const question = [
        ...(plan.moves.length > 0 ? [`move ${vms(plan.moves.length)}`] : []),
        ...(stopped > 0 ? [`shut down ${vms(stopped)}`] : []),
    ].join(' and ');
    if (options.yes !== true && !(await confirm(`${question.charAt(0).toUpperCase()}${question.slice(1)}?`, console, before.signal)))
        throw new Exit('declined');
    before[Symbol.dispose]();
    await carryOut(plan, loaded.inventory, snapshot, sessions, { ...options, accepted: () => remember(planning, console) }, console);
    // Something could not be placed: what was promised of it is not held.
    if (plan.unplaced.length > 0) throw new Exit('broken');
}

/** A plan that is about to be carried out is shown with so many of its moves: more would drive the rest of it out of sight. */
const mostShown = 60;

/** What policies did, for their cooldown and release. That it cannot be kept stops no run. */
function remember({ states }: Planning, console: Console): void {
    if (states.length === 0) return;
    try {
        using memory = ObservationMemory.open(stateDirectory());
        memory.fired(states);
    } catch (error) {
        if (!isMigrationError(error)) throw error;
        console.err(`warning: that the policy ran is not remembered for its cooldown: ${error.message}`);
    }
}
