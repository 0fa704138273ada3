/**
 * Plays a plan in virtual time: discrete events over fair links, with the decisions of the executor (which move starts,
 * which share it gets, what its ladder says) and the events that the executor would report, in the same order.
 */
import { bytesPerSecond, epochMs, type BytesPerSecond, type EpochMs, type Milliseconds, type OnFailure } from '@mig/language';
import { scopeOf } from '../decide/attributes.js';
import { sharesInFlight, tooThin, type CapInForce, type LinkCapacities } from '../decide/bandwidth.js';
import { queueOf, startable, type QueuedMove, type Startable, readyAtMost } from '../decide/queue.js';
import { skipHints, type SkipCode } from '../decide/skips.js';
import { isTrue } from '../decide/truth.js';
import { holds } from '../decide/evaluate.js';
import { verdictText } from '../decide/wording.js';
import { nextLook, Windows } from '../decide/windows.js';
import { vmsOf, worldOf, type World } from '../decide/world.js';
import { eventsVersion, type MigrationEvent, type MoveFailure, type MoveId } from '../model/events.js';
import type { Plan, PlannedGang, PlannedMove } from '../model/plan.js';
import type { Snapshot } from '../model/snapshot.js';
import { Agenda } from './agenda.js';
import { directedLinks, guestMemories, lookEvery, type GuestFigures } from './assumptions.js';
import { nextInLine, portions, type LiveQueue } from './candidates.js';
import { MoveCourse } from './course.js';
import { fairRates } from './links.js';

export interface SimulationOptions {
    /** When the run starts. */
    readonly now: EpochMs;
    /** The same seed gives the same events. */
    readonly seed: number;
    /** The run's id in the events. */
    readonly run?: string;
    /** Time between two progress events of a move. */
    readonly progressEvery?: Milliseconds;
    /** Figures of guests that the snapshot does not hold. */
    readonly guests?: GuestFigures;
}

/** The events of the run that this plan would be, with what had to be assumed as notes. */
export function simulate(plan: Plan, snapshot: Snapshot, options: SimulationOptions): MigrationEvent[] {
    return new Simulation(plan, snapshot, options).play();
}

interface Timer {
    /** Whether it still means anything: a timer that does not lets no time pass. */
    readonly counts: () => boolean;
    readonly act: () => void;
}

class Simulation {
    readonly #plan: Plan;
    readonly #options: SimulationOptions;
    readonly #events: MigrationEvent[] = [];
    readonly #queue: Map<MoveId, QueuedMove>;
    readonly #waiting: Map<MoveId, QueuedMove>;
    readonly #running = new Set<MoveId>();
    /** Moves that others have to wait for. */
    readonly #awaited: ReadonlySet<MoveId>;
    /** Under way, and expected to end soon. */
    readonly #ending = new Set<MoveId>();
    /** Made ready before their turn, which has not come yet. */
    readonly #ready = new Set<MoveId>();
    readonly #live: LiveQueue;
    readonly #sharing = new Set<MoveCourse>();
    readonly #courses: Map<MoveId, MoveCourse>;
    readonly #agenda = new Agenda<MoveCourse | Timer>();
    /** Members of a gang that have started and are not ready yet; the last one releases the others. */
    readonly #musters = new Map<MoveId, Set<MoveId>>();
    /** By policy instance. */
    readonly #late = new Set<number>();
    readonly #anotherCourse: (move: PlannedMove) => MoveCourse | undefined;
    readonly #windows: Windows;
    readonly #links: ReadonlyMap<string, BytesPerSecond>;
    readonly #capacities: LinkCapacities;
    #now = 0;
    #halted = false;
    /** By policy instance. */
    readonly #failures = new Map<number, number>();
    /** Returned with their gang, and starting again with it: in how many milliseconds. */
    readonly #startsAgain = new Map<MoveId, number>();
    /** Who sent, and with which caps of rungs, when caps were last set. */
    #cappedFor = '';

    constructor(plan: Plan, snapshot: Snapshot, options: SimulationOptions) {
        this.#plan = plan;
        this.#options = options;
        this.#windows = new Windows(plan, options.now);
        const world = worldOf(snapshot);
        const heldBack = new Map(plan.moves.flatMap((move) => [[move.id, whyNotQuiet(move, world)] as const]));
        this.#queue = new Map(queueOf(plan).map((move) => [move.id, { ...move, heldBack: heldBack.get(move.id) }]));
        this.#waiting = new Map(this.#queue);
        this.#awaited = new Set(plan.moves.flatMap((move) => [...move.after, ...(move.neverDuring ? [move.id, ...move.neverDuring] : [])]));
        this.#live = { byId: this.#queue, waiting: this.#waiting, running: this.#running };
        const guests = guestMemories(plan, snapshot, options.guests ?? {});
        const links = directedLinks(plan, snapshot);
        this.#links = links.value;
        this.#capacities = knownCapacities(snapshot);
        const settings = {
            seed: options.seed,
            progressEvery: options.progressEvery ?? lookEvery,
            startOfTime: options.now,
            emit: (event: MigrationEvent) => void this.#events.push(event),
            note: ({ id }: PlannedMove, text: string) => this.#tell({ type: 'note', level: 'info', move: id, text }),
            onAboutToEnd: ({ id }: PlannedMove) => {
                this.#ending.add(id);
                this.#makeReady();
            },
        };
        this.#courses = new Map([...guests.value].map(([move, guest]) => [move.id, new MoveCourse(move, guest, settings)]));
        const guestOf = new Map([...guests.value].map(([move, guest]) => [move.id, guest]));
        this.#anotherCourse = (move) => {
            const guest = guestOf.get(move.id);
            return guest && new MoveCourse(move, guest, settings);
        };
        this.#tell({ type: 'run-started', version: eventsVersion, run: options.run ?? 'simulation', plan, simulated: true });
        for (const text of [...guests.notes, ...links.notes]) this.#tell({ type: 'note', level: 'warning', move: undefined, text });
    }

    play(): MigrationEvent[] {
        this.#setTimers();
        this.#startAll();
        this.#playOn();
        this.#skip(this.#ask([...this.#queue.values()]).blocked);
        this.#playOn(); // those that were made ready are undone
        const complete = [...this.#queue.values()].every((m) => m.status === 'moved');
        this.#tell({ type: 'run-ended', outcome: complete ? 'complete' : this.#halted ? 'stopped' : 'incomplete' });
        return this.#events;
    }

    #playOn(): void {
        for (let due = this.#agenda.next(); due; due = this.#agenda.next()) {
            if (!(due.key instanceof MoveCourse)) {
                if (!due.key.counts()) continue;
                this.#now = due.at;
                due.key.act();
                continue;
            }
            this.#now = due.at;
            if (due.key.stage === 'waiting') this.#tryAgain(due.key);
            else this.#step(due.key);
        }
    }

    #setTimers(): void {
        this.#setNextLook();
        for (const [instance, { deadlineMs }] of this.#plan.instances.entries()) {
            if (deadlineMs === undefined) continue;
            const open = (): readonly QueuedMove[] => this.#open().filter((m) => this.#courses.get(m.id)?.planned.instance === instance);
            this.#agenda.set(
                {
                    counts: () => open().length > 0 && this.#goesOn(),
                    act: () => {
                        this.#late.add(instance);
                        this.#skip(
                            open().map(({ id }) => ({
                                move: id,
                                because: `the deadline of ${deadlineMs / 1000} s has passed`,
                                never: false,
                            })),
                            'deadline',
                        );
                    },
                },
                deadlineMs,
            );
        }
        for (const { id, quiet } of this.#plan.moves) {
            const heldBack = this.#queue.get(id)?.heldBack;
            if (!quiet || heldBack === undefined) continue;
            this.#agenda.set(
                {
                    counts: () => this.#waiting.has(id),
                    act: () => {
                        this.#skip([{ move: id, because: `no quiet moment came: it ${heldBack}`, never: false }], 'no-quiet-moment');
                        this.#startWhatMay();
                    },
                },
                quiet.withinMs,
            );
        }
    }

    /** Windows of the plan open and close: as long as a move is under way or waits, and no longer than they take to come round. */
    #setNextLook(): void {
        const next = nextLook(this.#plan, epochMs(this.#options.now + this.#now));
        if (next === undefined) return;
        const counts = (): boolean => this.#goesOn() || (this.#waiting.size > 0 && !this.#halted && this.#now < aWeek);
        this.#agenda.set({ counts, act: () => this.#look() }, next - this.#options.now);
    }

    #look(): void {
        const sending = new Set([...this.#sharing].map((c) => c.planned.id));
        const found = this.#windows.look(epochMs(this.#options.now + this.#now), sending);
        for (const text of found?.notes ?? []) this.#tell({ type: 'note', level: 'info', move: undefined, text });
        for (const { move, because } of found?.aborts ?? []) {
            const course = this.#courses.get(move);
            if (!course?.abortFor(because, this.#now)) continue;
            this.#shareOut(course);
            this.#agenda.set(course, course.dueAt());
        }
        if (found) {
            this.#shareOut();
            this.#startWhatMay();
        }
        this.#setNextLook();
    }

    #open(): readonly QueuedMove[] {
        return [...this.#queue.values()].filter((m) => m.status === 'waiting' || m.status === 'delayed');
    }

    /** Something is under way, or waits for what may still come. */
    #goesOn(): boolean {
        return [...this.#queue.values()].some(
            (m) =>
                m.status === 'running' ||
                m.status === 'settling' ||
                m.status === 'delayed' ||
                (m.status === 'waiting' && m.heldBack !== undefined),
        );
    }

    #step(course: MoveCourse): void {
        const { demand } = course;
        course.step(this.#now);
        if (course.demand !== demand) this.#shareOut(course);
        if (course.stage === 'ready') this.#mustered(course.planned.id);
        if (course.stage === 'confirm') this.#settle(course.planned);
        if (course.stage === 'ended') this.#end(course);
        else this.#agenda.set(course, course.dueAt());
    }

    /** Its guest runs at its destination: the wire is free for others, and the move goes on to its end. */
    #settle({ id }: PlannedMove): void {
        if (!this.#running.delete(id)) return;
        this.#ending.delete(id);
        this.#setStatus(id, 'settling');
        this.#startWhatMay();
    }

    #end(course: MoveCourse): void {
        const { planned, failure } = course;
        this.#running.delete(planned.id);
        this.#ending.delete(planned.id);
        this.#mustered(planned.id);
        if (failure && course.withdrawn && failure.code !== 'gang-failed') {
            this.#tell({ type: 'move-ended', move: planned.id, outcome: 'skipped', vmOn: planned.source, error: failure });
            return;
        }
        if (!failure) {
            this.#setStatus(planned.id, 'moved');
            this.#tell({ type: 'move-ended', move: planned.id, outcome: 'moved', vmOn: planned.destination, error: undefined });
            if (this.#awaited.has(planned.id)) this.#startWhatMay(); // its place was given away when its guest ran
            return;
        }
        const policy = this.#plan.instances[planned.instance]?.onFailure;
        const goesOn = !this.#halted && !this.#late.has(planned.instance);
        const returned = failure.code === 'gang-failed';
        const again = this.#startsAgain.get(planned.id);
        this.#startsAgain.delete(planned.id);
        if (returned && again !== undefined && goesOn) {
            this.#tell({ type: 'move-queued', move: planned.id, because: failure.message });
            this.#waitFor(course, again);
        } else if (!returned && policy?.retry && course.attempt - course.attemptsBefore <= policy.retry.times && goesOn) {
            const { times, everyMs } = policy.retry;
            const because = `attempt ${course.attempt} failed (${failure.message}); retry ${course.attempt - course.attemptsBefore} of ${times} in ${everyMs / 1000} s`;
            this.#tell({ type: 'move-queued', move: planned.id, because });
            this.#waitFor(course, everyMs);
            this.#returnGang(planned, failure, everyMs);
        } else if (returned || !goesOn || !this.#redirect(course, policy, failure)) {
            this.#setStatus(planned.id, 'failed');
            const outcome = failure.code === 'aborted-by-policy' || returned ? 'aborted' : 'failed';
            this.#tell({ type: 'move-ended', move: planned.id, outcome, vmOn: planned.source, error: failure });
            if (!returned) {
                this.#returnGang(planned, failure, undefined);
                this.#afterFailure(planned, policy, failure);
            }
        }
        this.#startWhatMay();
    }

    #waitFor(course: MoveCourse, ms: number): void {
        this.#setStatus(course.planned.id, 'delayed');
        course.stage = 'waiting';
        this.#agenda.set(course, this.#now + ms);
    }

    /** The last of those that start together is ready, or will not be. */
    #mustered(id: MoveId): void {
        const party = this.#musters.get(id);
        this.#musters.delete(id);
        if (!party?.delete(id) || party.size > 0) return;
        for (const mate of this.#queue.get(id)?.gang?.moves ?? []) {
            const course = this.#courses.get(mate);
            if (course?.stage !== 'ready' || this.#queue.get(mate)?.status !== 'running') continue;
            const { demand } = course;
            course.release(this.#now);
            if (course.demand !== demand) this.#shareOut(course);
            this.#agenda.set(course, course.dueAt());
        }
    }

    /** Of a gang that is all or none, those that have not switched come back: to start again with the others, or for good. */
    #returnGang(planned: PlannedMove, { message }: MoveFailure, againInMs: number | undefined): void {
        const gang = this.#queue.get(planned.id)?.gang;
        if (gang?.allOrNone !== true) return;
        const because = `${planned.vm.name} of ${gang.name} did not move (${message}), and it is all or none`;
        for (const id of gang.moves) {
            const course = this.#courses.get(id);
            const status = this.#queue.get(id)?.status;
            if (id === planned.id || !course) continue;
            if (status === 'running') {
                const { demand } = course;
                if (!course.recall(this.#now, because)) continue;
                if (againInMs !== undefined) this.#startsAgain.set(id, againInMs);
                if (course.demand !== demand) this.#shareOut(course);
                this.#agenda.set(course, course.dueAt());
            } else if (againInMs === undefined && (status === 'waiting' || status === 'delayed')) {
                this.#skip([{ move: id, because, never: false }], 'gang-failed');
            }
        }
    }

    #redirect(course: MoveCourse, policy: OnFailure | undefined, failure: MoveFailure): boolean {
        const { otherDestination, ...step } = course.planned;
        const queued = this.#queue.get(step.id);
        if (!otherDestination || !queued || queued.gang?.allOrNone === true) return false;
        if (policy?.then.includes('other-destination') !== true || failure.code === 'cancelled') return false;
        const another = this.#anotherCourse({ ...step, ...otherDestination });
        if (!another) return false;
        const { destination, route } = otherDestination;
        const because = `it could not go to ${step.destination}: ${failure.message}`;
        this.#tell({ type: 'move-redirected', move: step.id, destination, because });
        this.#tell({ type: 'move-queued', move: step.id, because });
        another.attempt = course.attempt;
        another.attemptsBefore = course.attempt;
        this.#courses.set(step.id, another);
        this.#queue.set(step.id, { ...queued, destination, network: route.network });
        this.#setStatus(step.id, 'waiting');
        return true;
    }

    #afterFailure(planned: PlannedMove, policy: OnFailure | undefined, { message }: MoveFailure): void {
        const failures = (this.#failures.get(planned.instance) ?? 0) + 1;
        this.#failures.set(planned.instance, failures);
        const what = `${planned.vm.name} did not move: ${message}`;
        if (policy?.then.includes('report')) this.#tell({ type: 'note', level: 'warning', move: planned.id, text: what });
        const spent = policy?.budget !== undefined && failures > policy.budget;
        if (policy?.then.includes('halt-plan') || spent)
            this.#halt(spent ? `${what}; that is more than the budget of ${policy.budget} failures` : what);
        else this.#skip(this.#ask([...this.#queue.values()]).blocked.filter((b) => b.never));
    }

    /** Nothing is started any more; what is under way goes on. */
    #halt(detail: string): void {
        if (this.#halted) return;
        this.#halted = true;
        this.#tell({ type: 'run-stopping', why: 'plan-halted', detail });
        const left = [...this.#queue.values()].filter((m) => m.status === 'waiting' || m.status === 'delayed');
        this.#skip(left.map(({ id }) => ({ move: id, because: detail, never: false })));
    }

    #tryAgain(course: MoveCourse): void {
        if (this.#halted) return;
        this.#setStatus(course.planned.id, 'waiting');
        this.#startWhatMay();
    }

    /** Every waiting move is asked about once, so that each one that cannot start is told why. */
    #startAll(): void {
        const { start, blocked } = this.#ask([...this.#queue.values()]);
        this.#startThese(start);
        for (const { move, because, never } of blocked) if (!never) this.#tell({ type: 'move-queued', move, because });
        this.#skip(blocked.filter((b) => b.never));
    }

    #startWhatMay(): void {
        if (this.#halted) return;
        for (const moves of portions(this.#live, this.#plan.limits)) this.#startThese(this.#ask(moves).start);
        this.#makeReady();
    }

    /** Those that come next go through begin and prepare while others come to their end. */
    #makeReady(): void {
        if (this.#halted || this.#ending.size === 0 || this.#ready.size >= readyAtMost) return;
        const next = nextInLine(this.#live, this.#plan.limits, this.#ending, this.#ready, (portion) => this.#ask(portion).start);
        for (const id of next) {
            const course = this.#courses.get(id);
            if (!course) continue;
            this.#ready.add(id);
            course.makeReady(this.#now);
            this.#agenda.set(course, course.dueAt());
        }
    }

    #ask(moves: readonly QueuedMove[]): Startable {
        return startable({ moves }, this.#plan.limits, (candidate, running) => {
            const requests = [...running, candidate].flatMap((id) => this.#courses.get(id)?.request ?? []);
            const caps = this.#windows.inForce;
            return caps.length === 0 ? undefined : tooThin(requests, caps, this.#capacities);
        });
    }

    #startThese(ids: readonly MoveId[]): void {
        const parties = new Map<PlannedGang, MoveId[]>();
        for (const id of ids) {
            const gang = this.#queue.get(id)?.gang;
            if (!gang) this.#start(id);
            else parties.set(gang, [...(parties.get(gang) ?? []), id]);
        }
        for (const party of parties.values()) {
            if (party.length === 1) for (const id of party) this.#start(id);
            else this.#startTogether(party);
        }
    }

    #startTogether(party: readonly MoveId[]): void {
        const awaited = new Set(party);
        for (const id of party) {
            const course = this.#courses.get(id);
            if (!course) continue;
            this.#setStatus(id, 'running');
            this.#running.add(id);
            this.#musters.set(id, awaited);
            course.startTogether(this.#now);
            this.#agenda.set(course, course.dueAt());
        }
    }

    #start(id: MoveId): void {
        const course = this.#courses.get(id);
        if (!course) return;
        this.#setStatus(id, 'running');
        this.#running.add(id);
        this.#ready.delete(id);
        const { demand } = course;
        course.start(this.#now);
        if (course.demand !== demand) this.#shareOut(course);
        this.#agenda.set(course, course.dueAt());
    }

    #skip(blocked: Startable['blocked'], why?: SkipCode): void {
        for (const { move, because, never } of blocked) {
            const course = this.#courses.get(move);
            if (!course) continue;
            this.#setStatus(move, 'failed');
            const code = why ?? (never ? 'never-possible' : this.#halted ? 'stopped' : 'no-room');
            const hint = skipHints[code];
            const error = { code, message: `${course.planned.vm.name} was not started: ${because}`, hint };
            if (this.#ready.delete(move)) {
                course.withdraw(this.#now, error);
                this.#agenda.set(course, course.dueAt());
            } else this.#tell({ type: 'move-ended', move, outcome: 'skipped', vmOn: course.planned.source, error });
        }
    }

    #setStatus(id: MoveId, status: QueuedMove['status']): void {
        const move = this.#queue.get(id);
        if (move) this.#queue.set(id, { ...move, status });
        if (status !== 'waiting') this.#waiting.delete(id);
        else this.#inPlanOrder();
    }

    /** A move that waits again takes its old place in the queue. */
    #inPlanOrder(): void {
        this.#waiting.clear();
        for (const [id, move] of this.#queue) if (move.status === 'waiting') this.#waiting.set(id, move);
    }

    /** Shares bandwidth out again after one move's demand has changed, or the caps of the plan: its caps first, as an executor sets them, then what the links give. */
    #shareOut(changed?: MoveCourse): void {
        if (!changed) this.#cappedFor = '';
        else if (changed.sharing) this.#sharing.add(changed);
        else this.#sharing.delete(changed);
        const sharing = [...this.#sharing];
        const demands = sharing.map((c) => c.demand);
        this.#setCaps(sharing);
        const sending = sharing.filter((c) => c.sending);
        const rates = fairRates(
            sending.map((c) => ({ id: c.planned.id, links: c.links, cap: c.bound })),
            this.#links,
        );
        for (const course of sending) {
            const rate = rates.get(course.planned.id) ?? bytesPerSecond(0);
            if (course.flow(rate, this.#now)) this.#agenda.set(course, course.dueAt());
        }
        for (const [i, course] of sharing.entries()) if (course.demand !== demands[i]) this.#shareOut(course);
    }

    /** The caps depend on who sends and on what rungs have set; sharing them out is the dearest step, so nothing is done while these stay. */
    #setCaps(sending: readonly MoveCourse[]): void {
        const own = sending.flatMap(({ planned, rungCap }): CapInForce[] =>
            rungCap === undefined
                ? []
                : [{ scope: 'vm', of: planned.vm.name, rate: rungCap, kind: 'cap', because: { text: 'a rung of its ladder' } }],
        );
        const all = [...this.#windows.inForce, ...own];
        const key = sending.map((c) => `${c.planned.id} ${c.rungCap ?? ''}`).join();
        if (key === this.#cappedFor) return;
        this.#cappedFor = key;
        const requests = sending.map((c) => c.request);
        const caps = all.length === 0 ? undefined : sharesInFlight(requests, all, this.#capacities).shares;
        for (const course of sending) course.limit(caps?.get(course.planned.id), this.#now);
    }

    #tell(event: WithoutTime<MigrationEvent>): void {
        this.#events.push({ ...event, at: epochMs(Math.round((this.#options.now + this.#now) * 1000) / 1000) });
    }
}

/** A guest's figures do not change in a simulation: its moment is there from the start, or does not come. */
function whyNotQuiet({ vm, quiet }: PlannedMove, world: World): string | undefined {
    if (!quiet) return undefined;
    const state = vmsOf(world).find(({ uuid }) => uuid === vm.uuid);
    const scope = scopeOf(world, { vm: state });
    const truth = holds(quiet.when, scope);
    return isTrue(truth) ? undefined : `waits for a quiet moment: ${verdictText(quiet.when, truth, scope)}`;
}

const aWeek = 7 * 24 * 3_600_000;

type WithoutTime<E> = E extends unknown ? Omit<E, 'at'> : never;

function knownCapacities(snapshot: Snapshot): LinkCapacities {
    const links = snapshot.hosts.flatMap((host) => host.links.map((link) => [`${host.name}/${link.network}`, link.capacity] as const));
    return Object.fromEntries(links.flatMap(([name, capacity]) => (capacity === undefined ? [] : [[name, capacity]])));
}
