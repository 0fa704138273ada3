/** The proof that a guest still runs and has lost nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LabError } from '../errors.js';
import type { Lab } from '../state.js';
import { fillPage, lastWriteTo, memoryBase, pageSize, stampOf, wordsPerPage } from './content.js';
import { hostsOfGuest, identityOf } from './guest.js';
import { openGuestMemory, type GuestMemory } from './memory.js';
import { recallGuest, type GuestRecord } from './record.js';
import { counters, ticksPerSecond } from './rom.js';

export interface PageDamage {
    /** Guest-physical. */
    readonly address: number;
    /**
     * - `content`: it does not hold what the seed says
     * - `stale`: it holds an older write than it must
     * - `impossible`: it holds a write that was never made to it
     */
    readonly kind: 'content' | 'stale' | 'impossible';
}

export interface GuestProof {
    readonly guest: string;
    readonly host: string;
    /** Whether it counted on while it was looked at. */
    readonly running: boolean;
    /** Ticks that the guest has counted since it began, a hundred a second while it runs. */
    readonly ticks: number;
    readonly writes: number;
    /** Pages that the guest itself found other than it had left them, ever. */
    readonly lostWrites: number;
    readonly pagesChecked: number;
    /** At most the first hundred. */
    readonly damage: readonly PageDamage[];
    /** Hosts that have a process of this guest; more than one is wrong once nothing is moving. */
    readonly hosts: readonly string[];
    /** Runs, on this host alone, and lost nothing. */
    readonly holds: boolean;
}

/**
 * Reads a guest's whole memory and compares every page with what it must hold. The guest keeps running meanwhile.
 * @throws LabError `lab-guest-unknown`; `lab-guest-failed` when the host does not run it
 */
export async function guestProof(lab: Lab, host: string, name: string, signal?: AbortSignal): Promise<GuestProof> {
    const record = await recallGuest(lab, name);
    await using memory = await openGuestMemory(lab, host, name, identityOf(record));
    const hosts = await hostsOfGuest(lab, name);
    if (memory === undefined) {
        throw new LabError('lab-guest-failed', `host ${host} does not run guest ${name}, or its memory is not the guest's`, {
            hint: hosts.length === 0 ? 'no host runs it' : `it has a process on ${hosts.join(', ')}`,
        });
    }
    const before = await memory.word(counters.ticks);
    const { damage, pagesChecked } = await checkPages(memory, record, signal);
    await sleep(ticksToWatch * (1000 / ticksPerSecond), undefined, signal ? { signal } : {});
    const ticks = await memory.word(counters.ticks);
    const lostWrites = await memory.word(counters.lost);
    const running = ticks > before;
    return {
        guest: name,
        host,
        running,
        ticks,
        writes: await memory.word(counters.writes),
        lostWrites,
        pagesChecked,
        damage: damage.slice(0, mostDamageTold),
        hosts,
        holds: running && lostWrites === 0 && damage.length === 0 && hosts.length === 1,
    };
}

/** Long enough for a guest on a busy machine to get a tick. */
const ticksToWatch = 10;
const mostDamageTold = 100;
const pagesAtOnce = 2048;

async function checkPages(
    memory: GuestMemory,
    record: GuestRecord,
    signal: AbortSignal | undefined,
): Promise<{ damage: PageDamage[]; pagesChecked: number }> {
    const pages = Math.floor((record.memoryBytes - memoryBase) / pageSize);
    const chunk = new Int32Array(pagesAtOnce * wordsPerPage);
    const expected = new Int32Array(wordsPerPage);
    const damage: PageDamage[] = [];
    for (let first = 0; first < pages; first += pagesAtOnce) {
        signal?.throwIfAborted();
        const count = Math.min(pagesAtOnce, pages - first);
        // The guest writes on while it is read: what was written before must be there, what comes meanwhile may be.
        const writesBefore = await memory.word(counters.writes);
        await memory.read(memoryBase + first * pageSize, chunk.subarray(0, count * wordsPerPage));
        const writesAfter = await memory.word(counters.writes);
        for (let index = 0; index < count; index++) {
            const words = chunk.subarray(index * wordsPerPage, (index + 1) * wordsPerPage);
            const page = first + index;
            const kind =
                judge(words, page, record, { writesBefore, writesAfter }, expected) && (await judgeAgain(memory, page, record, expected));
            if (kind !== undefined) damage.push({ address: memoryBase + page * pageSize, kind });
        }
    }
    return { damage, pagesChecked: pages };
}

/** A page caught between the two words of a write looks damaged once; a damaged page looks so again. */
async function judgeAgain(
    memory: GuestMemory,
    page: number,
    record: GuestRecord,
    expected: Int32Array,
): Promise<PageDamage['kind'] | undefined> {
    const words = new Int32Array(wordsPerPage);
    const writesBefore = await memory.word(counters.writes);
    await memory.read(memoryBase + page * pageSize, words);
    return judge(words, page, record, { writesBefore, writesAfter: await memory.word(counters.writes) }, expected);
}

export interface WritesWhileReading {
    readonly writesBefore: number;
    readonly writesAfter: number;
}

/** What is wrong with a page, if anything. Pure, but for `expected`, which it uses as a place to work in. */
export function judge(
    words: Int32Array,
    page: number,
    content: Pick<GuestRecord, 'seed' | 'filledPages' | 'hotPages'>,
    { writesBefore, writesAfter }: WritesWhileReading,
    expected: Int32Array,
): PageDamage['kind'] | undefined {
    if (page < content.filledPages) fillPage(expected, page, content.seed);
    else expected.fill(0);
    if (page < content.hotPages) {
        const due = lastWriteTo(page, writesBefore, content.hotPages);
        // The count is raised after the write, so one more may be there than it says.
        const latest = lastWriteTo(page, writesAfter + 1, content.hotPages);
        const stamp = stampOf(words);
        if (stamp !== undefined && stamp > 0 && latest > 0) {
            if ((stamp - 1) % content.hotPages !== page || stamp > latest) return 'impossible';
            if (stamp < due) return 'stale';
            expected[0] = words[0] ?? 0;
            expected[1] = words[1] ?? 0;
        } else if (due > 0) return isEqual(words, expected) ? 'stale' : 'content';
    }
    return isEqual(words, expected) ? undefined : 'content';
}

/** Byte by byte, by the runtime's own comparison: this is the inner loop of the proof. */
const isEqual = (one: Int32Array, other: Int32Array): boolean => bytesOf(one).equals(bytesOf(other));
const bytesOf = (words: Int32Array): Buffer => Buffer.from(words.buffer, words.byteOffset, words.byteLength);
