/**
 * Plays a plan in virtual time: discrete events over fair links, with the decisions of the executor (which move starts,
 * which share it gets, what its ladder says) and the events that the executor would report, in the same order.
 */
import { bytesPerSecond, epochMs, type BytesPerSecond, type EpochMs, type Milliseconds, type OnFailure } from '@mig/language';
import { sharesInSteps, tooThin, type LinkCapacities } from '../decide/bandwidth.js';
import { queued, startable, type QueuedMove, type Startable, readyAtMost } from '../decide/queue.js';
import { eventsVersion, type MigrationEvent, type MoveFailure, type MoveId } from '../model/events.js';
import type { Plan, PlanCap, PlannedMove } from '../model/plan.js';
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

/**
 * The events of the run that this plan would be, with what had to be assumed as notes.
 * @throws MigrationError `not-built` for a technique or rung that cannot be executed; the planner refuses such a plan earlier.
 */
export function simulate(plan: Plan, snapshot: Snapshot, options: SimulationOptions): MigrationEvent[] {
    return new Simulation(plan, snapshot, options).play();
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
    readonly #courses: ReadonlyMap<MoveId, MoveCourse>;
    readonly #agenda = new Agenda<MoveCourse>();
    readonly #links: ReadonlyMap<string, BytesPerSecond>;
    readonly #capacities: LinkCapacities;
    #now = 0;
    #halted = false;
    /** By policy instance. */
    readonly #failures = new Map<number, number>();
    /** Who sent, and with which caps of rungs, when caps were last set. */
    #cappedFor = '';

    constructor(plan: Plan, snapshot: Snapshot, options: SimulationOptions) {
        this.#plan = plan;
        this.#options = options;
        this.#queue = new Map(plan.moves.map((move) => [move.id, queued(move)]));
        this.#waiting = new Map(this.#queue);
        this.#awaited = new Set(plan.moves.flatMap((move) => move.after));
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
            onAboutToEnd: ({ id }: PlannedMove) => {
                this.#ending.add(id);
                this.#makeReady();
            },
        };
        this.#courses = new Map([...guests.value].map(([move, guest]) => [move.id, new MoveCourse(move, guest, settings)]));
        this.#tell({ type: 'run-started', version: eventsVersion, run: options.run ?? 'simulation', plan, simulated: true });
        for (const text of [...guests.notes, ...links.notes]) this.#tell({ type: 'note', level: 'warning', move: undefined, text });
    }

    play(): MigrationEvent[] {
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
            this.#now = due.at;
            if (due.key.stage === 'waiting') this.#tryAgain(due.key);
            else this.#step(due.key);
        }
    }

    #step(course: MoveCourse): void {
        const { demand } = course;
        course.step(this.#now);
        if (course.demand !== demand) this.#shareOut(course);
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
        if (failure && course.withdrawn) {
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
        if (policy?.retry && course.attempt <= policy.retry.times && !this.#halted) {
            const { times, everyMs } = policy.retry;
            const because = `attempt ${course.attempt} failed (${failure.message}); retry ${course.attempt} of ${times} in ${everyMs / 1000} s`;
            this.#tell({ type: 'move-queued', move: planned.id, because });
            this.#setStatus(planned.id, 'delayed');
            course.stage = 'waiting';
            this.#agenda.set(course, this.#now + everyMs);
        } else {
            this.#setStatus(planned.id, 'failed');
            const outcome = failure.code === 'aborted-by-policy' ? 'aborted' : 'failed';
            this.#tell({ type: 'move-ended', move: planned.id, outcome, vmOn: planned.source, error: failure });
            this.#afterFailure(planned, policy, failure);
        }
        this.#startWhatMay();
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
        for (const id of start) this.#start(id);
        for (const { move, because, never } of blocked) if (!never) this.#tell({ type: 'move-queued', move, because });
        this.#skip(blocked.filter((b) => b.never));
    }

    #startWhatMay(): void {
        if (this.#halted) return;
        for (const moves of portions(this.#live, this.#plan.limits)) for (const id of this.#ask(moves).start) this.#start(id);
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
            return this.#plan.caps.length === 0 ? undefined : tooThin(requests, this.#plan.caps, this.#capacities);
        });
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

    #skip(blocked: Startable['blocked']): void {
        for (const { move, because, never } of blocked) {
            const course = this.#courses.get(move);
            if (!course) continue;
            this.#setStatus(move, 'failed');
            const code = never ? 'never-possible' : this.#halted ? 'stopped' : 'no-room';
            const hint = code === 'no-room' ? 'raise the limit or the cap that stands against it' : 'run the policy again to move it';
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

    /** Shares bandwidth out again after one move's demand has changed: its caps first, as an executor sets them, then what the links give. */
    #shareOut(changed: MoveCourse): void {
        if (changed.sharing) this.#sharing.add(changed);
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
        const own = sending.flatMap(({ planned, rungCap }): PlanCap[] =>
            rungCap === undefined
                ? []
                : [{ scope: 'vm', of: planned.vm.name, rate: rungCap, kind: 'cap', because: { text: 'a rung of its ladder' } }],
        );
        const all = [...this.#plan.caps, ...own];
        const key = sending.map((c) => `${c.planned.id} ${c.rungCap ?? ''}`).join();
        if (key === this.#cappedFor) return;
        this.#cappedFor = key;
        const requests = sending.map((c) => c.request);
        const caps = all.length === 0 ? undefined : sharesInSteps(requests, all, this.#capacities);
        for (const course of sending) course.limit(caps?.get(course.planned.id), this.#now);
    }

    #tell(event: WithoutTime<MigrationEvent>): void {
        this.#events.push({ ...event, at: epochMs(Math.round((this.#options.now + this.#now) * 1000) / 1000) });
    }
}

type WithoutTime<E> = E extends unknown ? Omit<E, 'at'> : never;

function knownCapacities(snapshot: Snapshot): LinkCapacities {
    const links = snapshot.hosts.flatMap((host) => host.links.map((link) => [`${host.name}/${link.network}`, link.capacity] as const));
    return Object.fromEntries(links.flatMap(([name, capacity]) => (capacity === undefined ? [] : [[name, capacity]])));
}
