/**
 * Every check that needs only text, one row each: its stable id and what it is called.
 * MIG00x structure, MIG1xx names, MIG2xx types and units (MIG010 to MIG014 are those of the inventory).
 */
export const checks = {
    MIG001: 'syntax error',
    MIG002: 'an import that cannot be read',
    MIG003: 'a file that imports itself',
    MIG004: 'a clause given twice',
    MIG005: 'a clause that is missing',
    MIG006: 'a clause or option that is out of place',
    MIG101: 'an unknown name',
    MIG102: 'an unknown technique',
    MIG103: 'an unknown policy',
    MIG104: 'an unknown group',
    MIG105: 'an unknown attribute',
    MIG106: 'a name declared twice',
    MIG107: 'something that is not known here',
    MIG108: 'a declaration that needs itself',
    MIG109: 'a name that has a meaning of its own',
    MIG110: 'a value that an attribute never has',
    MIG111: 'a param that the program does not declare',
    MIG112: 'a name that stands for too much',
    MIG113: 'an unknown calendar',
    MIG201: 'an unknown unit',
    MIG202: 'unlike things compared or reckoned with',
    MIG203: 'the wrong kind of value',
    MIG204: 'a bare number where a unit is meant',
    MIG205: 'a zero that cannot be meant',
    MIG206: 'a value out of its range',
    MIG207: 'a value that is not known before the run',
    MIG208: 'an unlimited value where there must be a limit',
    MIG209: 'a param without a value',
    MIG210: 'a time, day or time zone that does not exist',
} as const;

export type CheckId = keyof typeof checks;
