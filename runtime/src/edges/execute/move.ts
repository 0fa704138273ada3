/**
 * One attempt at one move, phase by phase (docs: ../hypervisor/port.ts). Every phase is on disk before it is entered;
 * whatever way it goes, the attempt ends with both hosts asked (`settle`).
 */
import { milliseconds, type EpochMs } from '@mig/language';
import { MigrationError } from '../../core/errors.js';
import { uriOf } from '../../core/decide/actions.js';
import { type FinishRecord, moveTechnique, type PlannedMove } from '../../core/index.js';
import { HypervisorError } from '../hypervisor/errors.js';
import type { Cookie, MoveParameters } from '../hypervisor/port.js';
import { performBound, within } from './bounds.js';
import { endWithout, failureOf, type AttemptEnd } from './attempt-end.js';
import { examine, type Claim } from './claim.js';
import { messageOf, note, type RunContext } from './context.js';
import { LockKeeper } from './lock-keeper.js';
import { AttemptObserver } from './observer.js';
import { Phases } from './phases.js';
import { Sending } from './sending.js';
import { settle } from './settle.js';

/** Carries out one attempt with what was claimed for it; between prepare and perform it waits for its turn. Never rejects. */
export async function attempt(
    step: PlannedMove,
    number: number,
    claimed: Claim,
    turn: Promise<void>,
    run: RunContext,
): Promise<AttemptEnd> {
    try {
        return await new Attempt(step, number, claimed, turn, run).carryOut();
    } catch (error) {
        // Before the first phase: nothing has been touched, but perhaps for a mark that the next run takes over.
        const stopped = run.control.cancel.aborted;
        return { outcome: stopped ? 'aborted' : 'failed', vmOn: step.source, error: failureOf(error), retryable: !stopped };
    }
}

const noCookie: Cookie = new Uint8Array();
/** B's own word that the guest runs, and A's final figures, come as events: this long they are waited for. */
const eventWithin = milliseconds(2_000);
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

    async carryOut(): Promise<AttemptEnd> {
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
        const parameters = this.#parameters();
        const begun = await this.#phases.enter('begin', ['begin'], (signal) => departure.begin(parameters, signal));
        const prepared = await this.#phases
            .enter('prepare', ['prepare'], (signal) => arrival.prepare(parameters, begun, signal))
            .catch(async (error: unknown) => {
                await this.#endDeparture(parameters);
                throw error;
            });
        let performing = false;
        let sent: { readonly cookie: Cookie };
        try {
            await this.#turn;
            // A ladder's times do not count the waiting.
            this.#began = this.#run.clock.now();
            this.#stopIfCancelled();
            await this.#run.bandwidth.join(this.#step, departure, this.#run.control.cancel);
            performing = true;
            sent = await this.#perform(parameters, prepared, observer);
        } catch (error) {
            this.#leaveWire();
            await this.#removeCopy(parameters);
            if (!performing) await this.#endDeparture(parameters);
            throw error;
        }
        this.#leaveWire();
        await this.#switchOver(parameters, sent.cookie, observer);
    }

    async #perform(
        parameters: MoveParameters,
        prepared: Parameters<Claim['departure']['perform']>[1],
        observer: AttemptObserver,
    ): Promise<{ readonly cookie: Cookie }> {
        const bound = performBound(this.#step.technique, this.#run.bounds);
        const sending = new Sending(this.#step, this.#run, this.#claim.departure, observer, this.#began);
        return this.#phases
            .enter(
                'perform',
                ['perform'],
                (signal) => sending.during(this.#claim.departure.perform(parameters, prepared, signal), bound),
                milliseconds(bound + cancelWithin),
            )
            .catch((error: unknown) => {
                const by = sending.cancelledBy;
                if (!by) throw error;
                const code = by.what === 'ladder' ? 'aborted-by-policy' : by.what === 'bound' ? 'timed-out' : 'cancelled';
                throw new MigrationError(code, `${this.#step.vm.name} was stopped: ${by.because}`, {
                    cause: error,
                    hint: cancelHint[by.what],
                    where: { vm: this.#step.vm.name },
                });
            });
    }

    /** After `finish-sent` nothing is cancelled any more, whoever asks. */
    async #switchOver(parameters: MoveParameters, cookie: Cookie, observer: AttemptObserver): Promise<void> {
        const { departure, arrival } = this.#claim;
        let reply: { readonly cookie: Cookie; readonly started: boolean };
        try {
            reply = await this.#phases.enter('finish', ['finish', 'finish-sent'], (signal) => {
                this.#finish = 'sent';
                return arrival.finish(parameters, cookie, false, signal);
            });
        } catch (error) {
            if (this.#finish === 'not-sent') {
                await this.#giveBack(parameters, cookie); // the journal could not be written: nothing was sent
                throw error;
            }
            if (!(error instanceof HypervisorError) || error.code !== 'not-started') {
                if (error instanceof HypervisorError && error.code === 'refused') this.#reply('refused');
                throw error;
            }
            reply = { cookie: noCookie, started: false };
        }
        if (!reply.started) {
            this.#reply('not-started');
            await this.#endDeparture(parameters, reply.cookie);
            throw new HypervisorError(
                'not-started',
                this.#step.destination,
                `${this.#step.destination} could not start ${this.#step.vm.name}`,
                {
                    vm: this.#step.vm.name,
                    hint: `the log of the VM at ${this.#step.destination} says why; it runs on at ${this.#step.source}`,
                },
            );
        }
        this.#finish = 'started';
        await this.#mustRunThere(observer);
        await this.#phases.enter('confirm', ['finish-started', 'confirm'], (signal) =>
            departure.confirm(parameters, reply.cookie, false, signal),
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
    async #end(failure: unknown, observer: AttemptObserver): Promise<AttemptEnd> {
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
        throw new MigrationError('cancelled', `${this.#step.vm.name} was stopped: ${this.#run.control.reason?.detail ?? 'cancelled'}`, {
            hint: cancelHint.request,
        });
    }

    #parameters(): MoveParameters {
        const { route, technique, persistent } = this.#step;
        return {
            migrateUri: uriOf(route),
            listenAddress: route.listen,
            downtimeLimit: technique.options.downtimeMs === undefined ? undefined : milliseconds(technique.options.downtimeMs),
            persistent,
            unsafe: false,
            technique: moveTechnique(technique),
        };
    }
}

const expectedOfCancelledFinish: readonly string[] = ['not-started', 'refused', 'cancelled', 'no-such-vm'];

const cancelHint: Readonly<Record<'ladder' | 'request' | 'bound', string>> = {
    ladder: 'give it more bandwidth, a longer downtime, or more time',
    request: 'run the policy again to move it',
    bound: 'give its technique a rung `after ...: abort`, with the time that it may take',
};
