/** What the tests of the language share: short ways from text to what it compiles to. */
import { type CompileOptions, type Compilation, compileText } from '../compile-text.js';
import type { Finding } from '../finding.js';
import type { Expression, Policy, Program } from '../program.js';

export const uri = 'file:///policies/main.mig';

export function compile(text: string, options?: CompileOptions): Promise<Compilation> {
    return compileText({ uri, text }, options);
}

/** Compiles a text that must be right. */
export async function program(text: string, options?: CompileOptions): Promise<Program> {
    const { program: found, findings } = await compile(text, options);
    if (!found) throw new Error(`The text does not compile:\n${findings.map(shown).join('\n')}`);
    return found;
}

/** Compiles clauses as a policy, with what a policy needs where it is not among them. */
export async function policy(clauses: string, before = ''): Promise<Policy> {
    const [found] = (await program(`${before}\n${policyText(clauses)}`)).policies;
    if (!found) throw new Error('The program has no policy.');
    return found;
}

export function policyText(clauses: string): string {
    const lacks = (word: RegExp, clause: string): string => (word.test(clauses) ? '' : `${clause}\n`);
    return `policy p {\n${clauses}\n${lacks(/\bmove vms?\b/, 'move vms')}${lacks(/\bto host/, 'to hosts')}${lacks(/\busing\b/, 'using precopy')}}`;
}

/** Compiles an expression as the condition on VMs of a policy. */
export async function condition(text: string, before = ''): Promise<Expression> {
    const [found] = (await policy(`move vms where ${text}`, before)).selection.where;
    if (!found) throw new Error('The policy has no condition.');
    return found;
}

/** What is found in a text, one line each: `MIG105 vm has no attribute 'memry'. Did you mean 'memory'?` */
export async function findings(text: string, options?: CompileOptions): Promise<readonly string[]> {
    return (await compile(text, options)).findings.map(shown);
}

export function shown({ id, message, hint }: Finding): string {
    return [id, message, ...(hint === undefined ? [] : [hint])].join(' ');
}

/** Leaves out where things stand: for comparing what was compiled. */
export function bare<T>(of: T): T {
    if (of === undefined) return of;
    const text = JSON.stringify(of, (key, value: unknown) => (/[rR]anges?$/.test(key) ? undefined : value));
    return JSON.parse(text) as T;
}
