import * as ast from '../generated/ast.js';
import type { Entity, HostSequence, SequenceStep } from '../program.js';
import { command, within } from './around.js';
import { count, nothing } from './amount.js';
import { calendarDays } from './calendar.js';
import { daysOf, zoneOf } from './clock.js';
import { timeOfDay } from './time-of-day.js';
import { only } from './clauses.js';
import type { Context } from './context.js';
import { condition } from './expression.js';
import type { Names } from './names.js';
import { both, groupOf } from './selection.js';
import { techniqueUse } from './technique.js';

const names: Names = { entities: new Set<Entity>(['host', 'cluster']), place: 'in work over hosts', parameters: new Map() };

/** Rolling work over many hosts. */
export function sequence(node: ast.Sequence, context: Context): HostSequence {
    const one = <Type extends ast.SequenceSetting['$type']>(
        type: Type,
    ): Extract<ast.SequenceSetting, { readonly $type: Type }> | undefined => only(node.settings, type, context);
    const waves = one(ast.WavesSetting.$type);
    const spare = one(ast.SpareSetting.$type);
    const start = one(ast.StartSetting.$type);
    const halt = one(ast.HaltSetting.$type);
    return {
        range: context.range(node),
        name: node.name,
        ...(node.name !== undefined && { nameRange: context.range(node, 'name') }),
        hosts: both(groupOf(node, 'hosts', context), node.where && condition(node.where, names, context)),
        waves: waves ? count(waves.count, { what: 'The size of a wave' }, nothing, context) : 1,
        spareHosts: spare && count(spare.count, { what: 'The number of spare hosts' }, nothing, context),
        ...(spare && { spareRange: context.range(spare) }),
        steps: node.steps.map((step) => stepOf(step, context)),
        startBetween: start && startOf(start, context),
        finishInside: start?.finishInside ?? false,
        ...(start?.continues && { continues: true }),
        haltAfterFailedHosts: halt && count(halt.count, { what: 'The number of failed hosts' }, nothing, context),
    };
}

function startOf(node: ast.StartSetting, context: Context): HostSequence['startBetween'] {
    const days = daysOf(node.days);
    const calendar = calendarDays(node, context);
    const timeZone = zoneOf(node.zone, context.range(node, 'zone'), context);
    return {
        from: timeOfDay(node.from, context),
        to: timeOfDay(node.to, context),
        ...(days.length > 0 && { days }),
        ...(calendar && { calendar }),
        ...(timeZone !== undefined && { timeZone }),
    };
}

function stepOf(node: ast.SequenceStep, context: Context): SequenceStep {
    const range = context.range(node);
    switch (node.$type) {
        case ast.DrainStep.$type:
            return { kind: 'drain', technique: node.uses.map((use) => techniqueUse(use, context)), range };
        case ast.RunStep.$type:
            return { kind: 'run', command: command(node.command), withinMs: within(node.within, context), range };
        case ast.RebootStep.$type:
            return { kind: 'reboot', withinMs: within(node.within, context), range };
        case ast.WaitStep.$type:
            return {
                kind: 'wait-until',
                condition: condition(node.condition, names, context),
                withinMs: within(node.within, context),
                range,
            };
        case ast.ReturnStep.$type:
            return { kind: 'return-moved-vms', range };
    }
}
