import { bytes, type Policy } from '@mig/language';
import { expect, test } from 'vitest';
import type { PlannedMove } from '../model/plan.js';
import { sendersFirst } from './senders-first.js';

type Draft = Omit<PlannedMove, 'actions'>;

function draft(id: string, byTraffic: 'sends' | 'receives' | undefined, facts: Partial<Draft> = {}): Draft {
    return {
        id,
        instance: 0,
        vm: { uuid: id, name: `vm-${id}` },
        source: 'a',
        destination: 'b',
        memory: bytes(1),
        technique: {
            kind: byTraffic === 'sends' ? 'postcopy' : 'precopy',
            name: undefined,
            options: {},
            ladder: [],
            ...(byTraffic && { byTraffic }),
        },
        route: { network: 'migration', address: '10.0.0.2', listen: undefined },
        after: [],
        gang: undefined,
        persistent: true,
        autostart: false,
        because: [],
        ...facts,
    } as Draft;
}

const free = () => false;
const policy = (bandwidth?: Policy['bandwidth']): Policy => ({ bandwidth }) as Policy;
const told = ({ moves, behind }: ReturnType<typeof sendersFirst>) => ({
    order: moves.map(({ id }) => id).join(' '),
    behind: behind.map(({ move, others }) => `${move.id}: ${others.map(({ id }) => id).join(' ')}`),
});

test('what sends goes first, and what receives not beside it; the others keep their order', () => {
    const moves = [draft('r1', 'receives'), draft('p', undefined), draft('s1', 'sends'), draft('r2', 'receives'), draft('s2', 'sends')];
    const found = sendersFirst(moves, [policy()], free);
    expect(told(found)).toEqual({ order: 's1 s2 r1 p r2', behind: ['r1: s1 s2', 'r2: s1 s2'] });
    expect(found.behind[0]?.because.text).toBe(
        'not beside vm-s1 (s1), vm-s2 (s2): what mostly sends goes first, and has the link to itself',
    );
});

test('all of one kind, and moves of different policies, have nothing to do with each other', () => {
    const alone = [draft('r1', 'receives'), draft('r2', 'receives'), draft('s1', 'sends', { instance: 1 })];
    expect(told(sendersFirst(alone, [policy(), policy()], free))).toEqual({ order: 'r1 r2 s1', behind: [] });
});

test('who shares no link need not wait', () => {
    const moves = [
        draft('r1', 'receives', { source: 'c', destination: 'd' }),
        draft('r2', 'receives', { source: 'c' }),
        draft('s1', 'sends'),
    ];
    expect(told(sendersFirst(moves, [policy()], free))).toEqual({ order: 's1 r1 r2', behind: ['r2: s1'] });
});

test('with a cap for each VM what sends does not fill the link: it goes first, and nothing waits for it', () => {
    const capped = policy({ caps: [{ scope: 'vm' }], windows: [] } as unknown as Policy['bandwidth']);
    expect(told(sendersFirst([draft('r1', 'receives'), draft('s1', 'sends')], [capped], free))).toEqual({ order: 's1 r1', behind: [] });
});

test('what has to wait for a receiver, or starts with a gang, goes in its own time', () => {
    const moves = [draft('r1', 'receives'), draft('s1', 'sends', { after: ['r1'] }), draft('s2', 'sends', { gang: 'shop' })];
    const waits = (one: Draft, other: Draft): boolean => one.after.includes(other.id);
    expect(told(sendersFirst(moves, [policy()], waits))).toEqual({ order: 'r1 s1 s2', behind: [] });
});
