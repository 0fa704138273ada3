/**
 * Who sends in a simulation, and what each gets: its cap first, as an executor sets it, then what the links give.
 */
import { bytesPerSecond, type BytesPerSecond } from '@mig/language';
import { sharesInFlight, tooThin, type CapInForce, type LinkCapacities } from '../decide/bandwidth.js';
import type { Windows } from '../decide/windows.js';
import type { MoveId } from '../model/events.js';
import type { Snapshot } from '../model/snapshot.js';
import type { MoveCourse } from './course.js';
import { fairRates } from './links.js';

export class RunShares {
    readonly #windows: Windows;
    readonly #capacities: LinkCapacities;
    readonly #links: ReadonlyMap<string, BytesPerSecond>;
    readonly #schedule: (course: MoveCourse) => void;
    readonly #sharing = new Set<MoveCourse>();
    /** Who sent, and with which caps of rungs, when caps were last set. */
    #cappedFor = '';

    /** `schedule` is called for a course that goes at another rate than before, so that its next event comes at another time. */
    constructor(snapshot: Snapshot, windows: Windows, links: ReadonlyMap<string, BytesPerSecond>, schedule: (course: MoveCourse) => void) {
        this.#windows = windows;
        this.#capacities = knownCapacities(snapshot);
        this.#links = links;
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
        const sending = sharing.filter((c) => c.sending);
        const rates = fairRates(
            sending.map((c) => ({ id: c.planned.id, links: c.links, cap: c.bound })),
            this.#links,
        );
        for (const course of sending) {
            const rate = rates.get(course.planned.id) ?? bytesPerSecond(0);
            if (course.flow(rate, now)) this.#schedule(course);
        }
        for (const [i, course] of sharing.entries()) if (course.demand !== demands[i]) this.shareOut(now, course);
    }

    /** The caps depend on who sends and on what rungs have set; sharing them out is the dearest step, so nothing is done while these stay. */
    #setCaps(sending: readonly MoveCourse[], now: number): void {
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
        for (const course of sending) course.limit(caps?.get(course.planned.id), now);
    }
}

function knownCapacities(snapshot: Snapshot): LinkCapacities {
    const links = snapshot.hosts.flatMap((host) => host.links.map((link) => [`${host.name}/${link.network}`, link.capacity] as const));
    return Object.fromEntries(links.flatMap(([name, capacity]) => (capacity === undefined ? [] : [[name, capacity]])));
}
