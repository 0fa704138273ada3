/**
 * Whether comparisons of several attributes with each other can be so together: equal texts are joined to classes, and
 * figures and versions are linear comparisons.
 */
import { attributeOfVersion, type Atom, isVersion, orderOfVersions, type Said } from './comparisons.js';
import { solvable, type SumFact } from './linear.js';
import { type Fact, onlyValue, possible } from './ranges.js';

/** Whether nothing can be so in all these ways. */
export function impossible(all: readonly Atom[]): boolean {
    const known = new Set(all.filter((atom) => !atom.orUnknown).flatMap((atom) => atom.reads));
    // What is merely not true may be unknown, unless something else shows that all it reads is known.
    const atoms = all.filter((atom) => !atom.orUnknown || atom.reads.every((name) => known.has(name)));
    const classes = classesOf(atoms);
    const facts = factsOf(atoms, classes);
    if ([...facts.values()].some((of) => !possible(of))) return true;
    return differs(atoms, classes, facts) || !solvable(sumsOf(atoms));
}

/** The fewest of the atoms that are impossible: without any one of them the rest may be. */
export function fewest(atoms: readonly Atom[]): readonly Atom[] {
    let left = atoms;
    for (const one of atoms) {
        const without = left.filter((other) => other !== one);
        if (impossible(without)) left = without;
    }
    return left;
}

/** For each attribute the one that stands for all that are equal to it. */
type Classes = (attribute: string) => string;

function classesOf(atoms: readonly Atom[]): Classes {
    const parents = new Map<string, string>();
    const find: Classes = (name) => {
        const parent = parents.get(name);
        return parent === undefined ? name : find(parent);
    };
    for (const { said } of atoms) {
        if (said.kind !== 'alike') continue;
        const [left, right] = [find(said.left), find(said.right)];
        if (left !== right) parents.set(left, right);
    }
    return find;
}

function factsOf(atoms: readonly Atom[], classes: Classes): ReadonlyMap<string, readonly Fact[]> {
    const facts = new Map<string, Fact[]>();
    for (const { said, attribute } of atoms) {
        if (said.kind !== 'fact') continue;
        const name = classes(attribute);
        const known = facts.get(name);
        if (known) known.push(said.fact);
        else facts.set(name, [said.fact]);
    }
    return facts;
}

/** Whether two are to differ that are of one class, or can have one and the same value only. */
function differs(atoms: readonly Atom[], classes: Classes, facts: ReadonlyMap<string, readonly Fact[]>): boolean {
    return atoms.some(({ said }) => {
        if (said.kind !== 'unlike') return false;
        const [left, right] = [classes(said.left), classes(said.right)];
        if (left === right) return true;
        const only = onlyValue(facts.get(left) ?? []);
        return only !== undefined && only === onlyValue(facts.get(right) ?? []);
    });
}

/** Everything that is said of the figures that stand in sums. */
function sumsOf(atoms: readonly Atom[]): readonly SumFact[] {
    const sums = atoms.flatMap(({ said }): readonly SumFact[] => (said.kind === 'sum' ? [said] : []));
    if (sums.length === 0) return [];
    const terms = new Set(sums.flatMap(({ sum }) => [...sum.terms.keys()]));
    const versions = new Set([...terms].flatMap((term) => attributeOfVersion(term) ?? []));
    const alone = atoms.flatMap(({ said, attribute }): readonly SumFact[] => {
        if (said.kind === 'fact' && versions.has(attribute)) return versionFact(attribute, said.fact);
        return said.kind === 'fact' && terms.has(attribute) ? figureFacts(attribute, said.fact) : alikeVersions(said, versions);
    });
    const facts = [...sums, ...alone];
    const all = new Set(facts.flatMap(({ sum }) => [...sum.terms.keys()]));
    const atLeastNothing = [...all].filter(isNeverNegative).map((name): SumFact => one(name, -1, 0, '<='));
    return [...facts, ...atLeastNothing, ...orderOfVersions(all)];
}

const one = (name: string, factor: number, constant: number, is: SumFact['is']): SumFact => ({
    sum: { terms: new Map([[name, factor]]), constant },
    is,
});

function figureFacts(name: string, fact: Fact): readonly SumFact[] {
    switch (fact.kind) {
        case 'order': {
            const { operator, than } = fact;
            if (!Number.isFinite(than)) return [];
            if (operator === '<' || operator === '<=') return [one(name, 1, -than, operator)];
            return [one(name, -1, than, operator === '>' ? '<' : '<=')];
        }
        case 'none-of':
            return fact.values.flatMap((value) => (typeof value === 'number' ? [one(name, 1, -value, '!=')] : []));
        case 'one-of': {
            const [value, ...others] = fact.values;
            return typeof value === 'number' && others.length === 0 ? [one(name, 1, -value, '==')] : [];
        }
        case 'has':
        case 'lacks':
            return [];
    }
}

function versionFact(attribute: string, fact: Fact): readonly SumFact[] {
    if (fact.kind !== 'one-of') return [];
    const [value, ...others] = fact.values;
    return typeof value === 'string' && others.length === 0 ? [isVersion(attribute, value)] : [];
}

/** Equal texts are equal as versions too; texts that differ may be. */
function alikeVersions(said: Said, versions: ReadonlySet<string>): readonly SumFact[] {
    if (said.kind !== 'alike' || !versions.has(said.left) || !versions.has(said.right)) return [];
    const [left, right] = [said.left, said.right].map((name) => `version of ${name}`);
    if (left === undefined || right === undefined || left === right) return [];
    return [
        {
            sum: {
                terms: new Map([
                    [left, 1],
                    [right, -1],
                ]),
                constant: 0,
            },
            is: '==',
        },
    ];
}

/** Counts, sizes and rates. Free and used memory are not among them: while a plan is made a host may be over-full. */
function isNeverNegative(term: string): boolean {
    const [entity = '', ...rest] = term.split('.');
    return (entity === 'vm' ? ofVms : entity === 'host' || entity === 'source' ? ofHosts : nothing).has(rest.join('.'));
}

const nothing: ReadonlySet<string> = new Set();
const ofVms: ReadonlySet<string> = new Set([
    'memory',
    'vcpus',
    'uptime',
    'cpu',
    'net.tx',
    'net.rx',
    'disk.read',
    'disk.write',
    'dirty_rate',
    'working_set',
    'disks.local',
]);
const ofHosts: ReadonlySet<string> = new Set([
    'cpu',
    'cpus',
    'cpu.committed',
    'memory',
    'memory.committed',
    'memory.working_set',
    'vms',
    'net.tx',
    'net.rx',
    'power',
]);
