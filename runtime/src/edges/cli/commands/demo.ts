import { MigrationError } from '../../../core/index.js';
import { guestProof, hostsOfGuest, type Lab, labCommand, labRequirements, labUp, removeLeftovers } from '../../lab/door.js';
import { type Console, Exit } from '../console.js';
import { demoGuests, startDemoGuests } from './demo-guests.js';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const policy = 'examples/evacuate.mig';

/**
 * The whole way on real hosts: lab up, six VMs, a host drained by the policy, proof, lab down. The lab is tied to this
 * process: however it ends, nothing is left. Where no lab can be built it says why and plays the same policy on the
 * simulated cluster.
 */
export async function demo(console: Console): Promise<void> {
    const missing = await labRequirements();
    if (missing.length > 0) {
        console.err('The lab of real hosts cannot be built here:');
        for (const one of missing) console.err(`  ${one.missing}: ${one.cure}`);
        console.err('\nThe same policy on the simulated cluster instead:\n');
        throw new Exit(
            (await migRun([process.execPath, self(), policy, '--inventory', 'examples/simulated.yaml', '--yes'])) === 0 ? 'ok' : 'broken',
        );
    }
    const interrupt = new AbortController();
    const onSignal = () => interrupt.abort();
    process.once('SIGTERM', onSignal);
    process.once('SIGHUP', onSignal);
    // Until the policy runs, Ctrl-C ends the demo; while it runs, Ctrl-C is the policy's to answer.
    process.on('SIGINT', onSignal);
    const { signal } = interrupt;
    try {
        for (const left of await removeLeftovers()) console.err(`removed what an earlier lab left: ${left.what}`);
        const began = Date.now();
        await using lab = await labUp(undefined, { tied: true, signal, onProgress: (text) => console.err(text) });
        await startDemoGuests(lab, console, signal);
        console.err(`three hosts and six VMs after ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
        console.err(`$ mig-run ${policy} --yes`);
        process.off('SIGINT', onSignal);
        const ignore = () => undefined;
        process.on('SIGINT', ignore);
        const [command = '', ...rest] = labCommand(lab, [process.execPath, self(), policy, '--yes']);
        const code = await migRun([command, ...rest]);
        process.off('SIGINT', ignore);
        process.on('SIGINT', onSignal);
        signal.throwIfAborted();
        const whole = await prove(lab, console, signal);
        console.err('taking the lab down');
        if (code !== 0) throw new Exit(code === 130 ? 'interrupted' : 'broken');
        if (!whole) throw new Exit('broken');
    } catch (error) {
        if (signal.aborted) throw new Exit('interrupted');
        throw error;
    } finally {
        process.off('SIGINT', onSignal);
        process.off('SIGTERM', onSignal);
        process.off('SIGHUP', onSignal);
    }
}

function self(): string {
    const [, script] = process.argv;
    if (script === undefined)
        throw new MigrationError('lab-unsupported', 'the demo does not know where mig-run is', { hint: 'start it as `npm run demo`' });
    return script;
}

async function migRun(argv: readonly string[]): Promise<number> {
    const [command = '', ...rest] = argv;
    const child = spawn(command, rest, { stdio: 'inherit' });
    const [code] = (await once(child, 'close')) as [number | null];
    return code ?? 1;
}

/** Every guest runs on one host alone, counts on, and holds what it wrote. */
async function prove(lab: Lab, console: Console, signal: AbortSignal): Promise<boolean> {
    console.out('\nProof, read out of the guests themselves:');
    let whole = true;
    for (const { name } of demoGuests) {
        const hosts = await hostsOfGuest(lab, name);
        const [host] = hosts;
        if (host === undefined) {
            console.out(`  ${name.padEnd(8)} LOST: no host runs it`);
            whole = false;
            continue;
        }
        const proof = await guestProof(lab, host, name, signal);
        const good = proof.running && proof.damage.length === 0 && proof.lostWrites === 0 && hosts.length === 1;
        whole &&= good;
        const facts = `${proof.pagesChecked} pages as they should be, ${proof.writes} writes, none lost`;
        const faults = `running ${proof.running}, ${proof.damage.length} pages damaged, ${proof.lostWrites} writes lost, on ${hosts.join(' and ')}`;
        console.out(`  ${name.padEnd(8)} on ${host}: ${good ? `runs, ${facts}` : faults}`);
    }
    return whole;
}
