import { milliseconds, type Milliseconds } from '@mig/language';
import {
    copiedDisks,
    moveTechnique,
    recover,
    type FinishRecord,
    type HostName,
    type PlannedMove,
    type RecoveryDecision,
    type RecoveryStep,
    type Sighting,
} from '../../core/index.js';
import { HypervisorError } from '../hypervisor/errors.js';
import type { HostSession, Presence } from '../hypervisor/port.js';
import { since } from './clock.js';
import { within } from './bounds.js';
import { messageOf, note, type RunContext } from './context.js';
import { sessionWith } from './ports.js';
import { takeUpPostcopy } from './take-up.js';

/** How a move stands after both hosts were asked and what could be done was done. */
export interface Settled {
    readonly vmOn: HostName | undefined;
    /** `moved`: it is at its destination. `home`: it is at its source. `held`: nothing was touched; a person must look. */
    readonly end: 'moved' | 'home' | 'held';
    readonly carried: readonly string[];
    readonly because: string;
    /** What a person can do, where that is not what can be done about any VM on hold. */
    readonly hint?: string;
}

export interface SettleFacts {
    readonly finish: FinishRecord;
    readonly sourceBoot: string | undefined;
    readonly destinationBoot: string | undefined;
    /** Whether the VM's lock at the source is held now; asked before anything is done. */
    readonly holdsLock: () => Promise<boolean>;
}

/** What is known when both hosts are asked. */
interface Known extends SettleFacts {
    readonly cannotTakeUp?: { readonly why: string; readonly hint: string | undefined };
}

/** What came of the steps: all are done; what was learned; or, where one failed, nothing. */
type Acted = { readonly done: Settled } | { readonly learned: Partial<Known> } | undefined;

/** One answer of a host may take this long; after it the host counts as silent. */
const answerWithin = milliseconds(10_000);
const firstPauseMs = 200;
const longestPauseMs = 5_000;

/**
 * Asks both hosts, decides by the recovery table, and acts; again while something may change by itself, for as long as
 * the run's patience lasts. Every move ends here, the smooth ones too.
 */
export async function settle(step: PlannedMove, known: SettleFacts, run: RunContext): Promise<Settled> {
    let start = run.clock.now();
    let facts: Known = known;
    let pause = firstPauseMs;
    let told = '';
    for (;;) {
        const decision = await ask(step, facts, run);
        if (decision.row !== told && (decision.alarm || told !== '' || decision.steps.includes('start-destination')))
            tell(step, decision, run);
        told = decision.row;
        if (decision.verdict === 'hold') return held(step, decision, decision.because, facts);
        if (decision.steps.includes('start-destination')) facts = { ...facts, finish: startAnnounced(step, facts.finish, run) };
        if (decision.verdict === 'settled' || decision.steps.length > 0) {
            const acted = await act(step, decision, facts, run);
            if (acted && 'learned' in acted) facts = { ...facts, ...acted.learned };
            else if (acted && decision.verdict === 'settled') return acted.done;
            // The time that memory took does not count.
            if (acted && decision.steps.includes('take-up-postcopy')) start = run.clock.now();
        }
        const patience = decision.transfers === true ? run.bounds.perform : run.patience;
        if (since(run.clock, start) + pause > patience)
            return held(step, decision, `${decision.because}; \`mig-run resume\` asks again`, facts);
        await run.clock.sleep(milliseconds(pause));
        pause = Math.min(pause * 2, longestPauseMs);
    }
}

async function ask(step: PlannedMove, facts: Known, run: RunContext): Promise<RecoveryDecision> {
    const [source, destination] = await Promise.all([
        sight(step, step.source, facts.sourceBoot, run),
        sight(step, step.destination, facts.destinationBoot, run),
    ]);
    // Nothing tells yet which lock manager guards the disks: they count as unguarded.
    const { finish, cannotTakeUp } = facts;
    const refused = cannotTakeUp === undefined ? {} : { cannotTakeUp: cannotTakeUp.why };
    return recover({ finish, source, destination, run: run.ports.run, unguardedDisks: true, ...refused });
}

async function sight(step: PlannedMove, host: HostName, boot: string | undefined, run: RunContext): Promise<Sighting> {
    try {
        const presence = await within(run.clock, answerWithin, { call: 'a question', host, vm: step.vm.name }, async (signal) =>
            (await sessionWith(run.ports, host, signal)).presence(step.vm.uuid, signal),
        );
        return sightingOf(presence, boot);
    } catch {
        return { kind: 'silent', fenced: false }; // whatever kept it from answering: it said nothing
    }
}

function sightingOf(presence: Presence, boot: string | undefined): Sighting {
    const sameBoot = boot === undefined || presence.bootId === boot;
    if (presence.kind === 'absent') return { kind: 'absent', sameBoot };
    const { state, reason, job, persistent, mover } = presence;
    return { kind: 'present', sameBoot, state, reason, job, persistent, moverRun: mover?.run };
}

/** The destination is about to run the VM: on disk before it is told to (safety.md rule 1). */
function startAnnounced(step: PlannedMove, finish: FinishRecord, run: RunContext): FinishRecord {
    if (finish !== 'not-sent') return finish;
    run.ports.journal.enter(run.ports.run, step.id, ['finish', 'finish-sent'], run.clock.now());
    return 'sent';
}

/** Does the steps in order; undefined where one failed and both hosts are to be asked again. */
async function act(step: PlannedMove, decision: RecoveryDecision, facts: Known, run: RunContext): Promise<Acted> {
    if (decision.steps.length > 0 && !(await facts.holdsLock())) {
        note(run, 'warning', step.id, `the lock of ${step.vm.name} at ${step.source} is not ours: nothing is touched until it is`);
        return undefined;
    }
    const carried: string[] = [];
    for (const one of decision.steps) {
        try {
            carried.push(...(await take(one, step, run)));
        } catch (error) {
            // Asked for again, it would be refused again.
            if (one === 'take-up-postcopy' && error instanceof HypervisorError && error.code === 'feature-missing')
                return { learned: { cannotTakeUp: { why: error.message, hint: error.hint } } };
            note(run, 'warning', step.id, `${step.vm.name}: could not ${wording[one]}: ${messageOf(error)}`);
            return undefined;
        }
    }
    const end = decision.vmAt === 'destination' ? 'moved' : 'home';
    return { done: { vmOn: hostOf(step, decision.vmAt), end, carried, because: decision.because } };
}

const wording: Readonly<Record<RecoveryStep, string>> = {
    'cancel-sending': 'end its migration at its source',
    'start-destination': 'let it run at its destination',
    'take-up-postcopy': 'take its post-copy up again',
    'resume-source': 'resume it at its source',
    'remove-leftover': 'remove the copy at its destination',
    'remove-source': 'remove the paused copy at its source',
    'undefine-source': 'remove its definition at its source',
    'settle-arrival': 'settle it at its destination',
    'clear-marks': "take the run's mark off it",
};

const atDestination: ReadonlySet<RecoveryStep> = new Set<RecoveryStep>(['remove-leftover', 'start-destination', 'settle-arrival']);

const stepBound: Milliseconds = milliseconds(60_000);

/** @returns what was carried over, in words */
async function take(one: RecoveryStep, step: PlannedMove, run: RunContext): Promise<readonly string[]> {
    if (one === 'take-up-postcopy') {
        await takeUpPostcopy(step, run);
        return [];
    }
    const host = atDestination.has(one) ? step.destination : step.source;
    const what = { call: one, host, vm: step.vm.name };
    const { uuid } = step.vm;
    return within(run.clock, stepBound, what, async (signal) => {
        const session = await sessionWith(run.ports, host, signal);
        switch (one) {
            case 'cancel-sending': {
                await using departure = await session.departure(uuid, signal);
                await departure.cancel(signal);
                return [];
            }
            case 'resume-source':
            case 'start-destination':
                await session.resumeGuest(uuid, signal);
                return [];
            case 'remove-leftover':
            case 'remove-source':
                await session.destroyGuest(uuid, signal);
                return [];
            case 'undefine-source': {
                const left = await session.presence(uuid, signal);
                if (left.kind === 'present' && left.persistent) await session.undefine(uuid, signal);
                return [];
            }
            case 'clear-marks':
                await session.markMover(uuid, undefined, signal);
                await clearLeft(step, run);
                return [];
            case 'settle-arrival':
                return settleArrival(step, session, signal);
        }
    });
}

/** Images that were made for its disks, where the copy that they were for has ended by itself. The VM is safe whatever comes of it. */
async function clearLeft(step: PlannedMove, run: RunContext): Promise<void> {
    if (copiedDisks(moveTechnique(step.technique)).length === 0) return;
    const { destination: host, vm } = step;
    try {
        await within(run.clock, answerWithin, { call: 'what is left', host, vm: vm.name }, async (signal) =>
            (await sessionWith(run.ports, host, signal)).clearLeft?.(vm.uuid, signal),
        );
    } catch (error) {
        note(run, 'warning', step.id, `${vm.name}: images that were made for it may be left on ${host}: ${messageOf(error)}`);
    }
}

/** Definition, autostart and marks at the destination (safety.md rule 7). Tags and other metadata come with the definition. */
async function settleArrival(step: PlannedMove, at: HostSession, signal: AbortSignal): Promise<readonly string[]> {
    const { uuid } = step.vm;
    const define = async (): Promise<void> => {
        const arrived = await at.presence(uuid, signal);
        if (step.persistent && arrived.kind === 'present' && !arrived.persistent)
            await at.define(await at.definition(uuid, signal), signal);
        if (step.autostart) await at.setAutostart(uuid, true, signal);
    };
    // A definition that is made here is made of what stands here, mark and all: then the mark goes after it.
    if (moveTechnique(step.technique).postcopy) await define().then(() => at.markMover(uuid, undefined, signal));
    else await Promise.all([at.markMover(uuid, undefined, signal), define()]);
    return ['tags and metadata', ...(step.persistent ? ['definition'] : []), ...(step.autostart ? ['autostart'] : [])];
}

function tell(step: PlannedMove, decision: RecoveryDecision, run: RunContext): void {
    note(run, decision.alarm ? 'alarm' : 'info', step.id, `${step.vm.name}: ${decision.because}`);
}

/** A person must look, or hosts did not answer for as long as they were asked. */
function held(step: PlannedMove, decision: RecoveryDecision, because: string, { cannotTakeUp }: Known): Settled {
    const hint = decision.steps.length === 0 ? (cannotTakeUp?.hint ?? decision.hint) : decision.hint;
    return { vmOn: hostOf(step, decision.vmAt), end: 'held', carried: [], because, ...(hint !== undefined && { hint }) };
}

/** What a person can do about a VM that is on hold. */
export function holdHint({ vm, source, destination, driver }: PlannedMove, { hint }: Pick<Settled, 'hint'>): string {
    if (hint !== undefined) return hint;
    const goOn = driver === 'qemu' ? '`cont` at its QMP socket' : `\`virsh resume ${vm.name}\``;
    return (
        `look at ${vm.name} on both hosts; if it stands paused on ${source} and its log on ${destination} shows that it never ran there, ` +
        `${goOn} on ${source} lets it go on; then \`mig-run resume\` clears the rest`
    );
}

function hostOf(step: PlannedMove, at: RecoveryDecision['vmAt']): HostName | undefined {
    return at === undefined ? undefined : step[at];
}
