import { DOMParser } from '@xmldom/xmldom';
import { describe, expect, test } from 'vitest';
import { domainXml, planGuest } from './domain.js';

describe('planning a guest', () => {
    test('half of the memory is random unless said otherwise, counted in pages', () => {
        expect(planGuest({ name: 'a', memoryMiB: 256 }, 'lab:1')).toMatchObject({ filledPages: 32_768, hotPages: 4096, persistent: true });
    });
    test('guests of one seed share content, and others have a seed of their own', () => {
        const seed = (name: string, contentSeed?: number): number =>
            planGuest({ name, memoryMiB: 64, ...(contentSeed === undefined ? {} : { contentSeed }) }, 'lab:1').seed;
        expect(seed('a', 5)).toBe(seed('b', 5));
        expect(seed('a')).not.toBe(seed('b'));
    });
    test('a UUID belongs to a name in one lab', () => {
        const uuid = (name: string, mark: string): string => planGuest({ name, memoryMiB: 64 }, mark).uuid;
        expect(uuid('a', 'lab:1')).toBe(uuid('a', 'lab:1'));
        expect(new Set([uuid('a', 'lab:1'), uuid('b', 'lab:1'), uuid('a', 'lab:2')]).size).toBe(3);
        expect(uuid('a', 'lab:1')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    });
    test.each([
        [{ memoryMiB: 4 }, /memory must be 8 to 3072 MiB/],
        [{ randomShare: 1.5 }, /random share/],
        [{ hotSetMiB: 65 }, /hot set/],
        [{ dirtyPagesPerSecond: -1 }, /dirty rate/],
        [{ persistent: false, autostart: true }, /only a persistent guest/],
        [{ name: 'a b' }, /a name is/],
    ])('%j is refused', (wrong, message) => {
        expect(() => planGuest({ name: 'a', memoryMiB: 64, ...wrong }, 'lab:1')).toThrow(message);
    });
});

test('the XML carries tags with and without values, escaped', () => {
    const guest = planGuest({ name: 'web-1', memoryMiB: 64, tags: { role: 'a "b" <c> & d', pinned: '' } }, 'lab:1');
    const xml = new DOMParser().parseFromString(domainXml(guest, '/rom'), 'text/xml');
    const tags = [...xml.getElementsByTagNameNS('urn:mig:tags:1', 'tag')];
    expect(tags.map((tag) => [tag.getAttribute('name'), tag.getAttribute('value')])).toEqual([
        ['role', 'a "b" <c> & d'],
        ['pinned', null],
    ]);
    expect(xml.getElementsByTagName('loader')[0]?.textContent).toBe('/rom');
});
