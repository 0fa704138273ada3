/**
 * Numbers from 0 to 1 that depend on a seed and a name alone, so that what is drawn for one move does not depend on
 * what happened to others. The mixing is that of MurmurHash3's finaliser.
 */
export function randomOf(seed: number, name: string): number {
    let h = seed | 0;
    for (let i = 0; i < name.length; i += 1) h = mix(h ^ name.charCodeAt(i)) + 0x9e3779b9;
    return (mix(h) >>> 0) / 2 ** 32;
}

function mix(value: number): number {
    let h = value | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return h ^ (h >>> 16);
}
