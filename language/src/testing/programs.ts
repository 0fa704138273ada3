/**
 * Random policy files for property tests: every clause of the grammar, without syntax errors. What they say need not make
 * sense: names may be unknown, and types need not fit.
 */
import { fc } from '@fast-check/vitest';
import type { IToken } from 'chevrotain';
import { EmptyFileSystem } from 'langium';
import { createMigCoreServices, type MigCoreServices } from '../services.js';

type Text = fc.Arbitrary<string>;

/** Joins words and random parts: a part in an array may be left out. */
function say(...parts: readonly (string | Text | readonly (string | Text)[])[]): Text {
    const texts = parts.map((part): Text => {
        if (typeof part === 'string') return fc.constant(part);
        if (!Array.isArray(part)) return part as Text;
        return fc.oneof(fc.constant(''), say(...(part as readonly (string | Text)[])));
    });
    return fc.tuple(...texts).map((all) => all.filter((text) => text !== '').join(' '));
}

const one = (...choices: readonly (string | Text)[]): Text =>
    fc.oneof(...choices.map((choice) => (typeof choice === 'string' ? fc.constant(choice) : choice)));
const some = (part: Text, between: string, maxLength = 3, minLength = 1): Text =>
    fc.array(part, { minLength, maxLength }).map((all) => all.join(between));
const listOf = (part: Text, maxLength = 3): Text => some(part, ', ', maxLength);

// ---------------------------------------------------------------- words and values

const name = one('hot', 'uplink', 'web', 'rack40', 'order', 's', 'patient_2');
const text = one('"web"', '"a // b"', '"db \\" 1"', '"/usr/local/bin/quiesce-the-database"', '""', '"{ x; }"');
const quantity = one('300 ms', '5min', '1.5 GiB', '8 Gbit/s', '60%', '20 %', '40MiB/s', '2 kW', '3 h');
const number = one('0', '2', '12', '0.5');
const time = one('02:00', '22:30');
const zone = say('in', one('"Europe/Berlin"', '"UTC"'));
const plain: Text = one(quantity, number, text, 'true', name, say('[', listOf(quantity), ']'), '[]');
const attribute = one('vm.memory', 'vm.tag.app', 'host.memory.working_set', 'vm.tag["app name"]', 'source.zone', 'cluster.cpu.imbalance');
const state = one('in maintenance', 'failing', 'healthy', 'in trouble');
const atom = one(
    quantity,
    number,
    text,
    name,
    attribute,
    attribute,
    'unlimited',
    'remaining',
    'vm',
    'false',
    time,
    say('metric', text),
    say(one('host', 'vm'), 'is', ['not'], state),
);

const expressionAt = (depth: number): Text => {
    if (depth === 0) return atom;
    const below = expressionAt(depth - 1);
    return fc.oneof(
        { weight: 3, arbitrary: atom },
        { weight: 3, arbitrary: say(valueAt(depth - 1), one('==', '!=', '<', '<=', '>', '>=', 'contains', 'in'), valueAt(depth - 1)) },
        { weight: 2, arbitrary: some(below.map(bracketed), ' and ') },
        { weight: 2, arbitrary: some(below.map(bracketed), ' or ') },
        { weight: 1, arbitrary: say('not', below.map(bracketed)) },
        { weight: 1, arbitrary: say(below.map(bracketed), 'for', quantity) },
        { weight: 1, arbitrary: valueAt(depth) },
        { weight: 1, arbitrary: say('(', below, ')') },
        { weight: 1, arbitrary: say('[', some(below, ', ', 3, 0), ']') },
    );
};
const valueAt = (depth: number): Text => {
    if (depth === 0) return atom;
    const below = valueAt(depth - 1);
    const operand = below.map(bracketed);
    return one(atom, say(operand, one('+', '-', '*', '/'), operand), say('-', operand));
};
/** One word, or in parentheses: so that it may stand beside any operator. */
const bracketed = (expression: string): string => (/^[\w.]+$/.test(expression) ? expression : `( ${expression} )`);

const expression = expressionAt(2);
const value = valueAt(1);

// ---------------------------------------------------------------- techniques

const kind = one('precopy', 'postcopy', 'hybrid', 'stop-and-copy', 'scatter-gather', 'agile', 'rdma', 'traffic-sensitive');
const throttle = say('throttle', quantity, ['step', quantity], ['up to', quantity]);
const option = one(
    say('downtime', value),
    say('streams', number),
    say('compression', one('zlib', 'zstd', 'xbzrle', 'mt', 'none'), ['level', number]),
    say('xbzrle cache', quantity),
    throttle,
    say('postcopy bandwidth', quantity),
    'hold predicted dirty',
    say('storage', some(say(one('copy', 'shared', 'preseeded'), listOf(text), ['at most', quantity]), ' ')),
    say('tls', ['off']),
    say('never', listOf(one('postcopy', 'throttle'), 2)),
    'zero-copy',
    'switchover-ack',
    say('dirty-limit', value),
);
const rung = say(
    one(
        say('when stalled for', number, one('iteration', 'iterations')),
        say('when iteration', number),
        say('after', quantity),
        say('when', say('vm.memory >', value)),
    ),
    ['and', say(attribute, '>=', quantity)],
    ':',
    one(say('downtime', value), throttle, say('bandwidth', value), 'switch to postcopy', 'pause', 'report', 'abort'),
);
const items = fc.array(one(option, rung), { maxLength: 4 });
const named = say(
    one(kind, name),
    [one(say('(', listOf(say(name, ':', value)), ')'), '()')],
    ['via', one(listOf(text), say(number, one('host', 'hosts')))],
    [body(items)],
);
const bound = say(one('downtime', 'blackout', 'eviction time', 'duration', 'traffic'), one('<', '<='), plain);
const goal = say('least', one('duration', 'downtime', 'traffic', 'eviction time', 'impact'), ['with', listOf(bound)]);
const branch = say(one('otherwise', expression), ':', one(named, goal));
const choose = say('choose', body(fc.array(branch, { minLength: 1, maxLength: 3 }), /^(\(|v|host)/));
const use = one(named, named, goal, choose);
const uses = some(use, ' otherwise ');

// ---------------------------------------------------------------- policies

const clockInParentheses = one(time, say('(', one(time, name), ')'));
const clock = one(clockInParentheses, name);
const days = one('day', listOf(one('Mon', 'Sat .. Sun', 'Mon..Fri', 'workdays'), 2));
const onDays = one('day', listOf(one('Mon', 'Sat..Sun', 'weekends', name), 3));
const exceptDays = say('except', listOf(name, 2));
const atEnd = say('at end', one('finish', 'abort', say('cap', quantity)));
const schedule = one(
    say('at', clockInParentheses, ['every', days], [exceptDays], [zone], ['for', quantity], [atEnd]),
    say('every', days, [exceptDays], 'at', clock, [exceptDays], [zone], ['for', quantity], [atEnd]),
    say('every', quantity, [exceptDays], [zone], ['for', quantity], [atEnd]),
    say('between', clock, 'and', clock, ['on', onDays], [exceptDays], [zone], [atEnd]),
    say('cron', '"0 2 * * 6"', [exceptDays], [zone], ['for', quantity], [atEnd]),
);
const wholeDays = say('on', onDays, [exceptDays], [zone], [atEnd]);
const trigger = one(
    schedule,
    wholeDays,
    say(['when'], attribute, '> 5'),
    say('not', schedule),
    'host is failing',
    say('(', expression, ')'),
);
const triggers = some(say(trigger, [one('and', 'or'), trigger]), ' or ', 2);
const scheduled = say(['not'], schedule, [one('and', 'or'), trigger]);
const triggered = say(one(say('when', triggers), scheduled), ['until', expression]);

const moveItem = one(
    say('on', one(say('host', [text]), say('hosts', ['in', name], ['where', expression]))),
    say('in', name),
    say('where', expression),
    say('except', expression),
    say('order by', listOf(say(expression, [one('ascending', 'descending')]))),
    say('limit', value, [one('vm', 'vms')]),
    say('until', expression),
    say('together by', attribute, ['all or none']),
    say('quiet when', expression),
    'only if host becomes empty',
    say('immovable :', one('skip', 'skip host', 'shut down vm', 'shut down vm within 5 min', 'halt plan')),
    say('triage by', expression),
);
const ranking = one('least loaded', 'most free memory', 'fullest', 'even load');
const preference = say(one(ranking, say(one('lowest', 'highest'), attribute)), ['weight', value], ['when gain >', quantity]);
const toItem = one(
    say('where', expression),
    say('keep', one(quantity, number), one('of memory free', 'of cpu free per numa node', 'host of spare capacity')),
    say('keep', quantity, 'of hugepages', ['of', quantity], 'free', ['per numa node']),
    say('apart by', listOf(expression)),
    say('with', one('same', 'by'), listOf(attribute)),
    say('with', one('network', 'networks', 'device', 'devices', 'profile', 'profiles'), listOf(text)),
    say('prefer', listOf(preference)),
    'otherwise restart elsewhere if fenced',
);
const scope = one('link', 'host', 'vm');
const cap = say(one('total', say('per', scope), 'reserve', say('reserve per', scope)), ['at least'], value);
const windowed = say(
    'between',
    clock,
    'and',
    clock,
    ['on', onDays],
    [exceptDays],
    [zone],
    ['at end', one('finish', 'abort', 'cap')],
    ':',
    listOf(cap, 2),
);
const caps = fc
    .array(fc.tuple(one(cap, windowed), one(';', ',', '')), { maxLength: 4 })
    .map((all) => `{ ${all.map((part) => part.join(' ')).join(' ')} }`);
const dedup = some(one('none', 'zero', 'vm', 'gang', 'cluster', 'disk'), ' + ');
const command = say('run', listOf(text));
const vmSet = one(say('vm', listOf(text)), say('vms in', name), say('vms where', expression));
const promise = say(['hard'], one('downtime', 'brownout', 'eviction', 'eviction time', 'energy'), one('<', '<=', '>'), value);
const failure = one(
    say('retry', number, one('time', 'times'), ['every', one(quantity, say('(', value, ')'))]),
    say('halt plan', ['after', number, one('failure', 'failures')]),
    one('other destination', 'try other destination', 'return home', 'leave', 'report'),
);
const failures = fc
    .array(fc.tuple(one(', ', ', then ', ' and ', ' then '), failure), { minLength: 1, maxLength: 3 })
    .map((steps) => steps.map(([between, step], index) => (index === 0 ? step : `${between}${step}`)).join(''));
const concurrency = say(number, ['at once'], one('per host', 'per link', 'into each host', 'out of each host', 'in all'));
const clause = one(
    triggered,
    'on demand',
    say('move', one('vms', 'vm', say('vm', listOf(text))), some(moveItem, ' ', 4, 0)),
    say('to', one(say('host', text), say('hosts', ['anywhere'], ['in', name])), some(toItem, ' ', 4, 0)),
    say('using', uses),
    say('dedup', dedup, ['store', quantity], ['otherwise', dedup]),
    say('bandwidth', caps),
    say('at most', listOf(concurrency)),
    say('require', listOf(promise)),
    say('on failure', failures),
    say('cooldown', value),
    say('deadline', quantity, ['waive', listOf(one('require', 'bandwidth', 'apart'))]),
    say(
        'verify',
        one('tcp 22', 'agent', command),
        ['from "probe"'],
        ['within', quantity],
        ['otherwise', one('report', 'return home', 'halt plan')],
    ),
    say(one('before each move', 'after each move'), ['on', one('source', 'destination', text)], command, ['within', quantity]),
    say('never during move of', vmSet),
    say('start', vmSet, one('before', 'after'), vmSet),
    'then power off emptied hosts',
);
const clauses = fc.array(clause, { maxLength: 6 });
const policy = say('policy', name, ['like', name], ['priority', value], ['preempt'], body(clauses, /^every/));

// ---------------------------------------------------------------- files

const parameter = say(name, ':', one('rate', 'duration'), ['=', value]);
const bounds = one(
    say('between', quantity, 'and', quantity),
    say('at least', quantity, ['at most', quantity]),
    say('at most', quantity),
    say('one of', listOf(plain)),
);
const setting = one(
    say('in waves of', number),
    'keep 1 host of spare capacity',
    say(
        'start between',
        clock,
        'and',
        clock,
        ['on', onDays],
        [exceptDays],
        [zone],
        ['finish inside'],
        ['continue next', one('night', 'day')],
    ),
    'halt plan after 1 failed host',
);
const step = one(
    say('drain', ['using', uses]),
    say(command, ['within', quantity]),
    say('reboot', ['within', quantity]),
    say('wait until', expression, ['within', quantity]),
    'return moved vms',
);
const fact = fc.tuple(say(one('memory', 'tag.app', 'dirty_rate'), ':', plain), one(',', ';', '')).map((parts) => parts.join(' '));
const scenarioItem = one(
    say('given', one('host', 'vm', 'link'), text, one(say('is', state), say('{', some(fact, ' ', 4, 0), '}'))),
    say('run', name),
    say(
        'expect',
        one('moved vms', 'failed vms', 'duration', say('every', one('vm', 'host'), 'memory.used'), say('vm', text, 'downtime')),
        one('<', '=='),
        value,
    ),
);
const declaration = one(
    say('inventory', text),
    say('import', text),
    say('calendar', name, '= [', listOf(one('2026-12-24 .. 2027-01-01', '2027-4-02')), ']'),
    say('param', name, [one(': rate', ': set of string')], ['=', value], [bounds]),
    say('let', name, '=', expression),
    say('group', name, '=', one('vms', 'hosts'), ['where', expression]),
    say('technique', name, [one('()', say('(', listOf(parameter), ')'))], '=', use),
    policy,
    policy,
    say(
        ['sequence', name],
        'for each host',
        ['in', name],
        ['where', expression],
        some(setting, ' ', 3, 0),
        body(fc.array(step, { maxLength: 3 })),
    ),
    say('scenario', text, body(fc.array(scenarioItem, { maxLength: 4 }))),
);

/** Parts in braces, with or without `;`: one stands always before a part that would else belong to the part before. */
function body(parts: fc.Arbitrary<readonly string[]>, parted?: RegExp): Text {
    return fc
        .tuple(parts, fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }))
        .map(
            ([all, marks]) =>
                `{ ${all.map((part, i) => `${part}${marks[i] === true || parted?.test(all[i + 1] ?? '') === true ? ' ;' : ''}`).join(' ')} }`,
        );
}

/** Files as one long line each. */
export const programs: Text = some(declaration, '\n', 5);

const blank = one(' ', ' ', ' ', '  ', '\t', '\n', '\n\n', '\r\n', '\n \n\n\t', '\n    ');
const comment = one(
    ' // note\n',
    '\n\n  // note of its own  \n',
    ' /* aside */ ',
    '\n/** doc\n * more\n     * and more */\n',
    '\n\n\n      /* free\n           text\n   */ ',
    ' /**/',
    ' //\n',
    ' /* one *//* two */',
);
const between = fc.oneof({ weight: 12, arbitrary: blank }, { weight: 1, arbitrary: comment });

/** The same, with any blanks, empty lines and comments between its words. */
export const untidyPrograms: Text = fc.tuple(programs, fc.array(between, { minLength: 40, maxLength: 80 })).map(([program, gaps]) => {
    const words = tokensOf(program);
    return (
        words.map((word, index) => `${gaps[index % gaps.length] ?? ' '}${word.image}`).join('') + (gaps[words.length % gaps.length] ?? '')
    );
});

function tokensOf(program: string): readonly IToken[] {
    return (services ??= createMigCoreServices(EmptyFileSystem)).mig.parser.Lexer.tokenize(program).tokens;
}

let services: MigCoreServices | undefined;
