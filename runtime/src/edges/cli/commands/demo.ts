import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { MigrationError } from '../../../core/index.js';
import {
    defaultLab,
    guestProof,
    hostsOfGuest,
    type Lab,
    labCommand,
    labPaths,
    labRequirements,
    labUp,
    removeLeftovers,
} from '../../lab/door.js';
import { type Console, Exit } from '../console.js';
import { demoGuests, startDemoGuests } from './demo-guests.js';

const policy = 'examples/evacuate.mig';

/**
 * The whole way on real hosts: lab up, six VMs, a host drained by the policy, proof, lab down. The lab is tied to this
 * process: however it ends, nothing is left. Where no lab can be built it says why and plays the same policy on the
 * simulated cluster.
 */
export async function demo(options: { readonly name: string }, console: Console): Promise<void> {
    const program = findProgram();
    using interrupts = new DemoInterrupts();
    const missing = await labRequirements();
    if (missing.length > 0) {
        console.err('The lab of real hosts cannot be built here:');
        for (const one of missing) console.err(`  ${one.missing}: ${one.cure}`);
        console.err('\nThe same policy on the simulated cluster instead:\n');
        const code = await interrupts.leaveTo(program, [...program.argv, policy, '--inventory', 'examples/simulated.yaml', '--yes']);
        throw new Exit(code === 0 ? 'ok' : code === interruptedCode ? 'interrupted' : 'broken');
    }
    try {
        await drainInLab(options.name, program, interrupts, console);
    } catch (error) {
        // What could not be taken down is told, also to a person who wanted to leave.
        if (interrupts.signal.aborted && !(error instanceof SuppressedError)) throw new Exit('interrupted');
        throw error;
    }
}

const interruptedCode = 130;

async function drainInLab(name: string, program: Program, interrupts: DemoInterrupts, console: Console): Promise<void> {
    const { signal } = interrupts;
    for (const left of await removeLeftovers()) console.err(`removed what an earlier lab left: ${left.what}`);
    const began = Date.now();
    await using lab = await labUp({ ...defaultLab, name }, { tied: true, signal, onProgress: (text) => console.err(text) });
    await startDemoGuests(lab, console, signal);
    console.err(`three hosts and six VMs after ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
    // The policy names the inventory of the lab that has no other name.
    const inventory = name === defaultLab.name ? [] : ['--inventory', lab.inventoryPath];
    const command = [policy, ...inventory, '--yes'];
    console.err(`$ mig-run ${command.join(' ')}`);
    // A lab that is tied to this process ends with it, and so does what works on it: without its hosts it could only wait.
    const tied = ['setpriv', '--pdeathsig', 'KILL', '--'];
    const code = await interrupts.leaveTo(program, [...tied, ...labCommand(lab, [...program.argv, ...command])], {
        // A run on hosts that will be gone has no place in the person's own journal.
        XDG_STATE_HOME: path.join(labPaths(name).dir, 'state'),
    });
    signal.throwIfAborted();
    const whole = await prove(lab, console, signal);
    console.err('taking the lab down');
    if (code !== 0) throw new Exit(code === interruptedCode ? 'interrupted' : 'broken');
    if (!whole) throw new Exit('broken');
}

/** mig-run itself, and the checkout that has its examples. */
interface Program {
    readonly argv: readonly string[];
    readonly directory: string;
}

function findProgram(): Program {
    const [, script = ''] = process.argv;
    const directory = path.resolve(path.dirname(script), '../..');
    if (existsSync(path.join(directory, policy))) return { argv: [process.execPath, script], directory };
    throw new MigrationError('lab-unsupported', `the demo does not find ${policy} in ${directory}`, {
        hint: 'start it in a checkout of the project, as `npm run demo`',
    });
}

/** Who answers Ctrl-C and its like: the demo, by leaving; or, while mig-run carries the policy out, that one. */
class DemoInterrupts implements Disposable {
    readonly #leave = new AbortController();
    #busy: ((name: NodeJS.Signals) => void) | undefined;

    constructor() {
        for (const name of signals) process.on(name, this.#answer);
    }

    get signal(): AbortSignal {
        return this.#leave.signal;
    }

    /** Runs a command to its end. It gets the terminal's Ctrl-C itself, and other signals from us. */
    async leaveTo({ directory }: Program, [command = '', ...rest]: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
        this.signal.throwIfAborted();
        const child = spawn(command, rest, { stdio: 'inherit', cwd: directory, env: { ...process.env, ...env } });
        this.#busy = (name) => {
            if (name !== 'SIGINT') child.kill(name);
        };
        try {
            const [code] = (await once(child, 'close')) as [number | null];
            return code ?? 1;
        } finally {
            this.#busy = undefined;
        }
    }

    readonly #answer = (name: NodeJS.Signals): void => {
        if (this.#busy === undefined) this.#leave.abort();
        else this.#busy(name);
    };

    [Symbol.dispose](): void {
        for (const name of signals) process.off(name, this.#answer);
    }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Every guest runs on one host alone, counts on, and holds what it wrote. */
async function prove(lab: Lab, console: Console, signal: AbortSignal): Promise<boolean> {
    console.out('\nProof, read out of the guests themselves:');
    let whole = true;
    // No wider than needed: the lines below just fit 80 columns.
    const width = Math.max(...demoGuests.map(({ name }) => name.length));
    for (const { name } of demoGuests) {
        const hosts = await hostsOfGuest(lab, name);
        const [host] = hosts;
        if (host === undefined) {
            console.out(`  ${name.padEnd(width)} LOST: no host runs it`);
            whole = false;
            continue;
        }
        const proof = await guestProof(lab, host, name, signal);
        const good = proof.running && proof.damage.length === 0 && proof.lostWrites === 0 && hosts.length === 1;
        whole &&= good;
        const facts = `${proof.pagesChecked} pages as they should be, ${proof.writes} writes, none lost`;
        const faults = `running ${proof.running}, ${proof.damage.length} pages damaged, ${proof.lostWrites} writes lost, on ${hosts.join(' and ')}`;
        console.out(`  ${name.padEnd(width)} on ${host}: ${good ? `runs, ${facts}` : faults}`);
    }
    return whole;
}
