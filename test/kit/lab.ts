/**
 * A lab for tests. Each test file that asks gets a lab of its own, which ends with the test run, however that ends.
 * Where no lab can be built the tests are skipped with the reason; with CI set they fail instead.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import { removeLeftovers } from '../../runtime/src/edges/lab/down.js';
import { labRequirements, unsupported, type MissingRequirement } from '../../runtime/src/edges/lab/requirements.js';
import { defaultHosts, type LabHostSpec } from '../../runtime/src/edges/lab/spec.js';
import { labUp, type OwnedLab } from '../../runtime/src/edges/lab/up.js';

export interface LabFixture {
    /** The lab, once the tests run. */
    readonly lab: OwnedLab;
    readonly name: string;
}

/** Why lab tests cannot run here; empty where they can. */
const missingForLab: readonly MissingRequirement[] = await labRequirements();

const mustRun = (process.env['CI'] ?? '') !== '' && process.env['CI'] !== 'false';

/** A group of tests that build labs themselves. */
export function describeWhereLabsRun(title: string, tests: () => void): void {
    const reason = missingForLab.map((each) => `${each.missing} (${each.cure})`).join('; ');
    describe.skipIf(missingForLab.length > 0 && !mustRun)(reason === '' ? title : `${title} [no lab here: ${reason}]`, () => {
        beforeAll(() => {
            if (missingForLab.length > 0) throw unsupported(missingForLab);
        });
        tests();
    });
}

/** A group of tests that share a lab. The lab is up before the first of them and down after the last. */
export function describeWithLab(title: string, tests: (fixture: LabFixture) => void, hosts: readonly LabHostSpec[] = defaultHosts): void {
    describeWhereLabsRun(title, () => {
        const name = `test-${process.pid}`;
        let lab: OwnedLab | undefined;
        beforeAll(async () => {
            await removeLeftovers();
            lab = await labUp({ name, hosts }, { tied: true });
        });
        afterAll(() => lab?.[Symbol.asyncDispose]());
        tests({
            name,
            get lab(): OwnedLab {
                if (lab === undefined) throw new Error('the lab is up only while tests run');
                return lab;
            },
        });
    });
}
