/**
 * Plays a plan in virtual time: discrete events over fair links, with the decisions of the executor (which move starts,
 * which share it gets, what its ladder says) and the events that the executor would report, in the same order.
 */
import { epochMs, milliseconds, type EpochMs, type Milliseconds } from '@mig/language';
import { parties, type Startable } from '../decide/queue.js';
import { notStarted, type SkipCode } from '../decide/skips.js';
import { nextLook, Windows } from '../decide/windows.js';
import { worldOf } from '../decide/world.js';
import { eventsVersion, type MigrationEvent, type MoveId } from '../model/events.js';
import type { Plan, PlannedMove } from '../model/plan.js';
import type { Snapshot } from '../model/snapshot.js';
import { Agenda } from './agenda.js';
import { notShutDown } from '../decide/shutdowns.js';
import { directedLinks, guestMemories, guestShutdown, lookEvery, type GuestFigures } from './assumptions.js';
import { MoveCourse } from './course.js';
import { RunEndings, type WithoutTime } from './run-endings.js';
import { RunQueue } from './run-queue.js';
import { RunShares } from './run-shares.js';
import { timersOf, type Timer } from './run-timers.js';

export interface SimulationOptions {
    /** When the run starts. */
    readonly now: EpochMs;
    /** The same seed gives the same events. */
    readonly seed: number;
    /** The run's id in the events. */
    readonly run?: string;
    /** Time between two progress events of a move; one that lasts is told of less often, at hundredths of its time. */
    readonly progressEvery?: Milliseconds;
    /** Figures of guests that the snapshot does not hold. */
    readonly guests?: GuestFigures;
}

/** The events of the run that this plan would be, with what had to be assumed as notes. */
export function simulate(plan: Plan, snapshot: Snapshot, options: SimulationOptions): MigrationEvent[] {
    return new Simulation(plan, snapshot, options).play();
}

class Simulation {
    readonly #plan: Plan;
    readonly #options: SimulationOptions;
    readonly #events: MigrationEvent[] = [];
    readonly #queue: RunQueue;
    readonly #shares: RunShares;
    readonly #courses: Map<MoveId, MoveCourse>;
    readonly #agenda = new Agenda<MoveCourse | Timer>();
    /** Members of a gang that have started and are not ready yet; the last one releases the others. */
    readonly #musters = new Map<MoveId, Set<MoveId>>();
    /** By policy instance. */
    readonly #late = new Set<number>();
    readonly #anotherCourse: (move: PlannedMove) => MoveCourse | undefined;
    readonly #windows: Windows;
    readonly #endings: RunEndings;
    #now = 0;
    #halted = false;

    constructor(plan: Plan, snapshot: Snapshot, options: SimulationOptions) {
        this.#plan = plan;
        this.#options = options;
        this.#windows = new Windows(plan, options.now);
        this.#queue = new RunQueue(plan, worldOf(snapshot), (candidate, running) =>
            this.#shares.tooThin([...running, candidate].flatMap((id) => this.#courses.get(id) ?? [])),
        );
        this.#endings = new RunEndings(plan, this.#queue, {
            isHalted: () => this.#halted,
            isLate: (instance) => this.#late.has(instance),
            courseOf: (id) => this.#courses.get(id),
            tell: (event) => this.#tell(event),
            waitFor: (course, ms) => this.#waitFor(course, ms),
            turn: (course, step) => this.#turn(course, step),
            callBack: (course, because) => this.#callBack(course, because),
            skip: (moves, why) => this.#skip(moves, why),
            halt: (detail) => this.#halt(detail),
        });
        const guests = guestMemories(plan, snapshot, options.guests ?? {});
        const links = directedLinks(plan, snapshot);
        this.#shares = new RunShares(snapshot, this.#windows, links.value, (course) => this.#agenda.set(course, course.dueAt()));
        const settings = {
            seed: options.seed,
            progressEvery: options.progressEvery ?? lookEvery,
            startOfTime: options.now,
            emit: (event: MigrationEvent) => void this.#events.push(event),
            note: ({ id }: PlannedMove, text: string) => this.#tell({ type: 'note', level: 'info', move: id, text }),
            onAboutToEnd: ({ id }: PlannedMove) => {
                this.#queue.isEnding(id);
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
        this.#skip(this.#queue.ask().blocked);
        this.#playOn(); // those that were made ready are undone
        const off = this.#shutDown();
        const complete = off && this.#queue.all.every((m) => m.status === 'moved');
        this.#tell({ type: 'run-ended', outcome: complete ? 'complete' : this.#halted ? 'stopped' : 'incomplete' });
        return this.#events;
    }

    /** VMs that cannot move, all at once, unless nothing is started any more; whether they are off. */
    #shutDown(): boolean {
        const { shutdowns = [] } = this.#plan;
        const began = this.#now;
        for (const { vm, host } of shutdowns) if (!this.#halted) this.#tell({ type: 'shutdown-started', vm: vm.name, host });
        if (!this.#halted && shutdowns.length > 0) this.#now += guestShutdown;
        for (const { vm, host } of shutdowns) {
            const end = this.#halted ? notShutDown(vm.name, 'nothing more is started') : { outcome: 'off' as const, error: undefined };
            this.#tell({ type: 'shutdown-ended', vm: vm.name, host, ...end, tookMs: milliseconds(this.#now - began) });
        }
        return !this.#halted || shutdowns.length === 0;
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
        const timers = timersOf(this.#plan, this.#queue, {
            skip: (moves, why) => this.#skip(moves, why),
            isLate: (instance) => void this.#late.add(instance),
            startWhatMay: () => this.#startWhatMay(),
        });
        for (const [timer, at] of timers) this.#agenda.set(timer, at);
    }

    /** Windows of the plan open and close: as long as a move is under way or waits, and no longer than they take to come round. */
    #setNextLook(): void {
        const next = nextLook(this.#plan, epochMs(this.#options.now + this.#now));
        if (next === undefined) return;
        const counts = (): boolean => this.#queue.goesOn || (this.#queue.someWait && !this.#halted && this.#now < aWeek);
        this.#agenda.set({ counts, act: () => this.#look() }, next - this.#options.now);
    }

    #look(): void {
        const found = this.#windows.look(epochMs(this.#options.now + this.#now), this.#shares.moves);
        for (const text of found?.notes ?? []) this.#tell({ type: 'note', level: 'info', move: undefined, text });
        for (const { move, because } of found?.aborts ?? []) {
            const course = this.#courses.get(move);
            if (!course?.closeWindow(because, this.#now)) continue;
            this.#shares.shareOut(this.#now, course);
            this.#agenda.set(course, course.dueAt());
        }
        if (found) {
            this.#shares.shareOut(this.#now);
            this.#startWhatMay();
        }
        this.#setNextLook();
    }

    #step(course: MoveCourse): void {
        const { demand } = course;
        course.step(this.#now);
        if (course.demand !== demand) this.#shares.shareOut(this.#now, course);
        if (course.stage === 'ready') this.#mustered(course.planned.id);
        if (course.stage === 'confirm') this.#settle(course.planned);
        if (course.stage === 'ended') this.#end(course);
        else this.#agenda.set(course, course.dueAt());
    }

    /** Its guest runs at its destination: the wire is free for others, and the move goes on to its end. */
    #settle({ id }: PlannedMove): void {
        if (!this.#queue.leaves(id)) return;
        this.#queue.setStatus(id, 'settling');
        this.#startWhatMay();
    }

    #end(course: MoveCourse): void {
        const { id } = course.planned;
        this.#queue.leaves(id);
        this.#mustered(id);
        if (this.#endings.ended(course)) this.#startWhatMay();
    }

    #waitFor(course: MoveCourse, ms: number): void {
        this.#queue.setStatus(course.planned.id, 'delayed');
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
            if (course.demand !== demand) this.#shares.shareOut(this.#now, course);
            this.#agenda.set(course, course.dueAt());
        }
    }

    #callBack(course: MoveCourse, because: string): void {
        const { demand } = course;
        if (!course.recall(this.#now, because)) return;
        if (course.demand !== demand) this.#shares.shareOut(this.#now, course);
        this.#agenda.set(course, course.dueAt());
    }

    /** It goes somewhere else from now on, as a move of its own. */
    #turn(course: MoveCourse, step: PlannedMove): boolean {
        const another = this.#anotherCourse(step);
        if (!another) return false;
        another.attempt = course.attempt;
        another.attemptsBefore = course.attempt;
        this.#courses.set(step.id, another);
        this.#queue.turn(step);
        return true;
    }

    /** Nothing is started any more; what is under way goes on. */
    #halt(detail: string): void {
        if (this.#halted) return;
        this.#halted = true;
        this.#tell({ type: 'run-stopping', why: 'plan-halted', detail });
        this.#skip(this.#queue.open.map(({ id }) => ({ move: id, because: detail, never: false })));
    }

    #tryAgain(course: MoveCourse): void {
        if (this.#halted) return;
        this.#queue.setStatus(course.planned.id, 'waiting');
        this.#startWhatMay();
    }

    /** Every waiting move is asked about once, so that each one that cannot start is told why. */
    #startAll(): void {
        const { start, blocked } = this.#queue.ask();
        this.#startThese(start);
        for (const { move, because, never } of blocked) if (!never) this.#tell({ type: 'move-queued', move, because });
        const never = blocked.filter((b) => b.never);
        this.#skip(never);
        // A gang that waited for one of these waits for it no more.
        if (never.length > 0) this.#startWhatMay();
    }

    #startWhatMay(): void {
        if (this.#halted) return;
        for (const ids of this.#queue.startable()) this.#startThese(ids);
        this.#makeReady();
    }

    /** Those that come next go through begin and prepare while others come to their end. */
    #makeReady(): void {
        if (this.#halted) return;
        for (const id of this.#queue.nextInLine()) {
            const course = this.#courses.get(id);
            if (!course) continue;
            this.#queue.madeReady(id);
            course.makeReady(this.#now);
            this.#agenda.set(course, course.dueAt());
        }
    }

    #startThese(ids: readonly MoveId[]): void {
        for (const party of parties(ids, (id) => this.#queue.get(id)?.gang)) {
            if (party.length > 1) this.#startTogether(party);
            else for (const id of party) this.#start(id);
        }
    }

    #startTogether(party: readonly MoveId[]): void {
        const awaited = new Set(party);
        for (const id of party) {
            const course = this.#courses.get(id);
            if (!course) continue;
            this.#queue.started(id);
            this.#musters.set(id, awaited);
            course.startTogether(this.#now);
            this.#agenda.set(course, course.dueAt());
        }
    }

    #start(id: MoveId): void {
        const course = this.#courses.get(id);
        if (!course) return;
        this.#queue.started(id);
        const { demand } = course;
        course.start(this.#now);
        if (course.demand !== demand) this.#shares.shareOut(this.#now, course);
        this.#agenda.set(course, course.dueAt());
    }

    #skip(blocked: Startable['blocked'], why?: SkipCode): void {
        for (const { move, because, never } of blocked) {
            const course = this.#courses.get(move);
            if (!course) continue;
            this.#queue.setStatus(move, 'failed');
            const code = why ?? (never ? 'never-possible' : this.#halted ? 'stopped' : 'no-room');
            const end = notStarted(course.planned, because, code);
            if (this.#queue.noLongerReady(move)) {
                course.withdraw(this.#now, end.error);
                this.#agenda.set(course, course.dueAt());
            } else this.#tell({ type: 'move-ended', move, ...end });
        }
    }

    #tell(event: WithoutTime<MigrationEvent>): void {
        this.#events.push({ ...event, at: epochMs(Math.round((this.#options.now + this.#now) * 1000) / 1000) });
    }
}

const aWeek = 7 * 24 * 3_600_000;
