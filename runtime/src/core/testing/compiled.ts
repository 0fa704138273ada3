/** Policies from text, and the plan for them. Not part of the package. */
import { compileText, type Program } from '@mig/language';
import { makePlan } from '../decide/plan.js';
import type { Plan } from '../model/plan.js';
import type { Snapshot } from '../model/snapshot.js';
import { digest, inventoryOf } from './builders.js';

export async function compiled(text: string): Promise<Program> {
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text });
    if (!program) throw new Error(findings.map((f) => f.message).join('\n'));
    return program;
}

/** By the hosts of the Snapshot, at its time. */
export function planOf(program: Program, on: Snapshot): Plan {
    const { plan, findings } = makePlan(program, inventoryOf(on), on, { now: on.takenAt, digest });
    if (!plan) throw new Error(findings.map((f) => f.message).join('\n'));
    return plan;
}
