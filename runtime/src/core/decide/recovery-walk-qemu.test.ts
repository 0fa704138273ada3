/**
 * As recovery-walk.test.ts, for a hypervisor that neither ends a migration nor removes what was received when its client
 * is gone (plain QEMU): A goes on sending, completes or switches to post-copy by itself, and B keeps what it has until it
 * is told to run it or is ended. With disks that go along, A waits before its switch until they are equal, and goes on only
 * when it is told to. Where the way between them is cut in post-copy, both wait until it is taken up again. In
 * every interleaving with crashes of the client, partitions and cuts: never two, never none, and what can be brought to one
 * side is.
 */
import { describe, expect, test } from 'vitest';
import { recover, type FinishRecord, type RecoveryStep, type Sighting } from './recovery.js';

interface World {
    /**
     * `mirroring`: it runs, and its disks are copied. `sending`: it runs, and its memory is sent. `at-switch`: it stands still
     * until its disks are equal. `sent`: it stands still, all of it is at B.
     */
    readonly a: 'running' | 'mirroring' | 'sending' | 'at-switch' | 'sent' | 'postcopy' | 'postcopy-cut' | 'absent';
    /** `…-cut`: it has noticed that nothing more comes. */
    readonly b: 'none' | 'waiting' | 'received' | 'received-cut' | 'running' | 'running-postcopy' | 'running-cut';
    /** The way between them. */
    readonly way: 'whole' | 'cut';
    /** At B; `shared`: none goes along. */
    readonly disks: 'shared' | 'behind' | 'equal';
    /** The switch to post-copy was asked for. */
    readonly switchAsked: boolean;
    readonly reachA: boolean;
    readonly reachB: boolean;
    readonly ranAtB: boolean;
    readonly finish: FinishRecord;
    readonly client: 'sending' | 'announced' | 'told' | 'dead' | 'ask-a' | 'ask-b' | 'acting' | 'settled' | 'held';
    readonly sightA: World['a'] | 'silent' | undefined;
    readonly steps: readonly RecoveryStep[];
    /** The verdict that the steps are of. */
    readonly again: boolean;
    readonly alarmed: boolean;
    readonly crashesLeft: number;
    readonly cutsLeft: number;
    readonly waysLeft: number;
}

const start = (kind: 'precopy' | 'postcopy' | 'with disks'): World => ({
    a: kind === 'with disks' ? 'mirroring' : 'sending',
    b: 'waiting',
    way: 'whole',
    disks: kind === 'with disks' ? 'behind' : 'shared',
    switchAsked: kind === 'postcopy',
    reachA: true,
    reachB: true,
    ranAtB: false,
    finish: 'not-sent',
    client: 'sending',
    sightA: undefined,
    steps: [],
    again: false,
    alarmed: false,
    crashesLeft: 2,
    cutsLeft: 2,
    waysLeft: 2,
});

type Step = (world: World) => readonly World[];

const asking: Partial<World> = { client: 'ask-a', sightA: undefined, steps: [] };
const changed = (world: World, change: Partial<World>): World => ({ ...world, ...change });

/** QEMU goes on by itself, whoever lives. */
const hostSteps: Step = (w) => [
    ...(w.a === 'sending' && w.b === 'waiting' ? [w.disks === 'shared' ? allSent(w) : changed(w, { a: 'at-switch' })] : []),
    ...(w.a === 'sending' && w.b === 'waiting' && w.switchAsked ? [changed(w, { a: 'postcopy', b: 'received' })] : []),
    ...((w.a === 'sending' || w.a === 'at-switch') && w.b === 'none' ? [goesOn(w)] : []),
    ...(w.b === 'running-postcopy' && w.a === 'postcopy' && w.way === 'whole' ? [changed(w, { b: 'running' })] : []),
    ...noticed(w),
];

const allSent = (w: World): World => changed(w, { a: 'sent', b: 'received' });

/** What it writes from now on is at A alone. */
const goesOn = (w: World): World => changed(w, { a: 'running', disks: w.disks === 'shared' ? 'shared' : 'behind' });

/** Each side for itself, of the way or of the other side: a stream that has ended at one end is dead at the other. */
function noticed(w: World): readonly World[] {
    const isCut = w.way === 'cut' || w.a === 'postcopy-cut' || w.b === 'received-cut' || w.b === 'running-cut';
    if (!isCut) return [];
    return [
        ...(w.a === 'postcopy' ? [changed(w, { a: 'postcopy-cut' })] : []),
        ...(w.b === 'received' && isSwitched(w) ? [changed(w, { b: 'received-cut' })] : []),
        ...(w.b === 'running-postcopy' ? [changed(w, { b: 'running-cut' })] : []),
    ];
}

const isSwitched = ({ a }: World): boolean => a === 'postcopy' || a === 'postcopy-cut';

const clientSteps: Step = (w) => {
    switch (w.client) {
        case 'sending':
            return [
                // finish goes out when A has completed, or has switched; on disk first.
                ...(w.reachA && (w.a === 'sent' || w.a === 'postcopy') ? [changed(w, { finish: 'sent', client: 'announced' })] : []),
                // Its mirrors have caught up; and have ended, while it stands still.
                ...(w.reachA && w.a === 'mirroring' ? [changed(w, { a: 'sending' })] : []),
                ...(w.reachA && w.a === 'at-switch' && w.disks === 'behind' && w.b === 'waiting' ? [changed(w, { disks: 'equal' })] : []),
                ...(w.reachA && w.a === 'at-switch' && w.disks === 'equal' && w.b === 'waiting' ? [allSent(w)] : []),
                // perform failed: what is under way is ended, and the copy at B, where they can be reached.
                ...(w.reachA && (w.a === 'mirroring' || w.a === 'at-switch')
                    ? [changed(goesOn(w), w.reachB ? { b: 'none', ...asking } : asking)]
                    : []),
                ...(w.a === 'sending' && w.reachB ? [changed(w, { b: 'none', ...asking })] : []),
                changed(w, asking),
            ];
        case 'announced':
            return [...(w.reachB && w.b === 'received' ? [runAt(w, { client: 'told' })] : []), changed(w, asking)];
        case 'told':
            return [
                ...(w.reachA && w.b === 'running' ? [changed(w, { a: 'absent', finish: 'started', ...asking })] : []),
                changed(w, asking),
            ];
        case 'dead':
            return [changed(w, asking)];
        case 'ask-a':
            return [changed(w, { sightA: w.reachA ? w.a : 'silent', client: 'ask-b' })];
        case 'ask-b':
            return [decided(w)];
        case 'acting':
            return act(w);
        case 'settled':
        case 'held':
            return [];
    }
};

const runAt = (w: World, change: Partial<World>): World =>
    changed(w, { b: isSwitched(w) ? 'running-postcopy' : 'running', ranAtB: true, ...change });

const present = { kind: 'present', sameBoot: true, reason: 'other', job: 'none', persistent: false, moverRun: 'r' } as const;

const sightOfA: Readonly<Record<Exclude<World['a'], 'absent'>, Sighting>> = {
    running: { ...present, state: 'running' },
    mirroring: { ...present, state: 'running', job: 'unattended' },
    sending: { ...present, state: 'running', job: 'unattended' },
    'at-switch': { ...present, state: 'paused', reason: 'migration', job: 'unattended' },
    sent: { ...present, state: 'paused', reason: 'migration' },
    postcopy: { ...present, state: 'paused', reason: 'postcopy' },
    'postcopy-cut': { ...present, state: 'paused', reason: 'postcopy-failed', job: 'outgoing' },
};
const sightOfB: Readonly<Record<Exclude<World['b'], 'none'>, Sighting>> = {
    waiting: { ...present, state: 'paused', reason: 'migration' },
    received: { ...present, state: 'paused', reason: 'received' },
    'received-cut': { ...present, state: 'paused', reason: 'postcopy-failed', job: 'incoming' },
    running: { ...present, state: 'running' },
    'running-postcopy': { ...present, state: 'running', reason: 'postcopy', job: 'incoming' },
    'running-cut': { ...present, state: 'running', reason: 'postcopy-failed', job: 'incoming' },
};

function decided(w: World): World {
    const silent: Sighting = { kind: 'silent', fenced: false };
    const absent: Sighting = { kind: 'absent', sameBoot: true };
    const source = w.sightA === undefined || w.sightA === 'silent' ? silent : w.sightA === 'absent' ? absent : sightOfA[w.sightA];
    const destination = !w.reachB ? silent : w.b === 'none' ? absent : sightOfB[w.b];
    const { verdict, steps, alarm } = recover({ finish: w.finish, source, destination, run: 'r', unguardedDisks: true });
    const alarmed = w.alarmed || alarm;
    if (verdict === 'hold') return changed(w, { client: 'held', alarmed });
    if (verdict === 'ask-again' && steps.length === 0) return changed(w, { ...asking, alarmed });
    const finish = steps.includes('start-destination') && w.finish === 'not-sent' ? 'sent' : w.finish;
    return changed(w, { client: 'acting', steps, again: verdict === 'ask-again', finish, sightA: undefined, alarmed });
}

function act(w: World): readonly World[] {
    const [step, ...rest] = w.steps;
    if (step === undefined) return [changed(w, w.again ? asking : { client: 'settled' })];
    const again = changed(w, asking);
    const next = changed(w, { steps: rest });
    switch (step) {
        case 'cancel-sending':
            if (!w.reachA) return [again];
            return [w.a === 'sending' || w.a === 'mirroring' || w.a === 'at-switch' ? goesOn(next) : next];
        case 'start-destination':
            return w.reachB && w.b === 'received' ? [runAt(next, {})] : [again];
        case 'take-up-postcopy':
            return w.reachA && w.reachB && w.way === 'whole' && w.a === 'postcopy-cut'
                ? [again, ...takenUp(w).map((up) => changed(next, up))]
                : [again];
        case 'resume-source':
            return w.reachA && w.a === 'sent' ? [goesOn(next)] : [again];
        case 'remove-source':
            return w.reachA ? [changed(next, { a: 'absent' })] : [again];
        case 'remove-leftover':
            return w.reachB ? [changed(next, { b: w.b === 'running' ? 'running' : 'none' })] : [again];
        case 'undefine-source':
        case 'clear-marks':
            return w.reachA ? [next] : [again];
        case 'settle-arrival':
            return w.reachB ? [next] : [again];
    }
}

/** Both QEMUs wait for it, or refuse. */
function takenUp({ b }: World): readonly Partial<World>[] {
    if (b === 'received-cut') return [{ a: 'postcopy', b: 'received' }];
    return b === 'running-cut' ? [{ a: 'postcopy', b: 'running-postcopy' }] : [];
}

const faults: Step = (w) => {
    const over = w.client === 'settled' || w.client === 'held';
    return [
        ...(w.crashesLeft > 0 && w.client !== 'dead' && !over
            ? [changed(w, { client: 'dead', steps: [], sightA: undefined, crashesLeft: w.crashesLeft - 1 })]
            : []),
        ...(w.cutsLeft > 0 && w.reachA ? [changed(w, { reachA: false, cutsLeft: w.cutsLeft - 1 })] : []),
        ...(w.cutsLeft > 0 && w.reachB ? [changed(w, { reachB: false, cutsLeft: w.cutsLeft - 1 })] : []),
        ...(w.waysLeft > 0 && w.way === 'whole' && w.a === 'postcopy' ? [changed(w, { way: 'cut', waysLeft: w.waysLeft - 1 })] : []),
        ...(w.way === 'whole' ? [] : [changed(w, { way: 'whole' })]),
        ...(w.reachA ? [] : [changed(w, { reachA: true })]),
        ...(w.reachB ? [] : [changed(w, { reachB: true })]),
    ];
};

function walk(first: World, steps: readonly Step[]): readonly World[] {
    const seen = new Map([[JSON.stringify(first), first]]);
    const todo = [first];
    for (let world = todo.pop(); world !== undefined; world = todo.pop()) {
        for (const next of steps.flatMap((s) => s(world))) {
            const key = JSON.stringify(next);
            if (seen.has(key)) continue;
            seen.set(key, next);
            todo.push(next);
        }
    }
    return [...seen.values()];
}

describe.each([
    ['in pre-copy', 'precopy'],
    ['with a switch to post-copy', 'postcopy'],
    ['with disks that go along', 'with disks'],
] as const)('what nobody ends by itself, %s', (_, kind) => {
    const worlds = walk(start(kind), [clientSteps, hostSteps, faults]);
    const runsAtA = (w: World): boolean => w.a === 'running' || w.a === 'mirroring' || w.a === 'sending';
    const runsAtB = (w: World): boolean => w.b === 'running' || w.b === 'running-postcopy' || w.b === 'running-cut';
    const example = (broken: (w: World) => boolean): World | undefined => worlds.find(broken);

    test('the walk is wide enough to mean something', () => {
        expect(worlds.length).toBeGreaterThan(500);
        expect(new Set(worlds.map(({ client }) => client)).size).toBeGreaterThanOrEqual(8);
        for (const step of ['cancel-sending', 'remove-leftover', 'start-destination', 'remove-source'] as const)
            expect(worlds.some(({ steps }) => steps.includes(step))).toBe(true);
        expect(worlds.some(({ steps }) => steps.includes('take-up-postcopy'))).toBe(kind === 'postcopy');
        expect(worlds.some(({ a, client }) => a === 'at-switch' && client === 'acting')).toBe(kind === 'with disks');
    });
    test('the guest runs at the destination only with disks that are equal to those that it left', () => {
        expect(example((w) => runsAtB(w) && w.disks === 'behind')).toBeUndefined();
    });
    test('the guest never runs on both hosts, nor at the source once it has run at the destination', () => {
        expect(example((w) => runsAtA(w) && runsAtB(w))).toBeUndefined();
        expect(example((w) => runsAtA(w) && w.ranAtB)).toBeUndefined();
    });
    test('the last whole copy is never removed', () => {
        expect(example((w) => w.a === 'absent' && w.b !== 'running')).toBeUndefined();
        expect(example((w) => isSwitched(w) && (w.b === 'none' || w.b === 'waiting'))).toBeUndefined();
    });
    test('what counts as settled runs, on one host, and has left nothing on the other', () => {
        expect(
            example((w) => w.client === 'settled' && !(w.a === 'running' && w.b === 'none') && !(w.a === 'absent' && w.b === 'running')),
        ).toBeUndefined();
    });
    test('nothing is ever held: whoever reaches both hosts brings it to one side', () => {
        expect(example((w) => w.client === 'held')).toBeUndefined();
    });
    test('once the faults are over, every way ends', () => {
        const calm = (w: World): readonly World[] => {
            const mended = changed(w, { reachA: true, reachB: true, way: 'whole' });
            return [...clientSteps(mended), ...hostSteps(mended)];
        };
        const ends = new Set<string>();
        const endsFrom = (w: World, path: Set<string>): boolean => {
            const key = JSON.stringify(w);
            if (ends.has(key) || w.client === 'settled') return true;
            if (path.has(key)) return false;
            path.add(key);
            const ended = calm(w).some((next) => endsFrom(next, path));
            if (ended) ends.add(key);
            return ended;
        };
        expect(worlds.find((world) => !endsFrom(world, new Set()))).toBeUndefined();
    });
});
