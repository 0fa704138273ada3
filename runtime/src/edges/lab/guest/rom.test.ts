import { expect, test } from 'vitest';
import { guestRom, romSize } from './rom.js';

const parameters = { seed: 0x1234_5678, filledPages: 100, hotPages: 10, pagesPerSecond: 50 };

test('an image is 64 KiB and starts, at the reset vector, with a jump to its beginning', () => {
    const rom = guestRom(parameters);
    expect(rom.length).toBe(romSize);
    const view = new DataView(rom.buffer);
    expect(view.getUint8(0xfff0)).toBe(0xe9);
    expect((0xfff3 + view.getUint16(0xfff1, true)) % romSize).toBe(0);
});

test('the segment descriptors lie where the image says', () => {
    const view = new DataView(guestRom(parameters).buffer);
    const pointer = view.getUint16(8 - 2, true);
    expect(view.getUint16(pointer, true)).toBe(3 * 8 - 1);
    const descriptors = view.getUint32(pointer + 2, true) - 0xffff_0000;
    expect(view.getUint8(descriptors + 8 + 5)).toBe(0x9b);
    expect(view.getUint8(descriptors + 16 + 5)).toBe(0x93);
});

test('the same parameters make the same image, and each of them changes it', () => {
    const rom = Buffer.from(guestRom(parameters));
    expect(rom.equals(guestRom(parameters))).toBe(true);
    for (const name of ['seed', 'filledPages', 'hotPages', 'pagesPerSecond'] as const) {
        expect(rom.equals(guestRom({ ...parameters, [name]: parameters[name] + 1 })), name).toBe(false);
    }
});

test('a guest without a hot page is refused', () => {
    expect(() => guestRom({ ...parameters, hotPages: 0 })).toThrow('at least one hot page');
});
