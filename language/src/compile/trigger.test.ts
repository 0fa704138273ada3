import { describe, expect, test } from 'vitest';
import type { Trigger } from '../program.js';
import { bare, findings, policy, policyText } from '../testing/kit.js';

const compiled = async (text: string): Promise<Trigger | undefined> => bare((await policy(text)).trigger);
const wrong = (text: string): Promise<readonly string[]> => findings(policyText(text));
const schedule = (cron: string, windowMs = 3_600_000, timeZone?: string): object => ({
    kind: 'schedule',
    cron,
    windowMs,
    ...(timeZone !== undefined && { timeZone }),
});
const maintenance = { kind: 'attribute', type: 'boolean', entity: 'host', attribute: 'maintenance' };

describe('conditions', () => {
    test('a condition that names a host binds it, and one that names a VM binds that', async () => {
        expect(await compiled('when host is in maintenance')).toEqual({ kind: 'condition', condition: maintenance, binds: 'host' });
        expect(await compiled('when vm.cpu > 90%')).toMatchObject({ binds: 'vm' });
        expect(await compiled('when cluster.vms > 3')).not.toHaveProperty('binds');
    });

    test('a release stands with its condition', async () => {
        const found = await compiled('when host.cpu > 90% for 1 min until host.cpu < 75%');
        expect(found).toMatchObject({ kind: 'condition', condition: { kind: 'held', forMs: 60_000 }, until: { operator: '<' } });
        expect(await compiled('when host.cpu > 90% or at 02:00 until host.cpu < 75%')).toMatchObject({
            kind: 'any',
            of: [{ kind: 'condition', until: { operator: '<' } }, { kind: 'schedule' }],
        });
    });

    test('a schedule has no release', async () => {
        expect(await wrong('at 02:00 until host.cpu < 75%')).toEqual([
            "MIG006 'until' does not fit here: a schedule ends with its window. Write 'for' and how long, such as for 2 h.",
        ]);
    });

    test('a policy without a trigger, or on demand, has none', async () => {
        expect(await compiled('')).toBeUndefined();
        expect(await compiled('on demand')).toBeUndefined();
    });

    test('two triggers are one too many', async () => {
        expect(await wrong('when host is failing\non demand')).toEqual(["MIG004 'on demand' is given twice here. Keep one of the two."]);
    });
});

describe('schedules', () => {
    test.each([
        ['at 02:00', schedule('0 2 * * *')],
        ['at 02:30 every Sat in "Europe/Berlin"', schedule('30 2 * * 6', 3_600_000, 'Europe/Berlin')],
        ['every day at 22:00 for 2 h', schedule('0 22 * * *', 7_200_000)],
        ['every Mon..Fri at 08:05', schedule('5 8 * * 1,2,3,4,5')],
        ['every Fri..Mon, Wed at 24:00', schedule('0 0 * * 0,1,3,5,6')],
        ['every 15 min', schedule('*/15 * * * *')],
        ['every 6 h', schedule('0 */6 * * *')],
        ['every 1 h', schedule('0 * * * *')],
        ['every 1 d', schedule('0 0 * * *')],
        ['between 22:00 and 05:30 on Sat, Sun', schedule('0 22 * * 0,6', 7.5 * 3_600_000)],
        ['cron "0 2 1-7 * 6" in "UTC"', schedule('0 2 1-7 * 6', 3_600_000, 'UTC')],
    ])('%s', async (text, expected) => {
        expect(await compiled(text)).toEqual(expected);
    });

    test.each([
        ['at 25:00', 'MIG210 25:00 is not a time of day. Times go from 00:00 to 24:00; 01:00 of the next day?'],
        ['at 02:00 in "Europe/Berln"', 'MIG210 There is no time zone "Europe/Berln". Did you mean "Europe/Berlin"?'],
        [
            'every 7 min',
            'MIG206 A schedule cannot repeat every 7 min: that does not divide an hour or a day. Write a period such as 15 min or 6 h, or use cron "…".',
        ],
        [
            'cron "0 2 * *"',
            'MIG210 "0 2 * *" is no cron expression: it has 4 fields. Write minute, hour, day of the month, month and day of the week, such as "0 2 * * 6".',
        ],
        [
            'cron "0 24 * * *"',
            `MIG210 "0 24 * * *" is no cron expression: '24' is no hour (0 to 23). Write minute, hour, day of the month, month and day of the week, such as "0 2 * * 6".`,
        ],
    ])('%s is refused', async (text, message) => {
        expect(await wrong(text)).toEqual([message]);
    });
});

describe('schedules and conditions together', () => {
    test('or, and, not', async () => {
        expect(await compiled('at 02:00 every Sat or when host is in maintenance')).toEqual({
            kind: 'any',
            of: [schedule('0 2 * * 6'), { kind: 'condition', condition: maintenance, binds: 'host' }],
        });
        expect(await compiled('when host is in maintenance and not between 22:00 and 05:00')).toEqual({
            kind: 'all',
            of: [
                { kind: 'condition', condition: maintenance, binds: 'host' },
                { kind: 'not', of: schedule('0 22 * * *', 7 * 3_600_000) },
            ],
        });
    });

    test('conditions without a schedule among them stay one condition', async () => {
        expect(await compiled('when host is in maintenance or host is failing and host.vms > 3')).toMatchObject({
            kind: 'condition',
            condition: { kind: 'binary', operator: 'or' },
        });
    });
});
