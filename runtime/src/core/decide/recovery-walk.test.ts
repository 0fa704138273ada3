/**
 * Walks every interleaving of the client, source A and destination B, with crashes of the client, reboots of hosts,
 * broken connections and partitions, and asserts: the guest never runs twice, A never goes on after B has run, and the
 * VM is never left standing without an alarm (safety.md rule 14).
 */
import { describe, expect, test } from 'vitest';
import { recover, type FinishRecord, type RecoveryStep, type Sighting } from './recovery.js';

interface World {
    readonly a: 'running' | 'paused' | 'absent';
    readonly b: 'none' | 'incoming' | 'leftover' | 'running';
    readonly rebootedA: boolean;
    readonly rebootedB: boolean;
    readonly reachA: boolean;
    readonly reachB: boolean;
    /** finish on its way to B, and B's reply on its way back. */
    readonly message: boolean;
    readonly reply: 'none' | 'started' | 'not-started';
    /** B has executed the guest. */
    readonly ranAtB: boolean;
    /** The guest went down with a host. */
    readonly crashed: boolean;
    /** In the journal. */
    readonly finish: FinishRecord;
    readonly client:
        | 'sending'
        | 'sent'
        | 'finishing'
        | 'confirming'
        | 'giving-back'
        | 'dead'
        | 'ask-a'
        | 'ask-b'
        | 'acting'
        | 'settled'
        | 'held';
    /** The client's connection to B's copy is open: B keeps an unfinished copy only that long. */
    readonly connected: boolean;
    readonly sightA: 'running' | 'paused' | 'absent' | 'silent' | undefined;
    readonly steps: readonly RecoveryStep[];
    readonly alarmed: boolean;
    readonly crashesLeft: number;
    readonly rebootsLeft: number;
    readonly cutsLeft: number;
}

const start: World = {
    a: 'running',
    b: 'incoming',
    rebootedA: false,
    rebootedB: false,
    reachA: true,
    reachB: true,
    message: false,
    reply: 'none',
    ranAtB: false,
    crashed: false,
    finish: 'not-sent',
    client: 'sending',
    connected: true,
    sightA: undefined,
    steps: [],
    alarmed: false,
    crashesLeft: 2,
    rebootsLeft: 2,
    cutsLeft: 2,
};

/** The same world, but for this. */
const changed = (world: World, change: Partial<World>): World => ({ ...world, ...change });

type Step = (world: World) => readonly World[];

/** What the client does by itself. */
const clientSteps: Step = (w) => {
    const settle: Partial<World> = { client: 'ask-a', connected: false };
    switch (w.client) {
        case 'sending':
            // perform returns, or fails; then the copy is removed by a cancelled finish, or by closing the connection.
            return [
                ...(w.reachA && w.a === 'running' && w.b === 'incoming' ? [changed(w, { a: 'paused', client: 'sent' })] : []),
                changed(w, settle),
            ];
        case 'sent':
            // The journal first, then the message; the journal may refuse.
            return [
                { ...w, finish: 'sent', client: 'finishing', message: w.reachB && w.connected },
                { ...w, client: 'giving-back', connected: false },
            ];
        case 'finishing':
            if (w.reply === 'started') return [{ ...w, finish: 'started', reply: 'none', client: 'confirming' }];
            if (w.reply === 'not-started') return [{ ...w, finish: 'not-started', reply: 'none', client: 'giving-back' }];
            return [changed(w, settle)]; // the connection broke, or the time was up
        case 'confirming':
            return [...(w.reachA ? [changed(w, { a: 'absent', ...settle })] : []), changed(w, settle)];
        case 'giving-back':
            return [...(w.reachA && w.a === 'paused' ? [changed(w, { a: 'running', ...settle })] : []), changed(w, settle)];
        case 'dead':
            return [{ ...w, client: 'ask-a' }];
        case 'ask-a':
            return [{ ...w, sightA: w.reachA ? w.a : 'silent', client: 'ask-b' }];
        case 'ask-b':
            return [decideNow(w)];
        case 'acting':
            return act(w);
        case 'settled':
        case 'held':
            return [];
    }
};

let unguarded = true;

function decideNow(w: World): World {
    const source = sighting(w.sightA ?? 'silent', w.rebootedA);
    const destination: Sighting = !w.reachB
        ? { kind: 'silent', fenced: false }
        : w.b === 'none'
          ? { kind: 'absent', sameBoot: !w.rebootedB }
          : {
                ...present,
                sameBoot: !w.rebootedB,
                state: w.b === 'running' ? 'running' : 'paused',
                job: w.b === 'incoming' ? 'incoming' : 'none',
            };
    const decision = recover({ finish: w.finish, source, destination, run: 'r', unguardedDisks: unguarded });
    const alarmed = w.alarmed || decision.alarm;
    if (decision.verdict === 'hold') return { ...w, client: 'held', alarmed };
    if (decision.verdict === 'ask-again') return { ...w, client: 'ask-a', sightA: undefined, alarmed };
    return { ...w, client: 'acting', steps: decision.steps, sightA: undefined, alarmed };
}

const present = {
    kind: 'present',
    sameBoot: true,
    state: 'paused',
    reason: 'migration',
    job: 'none',
    persistent: true,
    moverRun: 'r',
} as const;

function sighting(seen: NonNullable<World['sightA']>, rebooted: boolean): Sighting {
    if (seen === 'silent') return { kind: 'silent', fenced: false };
    if (seen === 'absent') return { kind: 'absent', sameBoot: !rebooted };
    return { ...present, state: seen };
}

/** A step is carried out by a host that can be reached; otherwise it fails and both hosts are asked again. */
function act(w: World): readonly World[] {
    const [step, ...rest] = w.steps;
    if (step === undefined) return [{ ...w, client: 'settled' }];
    const again: World = { ...w, client: 'ask-a', steps: [] };
    const next: World = { ...w, steps: rest };
    switch (step) {
        case 'resume-source':
            return w.reachA && w.a === 'paused' ? [{ ...next, a: 'running' }] : [again];
        case 'remove-source':
            return w.reachA ? [{ ...next, a: 'absent' }] : [again];
        case 'remove-leftover':
            return w.reachB ? [{ ...next, b: w.b === 'running' ? 'running' : 'none' }] : [again];
        case 'undefine-source':
        case 'clear-marks':
            return w.reachA ? [next] : [again];
        case 'settle-arrival':
            return w.reachB ? [next] : [again];
        case 'cancel-sending':
        case 'start-destination':
        case 'take-up-postcopy':
            throw new Error('a hypervisor that ends by itself what its client began never gets there');
    }
}

/** What B does with what reaches it, and with a connection that has closed. */
const hostSteps: Step = (w) => [
    ...(w.message && w.b === 'incoming' ? [changed(w, { message: false, b: 'running', ranAtB: true, reply: 'started' })] : []),
    ...(w.message && w.b !== 'incoming' ? [changed(w, { message: false, reply: w.b === 'running' ? w.reply : 'not-started' })] : []),
    ...(!w.connected && w.b === 'incoming' ? [changed(w, { message: false, b: 'none' })] : []),
    ...(w.message && !w.connected ? [changed(w, { message: false })] : []),
];

/** What nobody asked for. */
const faults: Step = (w) => {
    const over = w.client === 'settled' || w.client === 'held';
    const crash: World = {
        ...w,
        client: 'dead',
        connected: false,
        reply: 'none',
        steps: [],
        sightA: undefined,
        crashesLeft: w.crashesLeft - 1,
    };
    return [
        ...(w.crashesLeft > 0 && w.client !== 'dead' && !over ? [crash] : []),
        ...(w.rebootsLeft > 0
            ? [
                  changed(w, { a: 'absent', rebootedA: true, crashed: w.crashed || w.a !== 'absent', rebootsLeft: w.rebootsLeft - 1 }),
                  {
                      ...w,
                      b: 'none',
                      rebootedB: true,
                      message: false,
                      crashed: w.crashed || w.b === 'running',
                      rebootsLeft: w.rebootsLeft - 1,
                  } as World,
              ]
            : []),
        // The daemon at B restarts and forgets whose copy it holds.
        ...(w.b === 'incoming' && w.rebootsLeft > 0
            ? [changed(w, { b: 'leftover', message: false, connected: false, rebootsLeft: w.rebootsLeft - 1 })]
            : []),
        ...(w.cutsLeft > 0 && w.reachA ? [{ ...w, reachA: false, cutsLeft: w.cutsLeft - 1 }] : []),
        ...(w.cutsLeft > 0 && w.reachB ? [changed(w, { reachB: false, connected: false, reply: 'none', cutsLeft: w.cutsLeft - 1 })] : []),
        ...(w.reachA ? [] : [{ ...w, reachA: true }]),
        ...(w.reachB ? [] : [{ ...w, reachB: true }]),
    ];
};

/** Every world that can come about, with the way to it. */
function walk(steps: readonly Step[]): Map<string, { readonly world: World; readonly from: string | undefined }> {
    const seen = new Map<string, { world: World; from: string | undefined }>();
    const first = JSON.stringify(start);
    seen.set(first, { world: start, from: undefined });
    const todo = [first];
    for (let key = todo.pop(); key !== undefined; key = todo.pop()) {
        const world = seen.get(key)?.world ?? start;
        for (const next of steps.flatMap((s) => s(world))) {
            const name = JSON.stringify(next);
            if (seen.has(name)) continue;
            seen.set(name, { world: next, from: key });
            todo.push(name);
        }
    }
    return seen;
}

function story(seen: ReturnType<typeof walk>, key: string): string {
    const lines: string[] = [];
    for (let at: string | undefined = key; at !== undefined; at = seen.get(at)?.from) lines.unshift(at);
    return lines.join('\n');
}

for (const disks of [true, false]) {
    describe(disks ? 'with disks that nothing guards' : 'with guarded disks', () => {
        unguarded = disks;
        const seen = walk([clientSteps, hostSteps, faults]);
        const worlds = [...seen];
        const counterexample = (broken: (w: World) => boolean): string | undefined => {
            const found = worlds.find(([, { world }]) => broken(world));
            return found && story(seen, found[0]);
        };

        test('the walk is wide enough to mean something', () => {
            expect(worlds.length).toBeGreaterThan(5_000);
            expect(new Set(worlds.map(([, { world }]) => world.client)).size).toBe(11);
        });
        test('the guest never runs on both hosts', () => {
            expect(counterexample((w) => w.a === 'running' && w.b === 'running')).toBeUndefined();
        });
        test('the source never goes on after the destination has run the guest', () => {
            expect(counterexample((w) => w.a === 'running' && w.ranAtB)).toBeUndefined();
        });
        test('the last copy is never removed', () => {
            expect(counterexample((w) => !w.crashed && w.a === 'absent' && w.b === 'none')).toBeUndefined();
        });
        test('a move that counts as settled has left the VM running, unless a host went down with it', () => {
            expect(counterexample((w) => w.client === 'settled' && !w.crashed && w.a !== 'running' && w.b !== 'running')).toBeUndefined();
        });
        test('a VM that stands still on hold has raised the alarm', () => {
            expect(counterexample((w) => w.client === 'held' && !w.alarmed)).toBeUndefined();
        });
        test('once the faults are over, every way ends', () => {
            const calm = (w: World): readonly World[] => {
                const mended = { ...w, reachA: true, reachB: true };
                return [...clientSteps(mended), ...hostSteps(mended)];
            };
            const ends = new Set<string>();
            const endsFrom = (w: World, path: Set<string>): boolean => {
                const key = JSON.stringify(w);
                if (ends.has(key) || w.client === 'settled' || w.client === 'held') return true;
                if (path.has(key)) return false;
                path.add(key);
                const ended = calm(w).some((next) => endsFrom(next, path));
                if (ended) ends.add(key);
                return ended;
            };
            expect(worlds.find(([, { world }]) => !endsFrom(world, new Set()))?.[0]).toBeUndefined();
        });
    });
}
