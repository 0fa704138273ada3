/** Verification: whether a VM that has arrived answers, asked from a place that the policy names. */
import { milliseconds } from '@mig/language';
import type { PlannedCheck, PlannedMove, Ran } from '../../core/index.js';
import { checkText, placeOfCheck } from '../../core/show/around.js';
import { since } from './clock.js';
import { messageOf, note, type RunContext } from './context.js';
import { ended, environmentOf, lastLine } from './hooks.js';
import type { Places } from './places.js';
import { sessionWith } from './ports.js';

/** A guest that does not answer is asked again after this time, until its own is up. */
const askAgainMs = milliseconds(250);
/** One question may take this long; then another is asked. */
const oneQuestionMs = 2000;

/** Asks everything that the policy asks of an arrived VM, side by side, and does what it says where no answer comes. */
export async function verify(step: PlannedMove, attempt: number, run: RunContext): Promise<readonly Failed[]> {
    const { places } = run.ports;
    if (places === undefined) return [];
    const checked = await Promise.all(
        (step.checks ?? []).map(async (check) => ({ check, ran: await ask(step, check, attempt, places, run) })),
    );
    return checked.flatMap(({ check, ran }) => {
        if (ran.outcome === 'ok') return [];
        const text = `${step.vm.name} has moved, and does not answer: ${checkText(check)} from ${placeOfCheck(check, step.destination)}: ${ran.detail ?? 'failed'}`;
        note(run, 'warning', step.id, text);
        if (check.otherwise === 'halt-plan') run.control.halt({ why: 'plan-halted', detail: text });
        return [{ check, text }];
    });
}

export interface Failed {
    readonly check: PlannedCheck;
    readonly text: string;
}

async function ask(step: PlannedMove, check: PlannedCheck, attempt: number, places: Places, run: RunContext): Promise<Ran> {
    const began = run.clock.now();
    const answer = await untilAnswered(step, check, attempt, places, run);
    const ran: Ran = { ...answer, tookMs: since(run.clock, began) };
    run.emit({ type: 'verified', move: step.id, check, ...ran });
    return ran;
}

type Answer = Omit<Ran, 'tookMs'>;

async function untilAnswered(step: PlannedMove, check: PlannedCheck, attempt: number, places: Places, run: RunContext): Promise<Answer> {
    const until = run.clock.now() + check.withinMs;
    for (;;) {
        const left = Math.max(1, until - run.clock.now());
        const answer = await question(
            step,
            check,
            attempt,
            places,
            run,
            Math.min(left, check.check.kind === 'command' ? left : oneQuestionMs),
        ).catch((error: unknown): Answer => ({ outcome: 'failed', detail: messageOf(error), output: undefined }));
        if (answer.outcome === 'ok' || run.control.cancel.aborted) return answer;
        if (run.clock.now() + askAgainMs >= until) return answer;
        try {
            await run.clock.sleep(askAgainMs, run.control.cancel);
        } catch {
            return answer; // the run is being stopped: what was answered last is what is known
        }
    }
}

async function question(
    step: PlannedMove,
    { check, from }: PlannedCheck,
    attempt: number,
    places: Places,
    run: RunContext,
    withinMs: number,
): Promise<Answer> {
    const timely = AbortSignal.any([run.control.cancel, AbortSignal.timeout(Math.ceil(withinMs))]);
    const ok: Answer = { outcome: 'ok', detail: undefined, output: undefined };
    const timeUp = (error: unknown): never => {
        throw timely.aborted && !run.control.cancel.aborted ? new Error('did not answer in time') : error;
    };
    switch (check.kind) {
        case 'tcp':
            await places.connect(from, check.address, check.port, timely).catch(timeUp);
            return ok;
        case 'agent': {
            const host = await sessionWith(run.ports, step.destination, timely);
            if (host.pingAgent === undefined) return { outcome: 'failed', detail: 'cannot be asked there', output: undefined };
            await host.pingAgent(step.vm.uuid, timely).catch(timeUp);
            return ok;
        }
        case 'command': {
            const environment = environmentOf(step, attempt, run);
            const command = { argv: check.command, environment, within: milliseconds(withinMs) };
            const answer = ended(await places.run(from, command, run.control.cancel), command.within);
            const said = lastLine(answer.output);
            return { ...answer, detail: said === undefined || answer.detail === undefined ? answer.detail : `${answer.detail}; ${said}` };
        }
    }
}
