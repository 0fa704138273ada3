/** Hooks: commands of the policy before and after each move, on the hosts that it names. */
import { formatQuantity, type Milliseconds } from '@mig/language';
import { MigrationError } from '../../core/errors.js';
import type { PlannedHook, PlannedMove, Ran } from '../../core/index.js';
import { commandText, placeOfHook } from '../../core/show/around.js';
import { since } from './clock.js';
import { messageOf, note, type RunContext } from './context.js';
import type { Command, CommandEnd } from './places.js';

/**
 * Runs the hooks before a move, one after the other. With the first that fails the move does not begin.
 *
 * @throws MigrationError `hook-failed`
 */
export async function runHooksBefore(step: PlannedMove, attempt: number, run: RunContext): Promise<void> {
    for (const hook of hooksOf(step, 'before')) {
        const ran = await runHook(step, hook, attempt, run);
        if (ran === undefined || ran.outcome === 'ok') continue;
        const message = `${step.vm.name} was not moved: its hook ${saidOf(hook)} ${ran.detail ?? 'failed'}`;
        throw new MigrationError('hook-failed', message, {
            hint: lastLine(ran.output) ?? 'see what it does on its host, or take it out of the policy',
            where: { vm: step.vm.name, host: placeOfHook(hook) },
        });
    }
}

/** Runs the hooks after a move that has arrived: all of them, since none of them can undo it. One that fails is told. */
export async function runHooksAfter(step: PlannedMove, attempt: number, run: RunContext): Promise<void> {
    for (const hook of hooksOf(step, 'after')) {
        const ran = await runHook(step, hook, attempt, run);
        if (ran?.outcome !== 'failed') continue;
        note(run, 'warning', step.id, `${step.vm.name} has moved; its hook ${saidOf(hook)} ${ran.detail ?? 'failed'}`);
    }
}

/** Whether anything is run before a move begins: it is then not made ready before its turn. */
export const hasHooksBefore = (step: PlannedMove): boolean => hooksOf(step, 'before').length > 0;

const hooksOf = (step: PlannedMove, when: PlannedHook['when']): readonly PlannedHook[] =>
    (step.hooks ?? []).filter((hook) => hook.when === when).map((hook) => (hook.end ? { ...hook, on: step[hook.end] } : hook));

const saidOf = (hook: PlannedHook): string => `${commandText(hook.command)} on ${placeOfHook(hook)}`;

/** Undefined where nothing is run: hosts are simulated. */
async function runHook(step: PlannedMove, hook: PlannedHook, attempt: number, run: RunContext): Promise<Ran | undefined> {
    const { places } = run.ports;
    if (places === undefined) return undefined;
    run.emit({ type: 'hook-started', move: step.id, hook });
    const began = run.clock.now();
    const environment = environmentOf(step, attempt, run);
    const end = await places.run(hook.on, { argv: hook.command, environment, within: hook.withinMs }, run.control.cancel).then(
        (end) => ended(end, hook.withinMs),
        (error: unknown) => ({ outcome: 'failed', detail: `could not be run: ${messageOf(error)}`, output: undefined }) as const,
    );
    const ran: Ran = { ...end, tookMs: since(run.clock, began) };
    run.emit({ type: 'hook-ended', move: step.id, hook, ...ran });
    return ran;
}

/** What a command's end means. */
export function ended({ code, timedOut, output }: CommandEnd, within: Milliseconds): Omit<Ran, 'tookMs'> {
    const kept = output === '' ? undefined : output;
    if (code === 0) return { outcome: 'ok', detail: undefined, output: kept };
    const detail = timedOut
        ? `did not end within ${formatQuantity(within, 'duration')}`
        : code === undefined
          ? 'was cut off'
          : `ended with ${code}`;
    return { outcome: 'failed', detail, output: kept };
}

/** What a command is told of the move that it is run for. */
export function environmentOf(step: PlannedMove, attempt: number, run: RunContext): Command['environment'] {
    return {
        MIG_RUN: run.ports.run,
        MIG_VM: step.vm.name,
        MIG_VM_UUID: step.vm.uuid,
        MIG_SOURCE: step.source,
        MIG_DESTINATION: step.destination,
        MIG_ATTEMPT: String(attempt),
    };
}

/** What a command said last is mostly why it failed. */
export function lastLine(output: string | undefined): string | undefined {
    const line = output?.trim().split('\n').at(-1)?.trim();
    return line === undefined || line === '' ? undefined : `it said: ${line}`;
}
