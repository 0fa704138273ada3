import type { Finding } from '@mig/language';
import { notBuilt, unknownNames } from '../../../core/index.js';
import type { Compiling } from '../compile/compiling.js';
import { type Console, Exit } from '../console.js';
import { type FindingsOf, loadInventory, loadPolicy } from '../load.js';
import { showFindings, withFile } from '../show.js';

export interface CheckOptions {
    readonly inventory?: string;
    readonly set: Readonly<Record<string, string>>;
    readonly json?: boolean;
}

/** Everything that can be found without asking a host, for each file. Ends with `invalid` where an error was found. */
export async function checkPolicies(
    files: readonly string[],
    options: CheckOptions,
    console: Console,
    compiling: Compiling,
): Promise<void> {
    using thread = compiling;
    const all: (FindingsOf & { readonly path: string })[] = [];
    for (const file of files) {
        const policy = await loadPolicy(file, options.set, thread);
        const findings: Finding[] = [...policy.findings];
        if (policy.program !== undefined) {
            findings.push(...notBuilt(policy.program, { kind: 'check' }));
            if (options.inventory !== undefined || policy.program.inventory !== undefined) {
                const inventory = await loadInventory(options.inventory, policy);
                all.push(inventory);
                if (inventory.inventory !== undefined) findings.push(...unknownNames(policy.program, inventory.inventory, undefined));
            }
        }
        all.push({ path: file, findings, sources: policy.sources });
    }
    if (options.json === true) {
        console.out(
            JSON.stringify(
                all.flatMap(({ findings, sources }) => findings.map((f) => withFile(f, sources))),
                null,
                2,
            ),
        );
    } else {
        for (const one of all) showFindings(one, console, {});
        const count = (severity: Finding['severity']) =>
            all.reduce((sum, { findings }) => sum + findings.filter((f) => f.severity === severity).length, 0);
        const [errors, warnings] = [count('error'), count('warning')];
        console.out(
            errors + warnings === 0
                ? `${files.length === 1 ? (files[0] ?? '') : `${files.length} files`}: nothing found`
                : `${errors} ${errors === 1 ? 'error' : 'errors'}, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`,
        );
    }
    if (all.some(({ findings }) => findings.some((f) => f.severity === 'error'))) throw new Exit('invalid');
}
