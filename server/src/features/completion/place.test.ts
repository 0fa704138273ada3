import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { placeAt } from './place.js';

describe('the place of the cursor', () => {
    test('after an entity and a dot an attribute is meant', () => {
        expect(placeAt('policy p {\n  when vm.')).toEqual({ kind: 'attribute', entity: 'vm', path: [], typed: '' });
        expect(placeAt('to hosts where host.memory.fr')).toEqual({ kind: 'attribute', entity: 'host', path: ['memory'], typed: 'fr' });
        expect(placeAt('x == source.z')).toEqual({ kind: 'attribute', entity: 'source', path: [], typed: 'z' });
    });

    test('a name that only ends like an entity is none', () => {
        expect(placeAt('my_vm.').kind).toBe('word');
        expect(placeAt('vm.tag.host.').kind).toBe('attribute');
        expect(placeAt('vm.tag.host.')).toMatchObject({ entity: 'vm', path: ['tag', 'host'] });
    });

    test('after a number a unit is meant, with or without a blank', () => {
        expect(placeAt('  downtime 300 ')).toEqual({ kind: 'unit', spaced: true, before: 'downtime ', typed: '' });
        expect(placeAt('  downtime 300')).toEqual({ kind: 'unit', spaced: false, before: 'downtime ', typed: '' });
        expect(placeAt('cap 2.5 Gbit/')).toEqual({ kind: 'unit', spaced: true, before: 'cap ', typed: 'Gbit/' });
    });

    test('a number at the end of the line before asks for no unit, nor does one in a name or a time', () => {
        expect(placeAt('priority 10\n  ').kind).toBe('word');
        expect(placeAt('policy p2').kind).toBe('word');
        expect(placeAt('at 02:00').kind).toBe('word');
    });

    test('after a word or sign that asks for one, an expression is meant', () => {
        expect(placeAt('policy p {\n  when ho')).toEqual({ kind: 'expression', lead: 'when', within: 'policy', typed: 'ho' });
        expect(placeAt('technique t = precopy {\n  when ')).toEqual({ kind: 'expression', lead: 'when', within: 'technique', typed: '' });
        expect(placeAt('policy p { move vms where not ')).toMatchObject({ kind: 'expression', lead: 'not' });
        expect(placeAt('let hot = vm.cpu > ')).toMatchObject({ kind: 'expression', lead: '>', within: 'other' });
    });

    test('a step and a clock time after `and` are no expressions', () => {
        expect(placeAt('policy p { on failure leave and ').kind).toBe('word');
        expect(placeAt('policy p { between 08:00 and ').kind).toBe('word');
        expect(placeAt('policy p { every day at 22:00 except fr').kind).toBe('word');
        expect(placeAt('policy p { move vms except ').kind).toBe('expression');
    });

    test('in a string the code before it says what is meant', () => {
        expect(placeAt('where host.zone ==\n   "ea')).toEqual({ kind: 'string', before: 'where host.zone == ', typed: 'ea' });
        expect(placeAt('inventory "a.yaml" import "')).toEqual({ kind: 'string', before: 'inventory "a.yaml" import ', typed: '' });
    });

    test('a closed string, an escaped quote and a line break are told apart', () => {
        expect(placeAt('scenario "a \\" b').kind).toBe('string');
        expect(placeAt('scenario "a" ').kind).toBe('word');
        expect(placeAt('inventory "a\n').kind).toBe('word');
    });

    test('in a comment nothing is offered, after it everything', () => {
        expect(placeAt('x // vm.').kind).toBe('comment');
        expect(placeAt('/* vm.').kind).toBe('comment');
        expect(placeAt('/** " */ vm.')).toMatchObject({ kind: 'attribute' });
        expect(placeAt('// it\'s "open\nvm.')).toMatchObject({ kind: 'attribute' });
    });

    property.prop([fc.string({ unit: fc.constantFrom('"', '/', '*', '\n', '\\', 'vm', '.', ' ', '3', 'ms') })])(
        'any text has a place, and what is typed stands at its end',
        (text) => {
            const place = placeAt(text);
            if (place.kind !== 'comment') expect(text.endsWith(place.typed)).toBe(true);
        },
    );
});
