import { expect, test } from 'vitest';
import { PendingCalls } from './pending-calls.js';

const never = new AbortController().signal;
function calls(atOnce: number) {
    const sent: (string | Uint8Array)[] = [];
    return { sent, pending: new PendingCalls<string>((message) => sent.push(message), atOnce) };
}
const make = (pending: PendingCalls<string>, what: string, signal = never) => pending.make(what, (id) => `${what} ${id}`, signal);

test('no more than so many are on the wire, and the next one goes out with a reply, in order', async () => {
    const { sent, pending } = calls(2);
    const made = ['a', 'b', 'c', 'd'].map((what) => make(pending, what));
    expect(sent).toEqual(['a 1', 'b 2']);
    pending.answered(2)?.resolve('reply to b');
    expect(sent).toEqual(['a 1', 'b 2', 'c 3']);
    expect(await made[1]).toBe('reply to b');
    pending.answered(1)?.resolve('reply to a');
    expect(await made[0]).toBe('reply to a');
    for (const id of [3, 4]) pending.answered(id)?.reject(new Error(`no ${id}`));
    await expect(made[2]).rejects.toThrow('no 3');
    await expect(made[3]).rejects.toThrow('no 4');
    expect(pending.someOnWire).toBe(false);
});

test('a reply that nobody waits for answers nothing', () => {
    const { pending } = calls(1);
    expect(pending.answered(7)).toBeUndefined();
    expect(pending.answered(undefined)).toBeUndefined();
});

test('who gives up in the queue is never sent, and who gives up on the wire keeps its place there until the reply', async () => {
    const { sent, pending } = calls(1);
    const [onWire, inQueue] = [new AbortController(), new AbortController()];
    const made = [make(pending, 'a', onWire.signal), make(pending, 'b', inQueue.signal), make(pending, 'c')];
    inQueue.abort();
    onWire.abort();
    await expect(made[0]).rejects.toThrow();
    await expect(made[1]).rejects.toThrow();
    expect(sent).toEqual(['a 1']);
    expect(pending.someOnWire).toBe(true);
    pending.answered(1)?.resolve('late');
    expect(sent).toEqual(['a 1', 'c 3']);
    pending.answered(3)?.resolve('in time');
    expect(await made[2]).toBe('in time');
});

test('where the stream breaks all fail by name, those in the queue too', async () => {
    const { sent, pending } = calls(1);
    const made = [make(pending, 'a'), make(pending, 'b')];
    pending.fail((what) => new Error(`${what}: the connection broke`));
    await expect(made[0]).rejects.toThrow('a: the connection broke');
    await expect(made[1]).rejects.toThrow('b: the connection broke');
    expect(sent).toEqual(['a 1']);
});
