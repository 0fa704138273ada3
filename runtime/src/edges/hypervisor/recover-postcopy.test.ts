import { milliseconds } from '@mig/language';
import { expect, test } from 'vitest';
import { EventQueue } from './host/event-queue.js';
import type { Arrival, ArrivalEvent, Departure, DepartureEvent, MoveParameters } from './port.js';
import { recoverPostcopy } from './recover-postcopy.js';

const parameters: MoveParameters = {
    migrateUri: 'tcp:10.0.0.2',
    listenAddress: '10.0.0.2',
    downtimeLimit: undefined,
    persistent: true,
    unsafe: false,
    technique: { live: true, postcopy: true, options: {} },
};
const cookie = new Uint8Array();
const idle = (): Promise<never> => new Promise(() => undefined);

/** Two sides that write down what is asked of them, in order. */
function sides(perform: () => Promise<unknown> = idle) {
    const asked: string[] = [];
    const [left, arrived] = [new EventQueue<DepartureEvent>(), new EventQueue<ArrivalEvent>()];
    const note = <T>(name: string, value: T): Promise<T> => {
        asked.push(name);
        return Promise.resolve(value);
    };
    const departure = {
        events: left,
        begin: ({ resume }: MoveParameters) => note(`begin ${String(resume)}`, { cookie, xml: '<domain/>' }),
        perform: () =>
            note('perform', undefined)
                .then(perform)
                .then(() => ({ cookie })),
        confirm: (_p: MoveParameters, _c: Uint8Array, cancelled: boolean) => note(`confirm ${String(cancelled)}`, undefined),
    } as unknown as Departure;
    const arrival = {
        events: arrived,
        prepare: () => note('prepare', { cookie, uri: undefined, xml: '' }),
        finish: (_p: MoveParameters, _c: Uint8Array, cancelled: boolean) => note(`finish ${String(cancelled)}`, { cookie, started: true }),
    } as unknown as Arrival;
    const recovery = (sleep: () => Promise<unknown> = idle) =>
        recoverPostcopy(
            { departure, arrival, parameters, destination: 'kvm-b', within: milliseconds(1000), sleep },
            new AbortController().signal,
        );
    return { asked, left, arrived, recovery };
}

test('finish waits for the destination to take it up, and confirm for the source to be done', async () => {
    const sent = Promise.withResolvers<undefined>();
    const { asked, left, arrived, recovery } = sides(() => sent.promise);
    const over = recovery();
    await expect.poll(() => asked).toEqual(['begin true', 'prepare', 'perform']);
    arrived.push({ at: 1, type: 'migration-status', status: 'postcopy-recover' });
    await expect.poll(() => asked.at(-1)).toBe('finish false');
    sent.resolve(undefined);
    left.push({ at: 2, type: 'migration-status', status: 'completed' });
    await over;
    expect(asked).toEqual(['begin true', 'prepare', 'perform', 'finish false', 'confirm false']);
});

test('a destination that does not answer in time is left as it is: nothing is finished, confirmed or cancelled', async () => {
    const { asked, recovery } = sides();
    await expect(recovery(() => Promise.resolve())).rejects.toMatchObject({ code: 'timed-out', host: 'kvm-b' });
    expect(asked).toEqual(['begin true', 'prepare', 'perform']);
});

test('a perform that fails says why', async () => {
    const { asked, recovery } = sides(() => Promise.reject(new Error('no route')));
    await expect(recovery()).rejects.toThrow('no route');
    expect(asked.at(-1)).toBe('perform');
});
