/**
 * Who sends in a simulation, and what each gets: its cap first, as an executor sets it, then what the links give.
 */
import { bytesPerSecond, type BytesPerSecond } from '@mig/language';
import { sharesInFlight, tooThin, type CapInForce, type LinkCapacities } from '../decide/bandwidth.js';
import type { Windows } from '../decide/windows.js';
import type { MoveId } from '../model/events.js';
import type { Snapshot } from '../model/snapshot.js';
import type { MoveCourse } from './course.js';
import { FairLinks, type Flow } from './links.js';

export class RunShares {
    readonly #windows: Windows;
    readonly #capacities: LinkCapacities;
    readonly #links: FairLinks;
    readonly #schedule: (course: MoveCourse) => void;
    readonly #sharing = new Set<MoveCourse>();
    /** Who sent, and with which caps of rungs, when caps were last set. */
    #cappedFor = '';
    /** Who sent, and bounded by what, when the links were last shared out. */
    #flows: readonly Flow[] = [];

    /** `schedule` is called for a course that goes at another rate than before, so that its next event comes at another time. */
    constructor(snapshot: Snapshot, windows: Windows, links: ReadonlyMap<string, BytesPerSecond>, schedule: (course: MoveCourse) => void) {
        this.#windows = windows;
        this.#capacities = knownCapacities(snapshot);
        this.#links = new FairLinks(links);
        this.#schedule = schedule;
    }

    /** Those that have a share. */
    get moves(): ReadonlySet<MoveId> {
        return new Set([...this.#sharing].map((c) => c.planned.id));
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
        else if (changed.sharing) this.#sharing.add(changed);
        else this.#sharing.delete(changed);
        const sharing = [...this.#sharing];
        const demands = sharing.map((c) => c.demand);
        this.#setCaps(sharing, now);
        this.#setRates(
            sharing.filter((c) => c.sending),
            now,
        );
        for (const [i, course] of sharing.entries()) if (course.demand !== demands[i]) this.shareOut(now, course);
    }

    /** What the links give depends on who sends, and on what bounds each; nothing is done while these stay. */
    #setRates(sending: readonly MoveCourse[], now: number): void {
        const flows = sending.map((c): Flow => ({ id: c.planned.id, links: c.links, cap: c.bound }));
        if (flows.length === this.#flows.length && flows.every((f, i) => f.id === this.#flows[i]?.id && f.cap === this.#flows[i].cap))
            return;
        this.#flows = flows;
        const rates = this.#links.rates(flows);
        for (const [i, course] of sending.entries()) if (course.flow(bytesPerSecond(rates[i] ?? 0), now)) this.#schedule(course);
    }

    /** The caps depend on who sends and on what rungs have set; sharing them out is the dearest step, so nothing is done while these stay. */
    #setCaps(sending: readonly MoveCourse[], now: number): void {
        const own = sending.flatMap(({ planned, rungCap }): CapInForce[] =>
            rungCap === undefined
                ? []
                : [{ scope: 'vm', of: planned.vm.name, rate: rungCap, kind: 'cap', because: { text: 'a rung of its ladder' } }],
        );
        const all = [...this.#windows.inForce, ...own];
        if (all.length === 0 && this.#cappedFor === nobody) return;
        const key = sending.map((c) => `${c.planned.id} ${c.rungCap ?? ''}`).join();
        if (key === this.#cappedFor) return;
        this.#cappedFor = all.length === 0 ? nobody : key;
        const requests = sending.map((c) => c.request);
        const caps = all.length === 0 ? undefined : sharesInFlight(requests, all, this.#capacities).shares;
        for (const course of sending) course.limit(caps?.get(course.planned.id), now);
    }
}

/** What no cap holds for: nothing changes when moves come and go. */
const nobody = 'nobody';

function knownCapacities(snapshot: Snapshot): LinkCapacities {
    const links = snapshot.hosts.flatMap((host) => host.links.map((link) => [`${host.name}/${link.network}`, link.capacity] as const));
    return Object.fromEntries(links.flatMap(([name, capacity]) => (capacity === undefined ? [] : [[name, capacity]])));
}
