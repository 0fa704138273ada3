/**
 * Who sends in a simulation, and what each gets: its cap first, as an executor sets it, then what the links give.
 */
import { bytesPerSecond, type BytesPerSecond } from '@mig/language';
import { sharesInFlight, tooThin, type CapInForce, type LinkCapacities } from '../decide/bandwidth.js';
import type { Windows } from '../decide/windows.js';
import type { MoveId } from '../model/events.js';
import type { Snapshot } from '../model/snapshot.js';
import type { MoveCourse } from './course.js';
import type { LinkFlow } from './link-filling.js';
import { FairLinks } from './links.js';

export class RunShares {
    readonly #windows: Windows;
    readonly #capacities: LinkCapacities;
    readonly #links: FairLinks;
    readonly #schedule: (course: MoveCourse) => void;
    /** Those that have a share, with what they load the links with. */
    readonly #sharing = new Map<MoveCourse, LinkFlow>();
    readonly #courseOf = new Map<LinkFlow, MoveCourse>();
    /** Whether they send, and what bounds them, may be another than the links know. */
    readonly #stale = new Set<MoveCourse>();
    /** Who sent, and with which caps of rungs, when caps were last set. */
    #cappedFor = '';

    /** `schedule` is called for a course that goes at another rate than before, so that its next event comes at another time. */
    constructor(snapshot: Snapshot, windows: Windows, links: ReadonlyMap<string, BytesPerSecond>, schedule: (course: MoveCourse) => void) {
        this.#windows = windows;
        this.#capacities = knownCapacities(snapshot);
        this.#links = new FairLinks(links);
        this.#schedule = schedule;
    }

    /** Those that have a share. */
    get moves(): ReadonlySet<MoveId> {
        return new Set([...this.#sharing.keys()].map((c) => c.planned.id));
    }

    /** Why these moves cannot all send at once. */
    tooThin(courses: readonly MoveCourse[]): string | undefined {
        const caps = this.#windows.inForce;
        if (caps.length === 0) return undefined;
        return tooThin(
            courses.map((c) => c.request),
            caps,
            this.#capacities,
        );
    }

    /** Shares bandwidth out again after one move's demand has changed, or the caps of the plan. */
    shareOut(now: number, changed?: MoveCourse): void {
        if (!changed) this.#cappedFor = '';
        else if (changed.sharing) this.#join(changed);
        else this.#leave(changed);
        /** What those that are told of a cap or a rate asked for before. */
        const demands = new Map<MoveCourse, string>();
        this.#setCaps(now, demands);
        this.#setRates(now, demands);
        for (const [course, demand] of demands) if (course.demand !== demand) this.shareOut(now, course);
    }

    #join(course: MoveCourse): void {
        this.#stale.add(course);
        if (this.#sharing.has(course)) return;
        const flow = this.#links.flow(course.links);
        this.#sharing.set(course, flow);
        this.#courseOf.set(flow, course);
    }

    #leave(course: MoveCourse): void {
        const flow = this.#sharing.get(course);
        if (!flow) return;
        this.#links.take(flow);
        this.#sharing.delete(course);
        this.#courseOf.delete(flow);
        this.#stale.delete(course);
    }

    /** What the links give depends on who sends, and on what bounds each. */
    #setRates(now: number, demands: Map<MoveCourse, string>): void {
        for (const course of this.#stale) {
            const flow = this.#sharing.get(course);
            if (!flow) continue;
            if (course.sending) this.#links.set(flow, course.bound);
            else this.#links.take(flow);
        }
        this.#stale.clear();
        for (const flow of this.#links.shareOut()) {
            const course = this.#courseOf.get(flow);
            if (!course) continue;
            if (!demands.has(course)) demands.set(course, course.demand);
            if (!course.flow(bytesPerSecond(flow.rate), now)) continue;
            this.#stale.add(course);
            this.#schedule(course);
        }
    }

    /** The caps depend on who sends and on what rungs have set; sharing them out is the dearest step, so nothing is done while these stay. */
    #setCaps(now: number, demands: Map<MoveCourse, string>): void {
        const caps = this.#windows.inForce;
        if (caps.length === 0 && this.#cappedFor === nobody && !this.#someCapThemselves()) return;
        const sharing = [...this.#sharing.keys()];
        const own = sharing.flatMap(({ planned, rungCap }): CapInForce[] =>
            rungCap === undefined
                ? []
                : [{ scope: 'vm', of: planned.vm.name, rate: rungCap, kind: 'cap', because: { text: 'a rung of its ladder' } }],
        );
        const all = [...caps, ...own];
        const key = sharing.map((c) => `${c.planned.id} ${c.rungCap ?? ''}`).join();
        if (key === this.#cappedFor) return;
        this.#cappedFor = all.length === 0 ? nobody : key;
        const requests = sharing.map((c) => c.request);
        const shares = all.length === 0 ? undefined : sharesInFlight(requests, all, this.#capacities).shares;
        for (const course of sharing) {
            demands.set(course, course.demand);
            this.#stale.add(course);
            course.limit(shares?.get(course.planned.id), now);
        }
    }

    #someCapThemselves(): boolean {
        for (const { rungCap } of this.#sharing.keys()) if (rungCap !== undefined) return true;
        return false;
    }
}

/** What no cap holds for: nothing changes when moves come and go. */
const nobody = 'nobody';

function knownCapacities(snapshot: Snapshot): LinkCapacities {
    const links = snapshot.hosts.flatMap((host) => host.links.map((link) => [`${host.name}/${link.network}`, link.capacity] as const));
    return Object.fromEntries(links.flatMap(([name, capacity]) => (capacity === undefined ? [] : [[name, capacity]])));
}
