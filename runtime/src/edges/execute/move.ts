/**
 * One attempt at one move, phase by phase (docs: ../hypervisor/port.ts). Every phase is on disk before it is entered;
 * whatever way it goes, the attempt ends with both hosts asked (`settle`).
 */
import { milliseconds, type EpochMs, type Milliseconds } from '@mig/language';
import { MigrationError } from '../../core/errors.js';
import { stopped, type EndedAttempt, type FinishRecord, type PlannedMove } from '../../core/index.js';
import { HypervisorError } from '../hypervisor/errors.js';
import type { Cookie, MoveParameters } from '../hypervisor/port.js';
import { performBound, within } from './bounds.js';
import { endWithout, failureOf } from './attempt-end.js';
import { examine, type Claim } from './claim.js';
import { since } from './clock.js';
import { messageOf, note, type RunContext } from './context.js';
import { LockKeeper } from './lock-keeper.js';
import { AttemptObserver } from './observer.js';
import { parametersOf } from './parameters.js';
import { Phases } from './phases.js';
import { sessionWith } from './ports.js';
import { Sending } from './sending.js';
import { settle } from './settle.js';

/** Carries out one attempt with what was claimed for it; between prepare and perform it waits for its turn. Never rejects. */
export async function attempt(
    step: PlannedMove,
    number: number,
    claimed: Claim,
    turn: Promise<void>,
    run: RunContext,
): Promise<EndedAttempt> {
    try {
        return await new Attempt(step, number, claimed, turn, run).carryOut();
    } catch (error) {
        // Before the first phase: nothing has been touched, but perhaps for a mark that the next run takes over.
        const stopped = run.control.cancel.aborted;
        return { outcome: stopped ? 'aborted' : 'failed', vmOn: step.source, error: failureOf(error), retryable: !stopped };
    }
}

type Prepared = Parameters<Claim['departure']['perform']>[1];
/** What finish replied. */
type Reply = Awaited<ReturnType<Claim['arrival']['finish']>>;

interface Sent {
    readonly cookie: Cookie;
    /** Where finish went out while the guest was still being sent. */
    readonly reply: Reply | undefined;
}

/** No answer: what the host did is unknown. */
const unanswered: readonly string[] = ['host-lost', 'timed-out'];

const noCookie: Cookie = new Uint8Array();
/** B's own word that the guest runs, and A's final figures, come as events: this long they are waited for. */
const eventWithin = milliseconds(2_000);
/** The source's word that all has been sent comes as an event. */
const allSentWithin = milliseconds(15_000);
const askAgainAfter = milliseconds(1_000);
/** A perform that was cancelled has ended within this time, or the source is lost. */
const cancelWithin = milliseconds(60_000);

class Attempt {
    readonly #step: PlannedMove;
    readonly #number: number;
    readonly #claim: Claim;
    readonly #turn: Promise<void>;
    readonly #run: RunContext;
    readonly #phases: Phases;
    #boots: { readonly source: string; readonly destination: string } | undefined;
    #finish: FinishRecord = 'not-sent';
    /** To post-copy, or it may have: nothing is cancelled any more. */
    #switched = false;
    /** Settles when it is known whether it has. */
    #doubt: Promise<unknown> | undefined;
    /** When it could have begun to send. */
    #began: EpochMs;

    constructor(step: PlannedMove, number: number, claimed: Claim, turn: Promise<void>, run: RunContext) {
        this.#step = step;
        this.#number = number;
        this.#claim = claimed;
        this.#turn = turn;
        this.#run = run;
        this.#phases = new Phases(step, run);
        this.#began = run.clock.now();
    }

    async carryOut(): Promise<EndedAttempt> {
        const { ports } = this.#run;
        const boots = await this.#phases.early('a first look', (signal) => examine(this.#step, this.#claim, signal));
        this.#boots = boots;
        if (boots.staleMark !== undefined && boots.staleMark !== ports.run) {
            note(
                this.#run,
                'warning',
                this.#step.id,
                `${this.#step.vm.name} bore the mark of run ${boots.staleMark}, which no longer holds its lock`,
            );
        }
        const { epoch } = ports.journal.startAttempt(ports.run, this.#step.id, this.#number, boots, this.#run.clock.now());
        await this.#phases.early('the mark', (signal) =>
            this.#claim.source.markMover(this.#step.vm.uuid, { run: ports.run, epoch }, signal),
        );
        const observer = new AttemptObserver(this.#step, this.#run, this.#claim.departure, this.#claim.arrival);
        this.#began = this.#run.clock.now();
        const failure = await this.#carryOver(observer).then(
            () => undefined,
            (error: unknown) => error ?? new Error('no reason given'),
        );
        return this.#end(failure, observer);
    }

    async #carryOver(observer: AttemptObserver): Promise<void> {
        const { departure, arrival } = this.#claim;
        const parameters = parametersOf(this.#step);
        const begun = await this.#phases.enter('begin', ['begin'], (signal) => departure.begin(parameters, signal));
        const prepared = await this.#phases
            .enter('prepare', ['prepare'], (signal) => arrival.prepare(parameters, begun, signal))
            .catch(async (error: unknown) => {
                await this.#endDeparture(parameters);
                throw error;
            });
        let performing = false;
        let sent: Sent;
        try {
            await this.#turn;
            // A ladder's times do not count the waiting.
            this.#began = this.#run.clock.now();
            this.#stopIfCancelled();
            await this.#run.bandwidth.join(this.#step, departure, this.#run.control.cancel);
            performing = true;
            sent = await this.#send(parameters, prepared, observer);
        } catch (error) {
            this.#leaveWire();
            // After a switch to post-copy nothing is cancelled (safety.md rule 3).
            if (this.#switched) throw error;
            await this.#removeCopy(parameters);
            if (!performing) await this.#endDeparture(parameters);
            throw error;
        }
        this.#leaveWire();
        const reply = sent.reply ?? (await this.#finishThere(parameters, sent.cookie));
        await this.#mustRunThere(observer);
        if (this.#switched) await this.#mustBeSent(observer);
        await this.#phases.enter('confirm', ['finish-started', 'confirm'], (signal) =>
            departure.confirm(parameters, reply.cookie, false, signal),
        );
    }

    /** Sends the guest, watched. Where it switches to post-copy, finish goes out beside perform, and its reply is had already. */
    async #send(parameters: MoveParameters, prepared: Prepared, observer: AttemptObserver): Promise<Sent> {
        const bound = performBound(this.#step.technique, this.#run.bounds);
        const sending = new Sending(this.#step, this.#run, this.#claim.departure, observer, this.#phases, this.#began);
        return sending.during(this.#transfer(parameters, prepared, observer, sending, bound), bound).catch((error: unknown) => {
            const by = sending.cancelledBy;
            if (!by) throw error;
            const { code, message, hint } = stopped(this.#step.vm.name, by.what, by.because);
            throw new MigrationError(code, message, { cause: error, hint, where: { vm: this.#step.vm.name } });
        });
    }

    /** finish goes out when perform returns, or when the source says that it has switched to post-copy: whichever comes first, never earlier. */
    async #transfer(
        parameters: MoveParameters,
        prepared: Prepared,
        observer: AttemptObserver,
        sending: Sending,
        bound: Milliseconds,
    ): Promise<Sent> {
        const performing = this.#phases.enter(
            'perform',
            ['perform'],
            (signal) => this.#claim.departure.perform(parameters, prepared, signal),
            milliseconds(bound + cancelWithin),
        );
        const performed = performing.then(
            ({ cookie }) => ({ cookie, error: undefined }),
            (error: unknown) => ({ cookie: noCookie, error: error instanceof Error ? error : new Error(String(error)) }),
        );
        const first = await Promise.race([performed, observer.switched]);
        if (first?.error !== undefined && !observer.hasSwitched) {
            const mayRun = sending.maySwitched && first.error instanceof HypervisorError && unanswered.includes(first.error.code);
            if (!mayRun || !(await this.#sourceHasSwitched())) throw first.error;
        } else if (first !== undefined && !observer.hasSwitched) {
            if (!sending.maySwitched) return { cookie: first.cookie, reply: undefined };
            return this.#finishInDoubt(parameters, first.cookie, observer);
        }
        this.#switched = true;
        void this.#run.bandwidth.switched(this.#step.id);
        const reply = await this.#finishThere(parameters, first?.cookie ?? noCookie);
        const { cookie, error } = await performed;
        if (error !== undefined)
            note(this.#run, 'warning', this.#step.id, `${this.#step.vm.name} is being received all the same: ${messageOf(error)}`);
        return { cookie, reply };
    }

    /**
     * perform has returned after the switch was asked for, and nothing was heard of one: what is heard may be late. finish
     * waits for nothing (safety.md rule 3), and meanwhile the source says whether it still sends.
     */
    async #finishInDoubt(parameters: MoveParameters, cookie: Cookie, observer: AttemptObserver): Promise<Sent> {
        const asking = this.#sourceHasSwitched().then(
            (is) => (this.#switched = is || observer.hasSwitched),
            () => true, // where it cannot be asked, what is right of a switch is right of both
        );
        this.#doubt = asking;
        const replying = this.#finishThere(parameters, cookie);
        replying.catch(() => undefined); // it is waited for below
        if (await asking) void this.#run.bandwidth.switched(this.#step.id);
        else this.#leaveWire();
        return { cookie, reply: await replying };
    }

    /** perform broke off after the switch was asked for: only the source knows whether it has switched (safety.md rule 3). */
    async #sourceHasSwitched(): Promise<boolean> {
        const { clock, bounds, patience, ports } = this.#run;
        const { source, vm } = this.#step;
        const start = clock.now();
        const what = { call: 'a question', host: source, vm: vm.name };
        // Until it answers nothing may be cancelled.
        this.#switched = true;
        for (;;) {
            try {
                const there = await within(clock, bounds.begin, what, async (signal) =>
                    (await sessionWith(ports, source, signal)).presence(vm.uuid, signal),
                );
                this.#switched = there.kind === 'present' && (there.reason === 'postcopy' || there.reason === 'postcopy-failed');
                return this.#switched;
            } catch (error) {
                if (since(clock, start) > patience) throw error;
                await clock.sleep(askAgainAfter);
            }
        }
    }

    /** After `finish-sent` nothing is cancelled any more, whoever asks. */
    async #finishThere(parameters: MoveParameters, cookie: Cookie): Promise<Reply> {
        const { arrival } = this.#claim;
        // After a switch finish lasts as long as pages are on their way.
        const bound = this.#switched ? this.#run.bounds.perform : this.#run.bounds.finish;
        let reply: Reply;
        try {
            const call = (signal: AbortSignal): Promise<Reply> => {
                this.#finish = 'sent';
                return arrival.finish(parameters, cookie, false, signal);
            };
            reply = await this.#phases.enter('finish', ['finish', 'finish-sent'], call, bound);
        } catch (error) {
            if (this.#finish === 'not-sent') {
                // The journal could not be written: nothing was sent.
                if (!this.#switched) await this.#giveBack(parameters, cookie);
                throw error;
            }
            if (!(error instanceof HypervisorError) || error.code !== 'not-started') {
                if (error instanceof HypervisorError && error.code === 'refused') this.#reply('refused');
                throw error;
            }
            reply = { cookie: noCookie, started: false };
        }
        if (!reply.started) {
            await this.#doubt;
            if (this.#switched) {
                // Its memory is no longer whole at the source: it is not let go on there.
                this.#reply('refused');
                throw notStarted(this.#step, `see docs/safety.md for what is left of it`);
            }
            this.#reply('not-started');
            await this.#endDeparture(parameters, reply.cookie);
            throw notStarted(this.#step, `the log of the VM at ${this.#step.destination} says why; it runs on at ${this.#step.source}`);
        }
        this.#finish = 'started';
        return reply;
    }

    /** After a switch the source's copy is removed only when the source says that all of it has been sent (safety.md rule 4). */
    async #mustBeSent(observer: AttemptObserver): Promise<void> {
        const over = new AbortController();
        const waiting = this.#run.clock.sleep(allSentWithin, over.signal).then(() => false);
        const cut = observer.cut.then(() => false);
        const heard = await Promise.race([observer.allSent.then(() => true), cut, waiting]);
        over.abort();
        if (heard) return;
        throw new HypervisorError(
            'timed-out',
            this.#step.source,
            `${this.#step.source} does not say that all of ${this.#step.vm.name} has been sent, though it runs at ${this.#step.destination}`,
            { vm: this.#step.vm.name },
        );
    }

    /** confirm removes the source's copy whatever is so: it goes out only when the destination runs the guest (safety.md rule 4). */
    async #mustRunThere(observer: AttemptObserver): Promise<void> {
        const { clock } = this.#run;
        const over = new AbortController();
        const heard = await Promise.race([observer.resumedThere.then(() => true), clock.sleep(eventWithin, over.signal).then(() => false)]);
        over.abort();
        if (heard) return;
        const { destination } = this.#claim;
        const what = { call: 'a question', host: this.#step.destination, vm: this.#step.vm.name };
        const there = await within(clock, this.#run.bounds.begin, what, (signal) => destination.presence(this.#step.vm.uuid, signal));
        if (there.kind === 'present' && there.state === 'running') return;
        throw new HypervisorError(
            'not-started',
            this.#step.destination,
            `${this.#step.destination} said that ${this.#step.vm.name} runs, and shows no sign of it`,
            { vm: this.#step.vm.name },
        );
    }

    /** Asks both hosts how it ended, cleans up, and says so. */
    async #end(failure: unknown, observer: AttemptObserver): Promise<EndedAttempt> {
        const { clock, emit } = this.#run;
        if (failure !== undefined) await this.#claim.close();
        await using lock = new LockKeeper(this.#step, this.#run.ports);
        const holdsLock = this.#lockHeld(lock);
        const figures = this.#finish === 'started' && failure === undefined ? this.#figures(observer) : Promise.resolve();
        const [settled] = await Promise.all([
            settle(
                this.#step,
                { finish: this.#finish, sourceBoot: this.#boots?.source, destinationBoot: this.#boots?.destination, holdsLock },
                this.#run,
            ),
            figures,
        ]);
        if (settled.end === 'moved') {
            if (failure !== undefined)
                note(this.#run, 'warning', this.#step.id, `${this.#step.vm.name} arrived although: ${messageOf(failure)}`);
            emit({ type: 'arrived', move: this.#step.id, carried: settled.carried, at: clock.now() });
            return { outcome: 'moved', vmOn: settled.vmOn, error: undefined, retryable: false };
        }
        return endWithout(this.#step, settled, failure);
    }

    /** The claim's lock as long as it lives; else one that is taken anew. */
    #lockHeld(spare: LockKeeper): () => Promise<boolean> {
        let lost = false;
        void this.#claim.lock.lost.then(() => (lost = true));
        return async () => {
            await Promise.resolve(); // lets a loss that has happened be told
            return !lost || spare.held(AbortSignal.timeout(30_000), (error) => note(this.#run, 'warning', this.#step.id, messageOf(error)));
        };
    }

    async #figures(observer: AttemptObserver): Promise<void> {
        const over = new AbortController();
        const told = await Promise.race([
            observer.jobCompleted.then(() => true),
            this.#run.clock.sleep(eventWithin, over.signal).then(() => false),
        ]);
        over.abort();
        if (told) return;
        const own = observer.summaryOfOurOwn(this.#began);
        if (own) this.#run.emit({ type: 'job-completed', move: this.#step.id, ...own });
        note(this.#run, 'info', this.#step.id, `${this.#step.source} told no final figures of ${this.#step.vm.name}; they are our own`);
    }

    /** The copy at the destination never ran: it is removed. An error is the expected answer. */
    async #removeCopy(parameters: MoveParameters): Promise<void> {
        await this.#phases.quietly('finish', () =>
            this.#phases.enter('finish', ['finish', 'finish-cancelled'], async (signal) => {
                await this.#claim.arrival.finish(parameters, noCookie, true, signal).catch((error: unknown) => {
                    if (error instanceof HypervisorError && expectedOfCancelledFinish.includes(error.code)) return;
                    throw error;
                });
            }),
        );
    }

    /** The source's guest runs on, and its side of the migration is closed. */
    async #endDeparture(parameters: MoveParameters, cookie: Cookie = noCookie): Promise<void> {
        const { departure } = this.#claim;
        await this.#phases.quietly('confirm', () =>
            this.#phases.enter('confirm', ['confirm'], (signal) => departure.confirm(parameters, cookie, true, signal)),
        );
    }

    /** The journal is out of order here, so these two are not written down: both only undo, and neither starts a guest at the destination. */
    async #giveBack(parameters: MoveParameters, cookie: Cookie): Promise<void> {
        const { clock, bounds } = this.#run;
        const { source, destination, vm } = this.#step;
        await within(clock, bounds.finish, { call: 'finish', host: destination, vm: vm.name }, (signal) =>
            this.#claim.arrival.finish(parameters, cookie, true, signal),
        ).catch(() => undefined); // a refusal is the expected answer
        await this.#phases.quietly('confirm', () =>
            within(clock, bounds.confirm, { call: 'confirm', host: source, vm: vm.name }, (signal) =>
                this.#claim.departure.confirm(parameters, noCookie, true, signal),
            ),
        );
    }

    #reply(finish: 'not-started' | 'refused'): void {
        this.#finish = finish;
        try {
            this.#run.ports.journal.enter(this.#run.ports.run, this.#step.id, [`finish-${finish}`], this.#run.clock.now());
        } catch (error) {
            note(this.#run, 'alarm', this.#step.id, messageOf(error));
        }
    }

    #leaveWire(): void {
        void this.#run.bandwidth.leave(this.#step.id, this.#run.control.cancel);
    }

    #stopIfCancelled(): void {
        if (!this.#run.control.cancel.aborted) return;
        const { code, message, hint } = stopped(this.#step.vm.name, 'request', this.#run.control.reason?.detail ?? 'cancelled');
        throw new MigrationError(code, message, { hint });
    }
}

function notStarted({ vm, destination }: PlannedMove, hint: string): HypervisorError {
    return new HypervisorError('not-started', destination, `${destination} could not start ${vm.name}`, { vm: vm.name, hint });
}

const expectedOfCancelledFinish: readonly string[] = ['not-started', 'refused', 'cancelled', 'no-such-vm'];
