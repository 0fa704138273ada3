import { expect, test } from 'vitest';
import { Assembler } from './assembler.js';

test('numbers are laid down with the lowest byte first', () => {
    expect([...new Assembler(0).word(0x1234).dword(0x89ab_cdef).assemble()]).toEqual([0x34, 0x12, 0xef, 0xcd, 0xab, 0x89]);
});

test('a jump forwards counts from the end of the jump', () => {
    expect([...new Assembler(0).jump('there').bytes(0x90, 0x90).label('there').assemble()]).toEqual([0xe9, 2, 0, 0, 0, 0x90, 0x90]);
});

test('a jump backwards is negative', () => {
    expect([...new Assembler(0).label('here').jumpIf('below', 'here').assemble()]).toEqual([0x0f, 0x82, 0xfa, 0xff, 0xff, 0xff]);
});

test('the address of a label is its offset from the origin', () => {
    expect([...new Assembler(0xffff_0000).bytes(0x90).label('here').dword('here').assemble()]).toEqual([0x90, 0x01, 0x00, 0xff, 0xff]);
});

test('what cannot be assembled is refused', () => {
    expect(() => new Assembler(0).jump('nowhere').assemble()).toThrow('no label nowhere');
    expect(() => new Assembler(0).label('twice').label('twice')).toThrow('the label twice stands twice');
    expect(() => new Assembler(0).bytes(256)).toThrow('256 is not a byte');
});
