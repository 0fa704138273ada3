/**
 * The guest: a 64 KiB firmware image and nothing else. Pure.
 *
 * It enters 32-bit protected mode, fills its memory with pseudo-random content, and then, a hundred times a second,
 * counts a tick and writes to as many hot pages as its rate asks for, in turn. Every write carries its number. Before it
 * writes to a page the guest looks whether the page still holds the number of the write before, so a page that a
 * migration delivered stale is noticed by the guest itself, even if it is overwritten a moment later.
 * Between ticks it halts, so that an idle guest costs nothing. Digits and a line feed on its serial port set a new rate.
 */
import { Assembler } from './assembler.js';
import { generator, memoryBase, pageSize, wordsPerPage, type GuestContent } from './content.js';

export interface RomParameters extends GuestContent {
    /** Pages written per second at first. */
    readonly pagesPerSecond: number;
}

export const romSize = 0x1_0000;
export const ticksPerSecond = 100;

/** Where the guest keeps its counters; one word each, in one page. */
export const counters = {
    /** `readyMark` once the memory is filled. */
    ready: 0x8000,
    ticks: 0x8004,
    /** Number of the last write. */
    writes: 0x8008,
    /** Writes that found something else than the write before had left. */
    lost: 0x800c,
    /** Address of the last page that was found so. */
    lostAt: 0x8010,
    rate: 0x8014,
    seed: 0x8018,
    filledPages: 0x801c,
    hotPages: 0x8020,
} as const;
export const countersPage = 0x8000;
/** "MIG!" */
export const readyMark = 0x2147_494d;

/** The guest's own variables, on the counters' page but of no use to a reader. */
const own = { due: 0x8040, seenTicks: 0x8044, typed: 0x8048 } as const;

/** The image is mapped so that it ends at 4 GiB, where a PC's processor starts. */
const romBase = 0xffff_0000;
const resetOffset = 0xfff0;
const stackTop = 0x7000;
const interruptTable = 0x1000;
const timerVector = 0x20;
const spuriousVector = 0x2f;

/** The local APIC's registers. Source: Intel SDM volume 3, "Local APIC Register Address Map". */
const apic = {
    endOfInterrupt: 0xfee0_00b0,
    spurious: 0xfee0_00f0,
    timer: 0xfee0_0320,
    initialCount: 0xfee0_0380,
    divide: 0xfee0_03e0,
} as const;
/** QEMU's APIC timer counts nanoseconds when it divides by one. */
const timerCount = 1_000_000_000 / ticksPerSecond;
const divideByOne = 0b1011;
const periodic = 0x2_0000;
const apicEnabled = 0x100;

const serial = { data: 0x3f8, lineStatus: 0x3fd } as const;
const codeSelector = 0x08;
const dataSelector = 0x10;
/** A guest that was held up makes good for at most this many ticks. */
const mostTicksAtOnce = 10;
const wordsPerTurn = 8;

/** The guest's image, ready to be given to QEMU as firmware. */
export function guestRom(parameters: RomParameters): Uint8Array {
    if (parameters.hotPages < 1) throw new RangeError('a guest needs at least one hot page');
    const code = new Assembler(romBase);
    enterProtectedMode(code);
    fillMemory(code, parameters);
    startTimer(code, parameters);
    mainLoop(code);
    readSerial(code);
    writePages(code, parameters);
    interruptHandlers(code);
    tables(code);

    const rom = new Uint8Array(romSize).fill(0xff);
    rom.set(code.assemble());
    // The first instruction: a near jump back to the beginning of the image; offsets wrap at 64 KiB.
    const afterJump = resetOffset + 3;
    const distance = (romSize - afterJump + code.offsetOf('start')) & 0xffff;
    rom.set([0xe9, distance & 0xff, distance >>> 8], resetOffset);
    return rom;
}

function enterProtectedMode(code: Assembler): void {
    code.label('start')
        .bytes(0xfa) // cli
        .bytes(0x66, 0x2e, 0x0f, 0x01, 0x16) // lgdt cs:[descriptors pointer], 32-bit operand
        .word(descriptorsPointerOffset)
        .bytes(0x0f, 0x20, 0xc0) // mov eax, cr0
        .bytes(0x0c, 0x01) // or al, 1
        .bytes(0x0f, 0x22, 0xc0) // mov cr0, eax
        .bytes(0x66, 0xea) // jmp far, 32-bit operand
        .dword('protected')
        .word(codeSelector);
    code.bytes(...new Array<number>(descriptorsPointerOffset - descriptorsPointerRoom).fill(0x90));
    code.label('descriptors pointer').word(23).dword('descriptors');
    code.label('protected')
        .bytes(0x66, 0xb8)
        .word(dataSelector) // mov ax, data
        .bytes(0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0) // mov ds, es, ss
        .bytes(0xbc)
        .dword(stackTop) // mov esp
        .bytes(0xfc); // cld
}

/** The descriptor table's pointer is addressed by a 16-bit offset, so its place is fixed: behind the bytes before it, and eight of padding. */
const descriptorsPointerOffset = 0x20;
const descriptorsPointerRoom = 24;

function fillMemory(code: Assembler, parameters: RomParameters): void {
    if (parameters.filledPages === 0) return;
    code.bytes(0xbf)
        .dword(memoryBase) // mov edi
        .bytes(0x31, 0xf6) // xor esi, esi: the page
        .label('fill page')
        .bytes(0x69, 0xc6)
        .dword(generator.pageA) // imul eax, esi
        .bytes(0x05)
        .dword(parameters.seed) // add eax, seed
        .bytes(0x69, 0xde)
        .dword(generator.pageB) // imul ebx, esi
        .bytes(0x81, 0xf3)
        .dword(parameters.seed) // xor ebx, seed
        .bytes(0xb9)
        .dword(wordsPerPage / wordsPerTurn) // mov ecx
        .label('fill words');
    for (let word = 0; word < wordsPerTurn; word++) {
        code.bytes(0x01, 0xd8) // add eax, ebx
            .bytes(0xc1, 0xc0, generator.rotate) // rol eax
            .bytes(0x81, 0xc3)
            .dword(generator.step) // add ebx
            .bytes(0xab); // stosd
    }
    code.bytes(0x49) // dec ecx
        .jumpIf('not-equal', 'fill words')
        .bytes(0x46) // inc esi
        .bytes(0x81, 0xfe)
        .dword(parameters.filledPages) // cmp esi
        .jumpIf('below', 'fill page');
}

function startTimer(code: Assembler, parameters: RomParameters): void {
    for (const variable of [...Object.values(counters), ...Object.values(own)]) code.store(variable, 0);
    code.store(counters.rate, parameters.pagesPerSecond)
        .store(counters.seed, parameters.seed)
        .store(counters.filledPages, parameters.filledPages)
        .store(counters.hotPages, parameters.hotPages);
    for (const [vector, handler] of [
        [timerVector, 'timer'],
        [spuriousVector, 'spurious'],
    ] as const) {
        const entry = interruptTable + vector * 8;
        // An interrupt gate: address and selector, then the address's upper half, which is the same for the whole image.
        code.bytes(0xb8).dword(handler); // mov eax
        code.bytes(0x25).dword(0xffff); // and eax: the lower half
        code.bytes(0x0d).dword(codeSelector << 16); // or eax
        code.bytes(0xa3).dword(entry); // mov [entry], eax
        code.store(entry + 4, (romBase & 0xffff_0000) | 0x8e00);
    }
    code.bytes(0x0f, 0x01, 0x1d).dword('interrupt table pointer'); // lidt
    code.store(apic.spurious, apicEnabled | spuriousVector)
        .store(apic.divide, divideByOne)
        .store(apic.timer, periodic | timerVector)
        .store(apic.initialCount, timerCount);
    code.bytes(0x31, 0xed) // xor ebp, ebp: the number of the last write
        .bytes(0xbf)
        .dword(memoryBase) // mov edi: the next hot page
        .store(counters.ready, readyMark);
}

function mainLoop(code: Assembler): void {
    code.label('main')
        .bytes(0xfa) // cli: a tick between the comparison and the halt would be slept through
        .bytes(0xa1)
        .dword(counters.ticks) // mov eax, [ticks]
        .bytes(0x3b, 0x05)
        .dword(own.seenTicks) // cmp eax, [seen]
        .jumpIf('not-equal', 'tick')
        .bytes(0xfb, 0xf4) // sti; hlt
        .jump('main')
        .label('tick')
        .bytes(0xfb) // sti
        .bytes(0x89, 0xc1) // mov ecx, eax
        .bytes(0x2b, 0x0d)
        .dword(own.seenTicks) // sub ecx, [seen]
        .bytes(0xa3)
        .dword(own.seenTicks) // mov [seen], eax
        .bytes(0x83, 0xf9, mostTicksAtOnce) // cmp ecx
        .jumpIf('below-or-equal', 'in time')
        .bytes(0xb9)
        .dword(mostTicksAtOnce) // mov ecx
        .label('in time')
        .bytes(0xa1)
        .dword(counters.rate) // mov eax, [rate]
        .bytes(0x0f, 0xaf, 0xc1) // imul eax, ecx
        .bytes(0x01, 0x05)
        .dword(own.due); // add [due], eax
}

function readSerial(code: Assembler): void {
    code.label('serial')
        .bytes(0x66, 0xba)
        .word(serial.lineStatus) // mov dx
        .bytes(0xec) // in al, dx
        .bytes(0xa8, 0x01) // test al, 1: data ready
        .jumpIf('equal', 'write')
        .bytes(0x66, 0xba)
        .word(serial.data)
        .bytes(0xec) // in al, dx
        .bytes(0x0f, 0xb6, 0xc0) // movzx eax, al
        .bytes(0x3c, 0x0a) // cmp al, line feed
        .jumpIf('not-equal', 'digit')
        .bytes(0xa1)
        .dword(own.typed) // mov eax, [typed]
        .bytes(0xa3)
        .dword(counters.rate) // mov [rate], eax
        .store(own.typed, 0)
        .store(own.due, 0)
        .jump('serial')
        .label('digit')
        .bytes(0x83, 0xe8, 0x30) // sub eax, '0'
        .bytes(0x83, 0xf8, 0x09) // cmp eax, 9
        .jumpIf('above', 'serial')
        .bytes(0x6b, 0x0d)
        .dword(own.typed)
        .bytes(10) // imul ecx, [typed], 10
        .bytes(0x01, 0xc1) // add ecx, eax
        .bytes(0x89, 0x0d)
        .dword(own.typed) // mov [typed], ecx
        .jump('serial');
}

function writePages(code: Assembler, { hotPages }: RomParameters): void {
    code.label('write')
        .bytes(0x81, 0x3d)
        .dword(own.due)
        .dword(ticksPerSecond) // cmp dword [due]
        .jumpIf('below', 'main')
        .bytes(0x83, 0x2d)
        .dword(own.due)
        .bytes(ticksPerSecond) // sub dword [due]
        // The count in memory and the one in the processor travel on different ways: they must agree.
        .bytes(0x39, 0x2d)
        .dword(counters.writes) // cmp [writes], ebp
        .jumpIf('equal', 'count is whole')
        .bytes(0xff, 0x05)
        .dword(counters.lost) // inc dword [lost]
        .store(counters.lostAt, counters.writes)
        .label('count is whole')
        .bytes(0x45) // inc ebp
        .bytes(0x81, 0xfd)
        .dword(hotPages) // cmp ebp, hot pages: the first round has nothing to compare with
        .jumpIf('below-or-equal', 'page is whole')
        .bytes(0x89, 0xe8) // mov eax, ebp
        .bytes(0x2d)
        .dword(hotPages) // sub eax, hot pages
        .bytes(0x39, 0x07) // cmp [edi], eax
        .jumpIf('equal', 'page is whole')
        .bytes(0xff, 0x05)
        .dword(counters.lost) // inc dword [lost]
        .bytes(0x89, 0x3d)
        .dword(counters.lostAt) // mov [lost at], edi
        .label('page is whole')
        .bytes(0x89, 0x2f) // mov [edi], ebp
        .bytes(0x89, 0xe8, 0xf7, 0xd0, 0x89, 0x47, 0x04) // mov eax, ebp; not eax; mov [edi + 4], eax
        .bytes(0x89, 0x2d)
        .dword(counters.writes) // mov [writes], ebp
        .bytes(0x81, 0xc7)
        .dword(pageSize) // add edi
        .bytes(0x81, 0xff)
        .dword(memoryBase + hotPages * pageSize) // cmp edi
        .jumpIf('below', 'write')
        .bytes(0xbf)
        .dword(memoryBase) // mov edi
        .jump('write');
}

function interruptHandlers(code: Assembler): void {
    code.label('timer')
        .bytes(0xff, 0x05)
        .dword(counters.ticks) // inc dword [ticks]
        .store(apic.endOfInterrupt, 0)
        .label('spurious')
        .bytes(0xcf); // iret
}

function tables(code: Assembler): void {
    code.label('interrupt table pointer')
        .word((spuriousVector + 1) * 8 - 1)
        .dword(interruptTable);
    // Null, then code and data over all 4 GiB. Marked accessed, because the processor cannot mark them in read-only memory.
    code.label('descriptors')
        .bytes(0, 0, 0, 0, 0, 0, 0, 0)
        .bytes(0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0)
        .bytes(0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0);
}
